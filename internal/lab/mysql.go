package lab

import (
	"context"
	"os/exec"
	"strconv"
)

// mysqld is MySQL's [family].
type mysqld struct{}

// mysqlLogFile must be the same when a data directory is made and when it is used.
const mysqlLogFile = "--innodb-redo-log-capacity=8M"

// mysqlUsers is run at each start, because MySQL makes no users while it makes a
// data directory. It stays out of the binary log, and super_read_only is not yet
// on when it runs.
const mysqlUsers = `SET SESSION sql_log_bin = 0;
CREATE DATABASE IF NOT EXISTS app;
CREATE DATABASE IF NOT EXISTS lab;
CREATE TABLE IF NOT EXISTS lab.beat (id INT PRIMARY KEY, n BIGINT NOT NULL);
CREATE USER IF NOT EXISTS admin@'%' IDENTIFIED BY 'admin';
GRANT ALL PRIVILEGES ON *.* TO admin@'%' WITH GRANT OPTION;
CREATE USER IF NOT EXISTS app@'%' IDENTIFIED BY 'app';
GRANT ALL PRIVILEGES ON app.* TO app@'%';
`

func (mysqld) find(dirs []string) (programs, error) {
	server, err := find("mysqld", dirs, isMySQL, ErrNoMySQL)
	return programs{server: server}, err
}

func (mysqld) install(ctx context.Context, progs programs, dir, data string) (*exec.Cmd, error) {
	args := []string{"--no-defaults", "--datadir=" + data, "--tmpdir=" + dir, mysqlLogFile,
		"--initialize-insecure", "--innodb-doublewrite=0", "--innodb-flush-method=nosync"}
	return exec.CommandContext(ctx, progs.server, append(args, userArgs()...)...), nil
}

func (mysqld) initFile() string { return mysqlUsers }

func (mysqld) args(host string, adminPort int, initFile string, alone bool) []string {
	args := []string{
		mysqlLogFile, "--admin-address=" + host, "--admin-port=" + strconv.Itoa(adminPort), "--init-file=" + initFile,
		"--mysqlx=0", "--secure-file-priv=", "--local-infile=1", "--innodb-doublewrite=0",
	}
	if alone {
		args = append(args, "--skip-log-bin")
	}
	return args
}

// replication keeps every account from writing on a replica: a transaction of
// the replica's own would make it diverge.
func (mysqld) replication() replication {
	return replication{
		args: []string{
			"--log-bin=binlog", "--log-replica-updates=1", "--relay-log=relay",
			"--relay-log-recovery=1", // a replica that was killed fetches again what it had not applied
			"--gtid-mode=ON", "--enforce-gtid-consistency=ON",
			"--plugin-load-add=semisync_source.so", "--plugin-load-add=semisync_replica.so",
			"--rpl-semi-sync-source-enabled=1", "--rpl-semi-sync-replica-enabled=1",
			"--rpl-semi-sync-source-wait-no-replica=0",
			"--rpl-semi-sync-source-wait-point=AFTER_SYNC",
			"--rpl-semi-sync-source-timeout=2000", // milliseconds
		},
		readOnly: "super_read_only",
		stop:     "STOP REPLICA",
		// A primary of before takes those who have left it for replicas until it writes, and would wait for them with what it applies.
		prepare: "SET GLOBAL rpl_semi_sync_source_timeout = 1",
		lead:    "SET GLOBAL rpl_semi_sync_source_timeout = 2000",
		follow: `CHANGE REPLICATION SOURCE TO source_host = ?, source_port = ?, source_ssl = ?, source_user = 'admin',
			source_password = 'admin', source_auto_position = 1, get_source_public_key = 1, source_connect_retry = 1, source_retry_count = 86400`,
		start:       "START REPLICA",
		forget:      "RESET REPLICA ALL",
		stopReceive: "STOP REPLICA IO_THREAD",
		status:      "SHOW REPLICA STATUS",
		receiving:   "Replica_IO_Running",
		applying:    "Replica_SQL_Running",
		received:    "Retrieved_Gtid_Set",
		position:    "SELECT @@GLOBAL.gtid_executed",
		reached:     "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 1)",
		diverged:    "13114",
		// A source gives a node that has more than itself what the node lacks, and says nothing of the rest.
		beyond:    "SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, ?)",
		semisync:  "rpl_semi_sync_source_status",
		listeners: "rpl_semi_sync_source_clients",
	}
}
