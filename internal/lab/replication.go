package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
)

// errDiverged says that a node holds transactions its primary does not have.
var errDiverged = errors.New("node has diverged from the primary")

// A replication is what the servers of a family are told, and asked, as nodes of
// a cluster. All of them replicate by GTID, and acknowledge a write when one
// replica has it; a primary that has no replica at the time does not wait for one.
type replication struct {
	args     []string // make a server fit for any role
	readOnly string   // the variable by which a replica refuses writes

	stop, start string // replication as a whole
	prepare     string // before a node follows another
	lead        string // when it follows nobody any more, or ""
	follow      string // whom: host, port, whether encrypted
	forget      string // whom it followed
	stopReceive string

	status              string // by column name
	receiving, applying string // columns: whether it does
	received            string // column: the position up to which it has received all
	position            string // up to which it has applied all
	reached             string // answers 0 when it has applied all up to a position, and waits a second for that
	diverged            string // the receiver's error number when the primary does not hold the node's position
	beyond              string // what it has applied beyond a position, or "" where the receiver finds that out

	semisync, listeners string // status variables: whether writes wait for a replica, and how many of these there are
}

// follow makes node a replica of primary and returns when it replicates, and
// the primary's writes wait for a replica.
func follow(ctx context.Context, node, primary *Server) error {
	words := node.replication()
	steps := []struct {
		query string
		args  []any
	}{
		{words.stop, nil},
		{words.prepare, nil},
		{words.follow, []any{primary.Host(), primary.Port(), primary.cfg.TLS == RequireTLS}},
		{words.start, nil},
	}
	for i, step := range steps {
		if _, err := node.admin.ExecContext(ctx, step.query, step.args...); err != nil {
			return fmt.Errorf("lab: make %s a replica: %w", node.Addr(), err)
		}
		if i == 0 {
			if err := checkSubset(ctx, node, primary); err != nil {
				return err
			}
		}
	}
	beat, err := sendBeat(ctx, primary)
	if err == nil {
		err = awaitBeat(ctx, node, beat)
	}
	if err == nil {
		err = awaitSemisync(ctx, primary)
	}
	return err
}

// checkSubset asserts that a node that applies nothing at the moment has nothing
// that the primary has not.
func checkSubset(ctx context.Context, node, primary *Server) error {
	query := node.replication().beyond
	if query == "" {
		return nil
	}
	position, err := binlogPosition(ctx, primary)
	if err != nil {
		return err
	}
	var beyond string
	if err := node.admin.QueryRowContext(ctx, query, position).Scan(&beyond); err != nil {
		return fmt.Errorf("lab: position of %s: %w", node.Addr(), err)
	}
	if beyond != "" {
		return fmt.Errorf("%w: %s", errDiverged, beyond)
	}
	return nil
}

// promote makes node a writable server that follows nobody.
func promote(ctx context.Context, node *Server) error {
	words := node.replication()
	for _, query := range []string{words.stop, words.forget, words.lead} {
		if query == "" {
			continue
		}
		if _, err := node.admin.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("lab: promote %s: %w", node.Addr(), err)
		}
	}
	return node.SetReadOnly(ctx, false)
}

// receiveNoMore ends what node receives and waits until it has applied all that
// it has received.
func receiveNoMore(ctx context.Context, node *Server) error {
	words := node.replication()
	if _, err := node.admin.ExecContext(ctx, words.stopReceive); err != nil {
		return fmt.Errorf("lab: failover to %s: %w", node.Addr(), err)
	}
	status, err := replicaStatus(ctx, node)
	if err != nil {
		return err
	}
	return awaitGTID(ctx, node, status[words.received])
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
	words := node.replication()
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
		if status["Last_IO_Errno"] == words.diverged || status["Last_SQL_Errno"] != "0" {
			cancel(fmt.Errorf("%w: %s%s", errDiverged, status["Last_IO_Error"], status["Last_SQL_Error"]))
		}
		return false, fmt.Errorf("receiving: %s, applying: %s, %s%s", status[words.receiving], status[words.applying],
			status["Last_IO_Error"], status["Last_SQL_Error"])
	})
}

// awaitGTID waits until node has applied everything up to the position.
func awaitGTID(ctx context.Context, node *Server, position string) error {
	return Until(ctx, node.Addr()+" has applied "+position, func(ctx context.Context) (bool, error) {
		var code sql.NullInt64
		err := node.admin.QueryRowContext(ctx, node.replication().reached, position).Scan(&code)
		return code.Valid && code.Int64 == 0, err
	})
}

func binlogPosition(ctx context.Context, node *Server) (string, error) {
	var position string
	if err := node.admin.QueryRowContext(ctx, node.replication().position).Scan(&position); err != nil {
		return "", fmt.Errorf("lab: position of %s: %w", node.Addr(), err)
	}
	return position, nil
}

// awaitSemisync waits until writes wait for a replica: a primary that had none
// goes on without one until a replica has caught up.
func awaitSemisync(ctx context.Context, primary *Server) error {
	words := primary.replication()
	return Until(ctx, "writes on "+primary.Addr()+" wait for a replica", func(ctx context.Context) (bool, error) {
		var on, listeners string
		err := primary.statusVariable(ctx, words.semisync, &on)
		if err == nil {
			err = primary.statusVariable(ctx, words.listeners, &listeners)
		}
		return on == "ON" && listeners != "0", err
	})
}

// replicaStatus is the status of replication by column name.
func replicaStatus(ctx context.Context, node *Server) (map[string]string, error) {
	rows, err := node.admin.QueryContext(ctx, node.replication().status)
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
