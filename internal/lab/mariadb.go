package lab

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// mariadbd is MariaDB's [family].
type mariadbd struct{}

// mariadbLogFile must be the same when a data directory is made and when it is used.
const mariadbLogFile = "--innodb-log-file-size=4M"

// mariadbUsers is run once into the template, with no binary log: every server
// of a cluster begins with the same rows and an empty GTID position. The
// bootstrap server has no grant tables loaded until it is told to flush.
const mariadbUsers = `FLUSH PRIVILEGES;
CREATE DATABASE app;
CREATE DATABASE lab;
CREATE TABLE lab.beat (id INT PRIMARY KEY, n BIGINT NOT NULL);
CREATE USER admin@'%' IDENTIFIED BY 'admin';
GRANT ALL PRIVILEGES ON *.* TO admin@'%' WITH GRANT OPTION;
CREATE USER app@'%' IDENTIFIED BY 'app';
GRANT ALL PRIVILEGES ON app.* TO app@'%';
`

func (mariadbd) find(dirs []string) (programs, error) {
	server, err := find("mariadbd", dirs, anyProgram, ErrNoMariaDB)
	if err != nil {
		return programs{}, err
	}
	install, err := find("mariadb-install-db", dirs, anyProgram, ErrNoMariaDB)
	return programs{server: server, install: install}, err
}

func (mariadbd) install(ctx context.Context, progs programs, dir, data string) (*exec.Cmd, error) {
	script := filepath.Join(dir, "users.sql")
	if err := os.WriteFile(script, []byte(mariadbUsers), 0o600); err != nil {
		return nil, err
	}
	args := []string{"--no-defaults", "--datadir=" + data, "--tmpdir=" + dir, mariadbLogFile,
		"--skip-test-db", "--skip-name-resolve", "--auth-root-authentication-method=normal", "--extra-file=" + script}
	cmd := exec.CommandContext(ctx, progs.install, append(args, userArgs()...)...)
	// The installer is a script whose server would outlive it: end the group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd, nil
}

func (mariadbd) initFile() string { return "" }

func (mariadbd) args(_ string, adminPort int, _ string, _ bool) []string {
	return []string{mariadbLogFile, "--debug-no-sync", "--extra-port=" + strconv.Itoa(adminPort), "--extra-max-connections=100"}
}

// replication has strict mode off because it stops replication for a harmless
// FLUSH on a replica.
func (mariadbd) replication() replication {
	return replication{
		args: []string{
			"--log-bin=binlog", "--log-slave-updates=1", "--relay-log=relay",
			"--gtid-strict-mode=0",
			"--rpl-semi-sync-master-enabled=1", "--rpl-semi-sync-slave-enabled=1",
			"--rpl-semi-sync-master-wait-no-slave=0",
			"--rpl-semi-sync-master-wait-point=AFTER_SYNC",
			"--rpl-semi-sync-master-timeout=2000", // milliseconds
		},
		readOnly: "read_only",
		stop:     "STOP SLAVE",
		// Its own binary log is all that the node has, written or replicated.
		prepare: "SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos",
		follow: `CHANGE MASTER TO master_host = ?, master_port = ?, master_ssl = ?, master_user = 'admin', master_password = 'admin',
			master_use_gtid = slave_pos, master_connect_retry = 1`,
		start:       "START SLAVE",
		forget:      "RESET SLAVE ALL",
		stopReceive: "STOP SLAVE IO_THREAD",
		status:      "SHOW SLAVE STATUS",
		receiving:   "Slave_IO_Running",
		applying:    "Slave_SQL_Running",
		received:    "Gtid_IO_Pos",
		position:    "SELECT @@gtid_binlog_pos",
		reached:     "SELECT MASTER_GTID_WAIT(?, 1)",
		diverged:    "1236",
		semisync:    "rpl_semi_sync_master_status",
		listeners:   "rpl_semi_sync_master_clients",
	}
}
