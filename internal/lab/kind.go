package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Kind is whose server a [Server] is.
type Kind uint8

const (
	MariaDB Kind = iota
	MySQL
)

func (k Kind) String() string {
	switch k {
	case MariaDB:
		return "MariaDB"
	case MySQL:
		return "MySQL"
	}
	return "Kind " + strconv.Itoa(int(k))
}

// logFileSize must be the same when a data directory is made and when it is used.
var logFileSize = map[Kind]string{MariaDB: "--innodb-log-file-size=4M", MySQL: "--innodb-redo-log-capacity=8M"}

// users is run by MariaDB once into the template, with no binary log: every
// server of a cluster begins with the same rows and an empty GTID position. The
// bootstrap server has no grant tables loaded until it is told to flush.
const users = `FLUSH PRIVILEGES;
CREATE DATABASE app;
CREATE DATABASE lab;
CREATE TABLE lab.beat (id INT PRIMARY KEY, n BIGINT NOT NULL);
CREATE USER admin@'%' IDENTIFIED BY 'admin';
GRANT ALL PRIVILEGES ON *.* TO admin@'%' WITH GRANT OPTION;
CREATE USER app@'%' IDENTIFIED BY 'app';
GRANT ALL PRIVILEGES ON app.* TO app@'%';
`

// usersMySQL is run by MySQL at each start, because it makes no users while it
// makes a data directory.
const usersMySQL = `SET SESSION sql_log_bin = 0;
CREATE DATABASE IF NOT EXISTS app;
CREATE DATABASE IF NOT EXISTS lab;
CREATE TABLE IF NOT EXISTS lab.beat (id INT PRIMARY KEY, n BIGINT NOT NULL);
CREATE USER IF NOT EXISTS admin@'%' IDENTIFIED BY 'admin';
GRANT ALL PRIVILEGES ON *.* TO admin@'%' WITH GRANT OPTION;
CREATE USER IF NOT EXISTS app@'%' IDENTIFIED BY 'app';
GRANT ALL PRIVILEGES ON app.* TO app@'%';
`

// installCommand is what makes the data directory data. dir is for whatever else
// it needs.
func (k Kind) installCommand(ctx context.Context, progs programs, dir, data string) (*exec.Cmd, error) {
	args := []string{"--no-defaults", "--datadir=" + data, "--tmpdir=" + dir, logFileSize[k]}
	args = append(args, userArgs()...)
	if k == MySQL {
		return exec.CommandContext(ctx, progs.server, append(args, "--initialize-insecure", "--innodb-doublewrite=0")...), nil
	}
	script := filepath.Join(dir, "users.sql")
	if err := os.WriteFile(script, []byte(users), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, progs.install, append(args,
		"--skip-test-db", "--skip-name-resolve", "--auth-root-authentication-method=normal", "--extra-file="+script)...)
	// The installer is a script whose server would outlive it: end the group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd, nil
}

// args are the arguments of a server of this kind that others do not have:
// adminPort is a second port that is not counted in max_connections.
func (k Kind) args(host string, adminPort int, initFile string) []string {
	port := strconv.Itoa(adminPort)
	if k == MySQL {
		return []string{
			"--admin-address=" + host, "--admin-port=" + port, "--init-file=" + initFile,
			"--mysqlx=0", "--secure-file-priv=", "--skip-log-bin", "--innodb-doublewrite=0",
		}
	}
	return []string{"--extra-port=" + port, "--extra-max-connections=100"}
}

// prepare writes what a server of this kind reads besides its data directory.
func (k Kind) prepare(initFile string) error {
	if k != MySQL {
		return nil
	}
	if err := os.WriteFile(initFile, []byte(usersMySQL), 0o600); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return nil
}

// userArgs lets root run the server, which refuses that unless told so.
func userArgs() []string {
	if os.Geteuid() != 0 {
		return nil
	}
	return []string{"--user=root"}
}
