package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// errDiverged says that a node holds transactions its primary does not have.
var errDiverged = errors.New("node has diverged from the primary")

// errnoDiverged is what a replica reports when the primary's binary log does
// not hold the position that the replica asks for.
const errnoDiverged = 1236

// replicationArgs make a server fit for any role. Strict mode is off because it
// stops replication for a harmless FLUSH on a replica. A primary that has no
// replica at the time does not wait for one.
func replicationArgs() []string {
	return []string{
		"--log-bin=binlog", "--log-slave-updates=1", "--relay-log=relay",
		"--gtid-strict-mode=0",
		"--rpl-semi-sync-master-enabled=1", "--rpl-semi-sync-slave-enabled=1",
		"--rpl-semi-sync-master-wait-no-slave=0",
		"--rpl-semi-sync-master-wait-point=AFTER_SYNC",
		"--rpl-semi-sync-master-timeout=2000", // milliseconds
	}
}

// follow makes node a replica of primary and returns when it replicates.
func follow(ctx context.Context, node, primary *Server) error {
	steps := []struct {
		query string
		args  []any
	}{
		{"STOP SLAVE", nil},
		// Its own binary log is all that the node has, written or replicated.
		{"SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos", nil},
		{`CHANGE MASTER TO master_host = ?, master_port = ?, master_user = 'admin', master_password = 'admin',
			master_use_gtid = slave_pos, master_connect_retry = 1`, []any{primary.Host(), primary.Port()}},
		{"START SLAVE", nil},
	}
	for _, step := range steps {
		if _, err := node.admin.ExecContext(ctx, step.query, step.args...); err != nil {
			return fmt.Errorf("lab: make %s a replica: %w", node.Addr(), err)
		}
	}
	beat, err := sendBeat(ctx, primary)
	if err != nil {
		return err
	}
	return awaitBeat(ctx, node, beat)
}

// promote makes node a writable server that follows nobody.
func promote(ctx context.Context, node *Server) error {
	for _, query := range []string{"STOP SLAVE", "RESET SLAVE ALL"} {
		if _, err := node.admin.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("lab: promote %s: %w", node.Addr(), err)
		}
	}
	return node.SetReadOnly(ctx, false)
}

// sendBeat writes a row with a number that nobody used before.
func sendBeat(ctx context.Context, primary *Server) (int64, error) {
	beat := rand.Int64()
	if _, err := primary.admin.ExecContext(ctx, "REPLACE INTO lab.beat VALUES (1, ?)", beat); err != nil {
		return 0, fmt.Errorf("lab: write to %s: %w", primary.Addr(), err)
	}
	return beat, nil
}

// awaitBeat waits until node holds that row. Only the row itself is proof: a
// node that has diverged counts its own transactions as the primary's.
func awaitBeat(ctx context.Context, node *Server, beat int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	return Until(ctx, node.Addr()+" replicates", func(ctx context.Context) (bool, error) {
		var n int64
		err := node.admin.QueryRowContext(ctx, "SELECT n FROM lab.beat WHERE id = 1").Scan(&n)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return false, err
		}
		if err == nil && n == beat {
			return true, nil
		}
		status, err := replicaStatus(ctx, node)
		if err != nil {
			return false, err
		}
		if status["Last_IO_Errno"] == strconv.Itoa(errnoDiverged) || status["Last_SQL_Errno"] != "0" {
			cancel(fmt.Errorf("%w: %s%s", errDiverged, status["Last_IO_Error"], status["Last_SQL_Error"]))
		}
		return false, fmt.Errorf("io thread %s, sql thread %s, %s%s", status["Slave_IO_Running"],
			status["Slave_SQL_Running"], status["Last_IO_Error"], status["Last_SQL_Error"])
	})
}

// awaitGTID waits until node has applied everything up to the position.
func awaitGTID(ctx context.Context, node *Server, position string) error {
	return Until(ctx, node.Addr()+" has applied "+position, func(ctx context.Context) (bool, error) {
		var code sql.NullInt64
		err := node.admin.QueryRowContext(ctx, "SELECT MASTER_GTID_WAIT(?, 1)", position).Scan(&code)
		return code.Valid && code.Int64 == 0, err
	})
}

func binlogPosition(ctx context.Context, node *Server) (string, error) {
	var position string
	if err := node.admin.QueryRowContext(ctx, "SELECT @@gtid_binlog_pos").Scan(&position); err != nil {
		return "", fmt.Errorf("lab: position of %s: %w", node.Addr(), err)
	}
	return position, nil
}

// replicaStatus is SHOW SLAVE STATUS by column name.
func replicaStatus(ctx context.Context, node *Server) (map[string]string, error) {
	rows, err := node.admin.QueryContext(ctx, "SHOW SLAVE STATUS")
	if err != nil {
		return nil, fmt.Errorf("lab: replication of %s: %w", node.Addr(), err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("lab: replication of %s: %w", node.Addr(), err)
	}
	if !rows.Next() {
		return nil, errors.Join(fmt.Errorf("lab: %s is not a replica", node.Addr()), rows.Err())
	}
	cells := make([]sql.NullString, len(names))
	targets := make([]any, len(names))
	for i := range cells {
		targets[i] = &cells[i]
	}
	if err := rows.Scan(targets...); err != nil {
		return nil, fmt.Errorf("lab: replication of %s: %w", node.Addr(), err)
	}
	status := make(map[string]string, len(names))
	for i, name := range names {
		status[name] = cells[i].String
	}
	return status, nil
}
