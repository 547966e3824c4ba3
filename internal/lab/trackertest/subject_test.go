package trackertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/tracker"
)

// patience is how long one statement may take. One that waits longer waits for ever.
const patience = 5 * time.Second

// Error numbers of the server.
const (
	errSyntax         = 1064
	errNoSuchThread   = 1094
	errXAState        = 1399
	errXARolledBack   = 1402
	errNoSuchSequence = 4091
)

// subject is one session under observation.
type subject struct {
	*sql.Conn
	db   *sql.DB
	tap  *tracker.Tap
	wire net.Conn
	id   int64
}

// connect opens a session. The caller must end it.
func (w *world) connect(ctx context.Context) (*subject, error) {
	cfg := w.login.Clone()
	s := &subject{tap: &tracker.Tap{}}
	cfg.Params = own().track
	cfg.DialFunc = func(ctx context.Context, network, addr string) (_ net.Conn, err error) {
		s.wire, err = s.tap.Dial(ctx, network, addr)
		return s.wire, err
	}
	cfg.Logger = &mysql.NopLogger{} // lost connections are expected
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	s.db = sql.OpenDB(connector)
	if s.Conn, err = s.db.Conn(ctx); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	// By text: a prepared statement would be seen.
	if err := s.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&s.id); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	_, err = s.tap.Take()
	return s, err
}

// end closes the session and waits until the server has forgotten it, with its locks.
func (w *world) end(ctx context.Context, s *subject) error {
	s.Conn.Close() // it may be lost
	s.db.Close()
	_, err := w.admin.ExecContext(ctx, "KILL ?", s.id)
	if said, ok := errors.AsType[*mysql.MySQLError](err); ok && said.Number == errNoSuchThread {
		err = nil
	}
	if err != nil {
		return err
	}
	return lab.Until(ctx, "a session has ended", func(ctx context.Context) (gone bool, err error) {
		err = w.admin.QueryRowContext(ctx, "SELECT COUNT(*) = 0 FROM information_schema.processlist WHERE id = ?", s.id).Scan(&gone)
		return gone, err
	})
}

// reset has the server forget the session, by COM_RESET_CONNECTION, which the
// driver does not know.
func (s *subject) reset() error {
	if err := s.wire.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := s.wire.Write([]byte{1, 0, 0, 0, tracker.ComResetState}); err != nil {
		return err
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(s.wire, head); err != nil {
		return err
	}
	body := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	if _, err := io.ReadFull(s.wire, body); err != nil {
		return err
	}
	if body[0] != 0 {
		return fmt.Errorf("a reset was answered with % x", body)
	}
	return s.wire.SetDeadline(time.Time{})
}

// outcome is what running a text showed.
type outcome struct {
	err       error // of the statement
	refused   bool  // as no SQL at all: nothing was run
	lost      bool  // the connection is gone, and the session with it
	reported  []tracker.Change
	id        uint64 // the last insert id that an answer named
	wrote     bool   // rows, as far as that is asked from outside
	touched   bool   // data, schema or accounts may have changed
	last      result
	foundRows int // FOUND_ROWS() afterwards
	warnings  int // @@warning_count afterwards
	before    facts
	after     facts
	probe     error // of asking; without it the rest means nothing
}

// run runs a text in a session of its own, after the statements of prelude.
func (w *world) run(ctx context.Context, text string, prelude ...string) (o outcome) {
	if o.probe = w.clean(ctx); o.probe != nil {
		return o
	}
	s := w.spare
	w.spare = nil
	if s == nil {
		if s, o.probe = w.connect(ctx); o.probe != nil {
			return o
		}
	}
	w.observe(ctx, s, &o, text, prelude)
	if o.refused && o.probe == nil && len(prelude) == 0 {
		w.spare = s
		return o
	}
	o.probe = errors.Join(o.probe, w.end(ctx, s))
	rolledBack := len(prelude) > 0 && o.after["in transaction"] == "1" && o.after["ran com_xa_prepare"] == ""
	w.dirty = o.probe != nil || o.lost || o.touched && !rolledBack
	return o
}

// observe runs the text and asks what it left.
func (w *world) observe(ctx context.Context, s *subject, o *outcome, text string, prelude []string) {
	if o.before, o.probe = w.prepare(ctx, s, prelude); o.probe != nil {
		return
	}
	if o.probe = w.givePast(ctx, s); o.probe != nil {
		return
	}
	if _, o.probe = s.tap.Take(); o.probe != nil {
		return
	}
	written := w.written(ctx, o)
	w.try(ctx, s, o, text)
	o.wrote = w.written(ctx, o) != written
	if o.probe != nil || o.refused || o.lost {
		return
	}
	var asked string
	asked, o.probe = own().past(ctx, s) // before any other
	if said, ok := errors.AsType[*mysql.MySQLError](o.probe); ok {
		o.after, o.touched, o.probe = facts{"asking": said.Error()}, true, nil
	}
	if o.probe != nil || o.touched {
		return
	}
	if _, o.probe = fmt.Sscan(asked, &o.foundRows, &o.warnings); o.probe != nil {
		return
	}
	if o.after, o.probe = w.ask(ctx, s, o.reported); o.probe != nil {
		return
	}
	wrote := o.wrote
	if o.touched, o.probe = own().touched(ctx, w, s); wrote {
		o.after["ran handler_write"], o.touched = "1", true
	}
}

// written returns how often rows have been written on the server, "" if nobody counts.
func (w *world) written(ctx context.Context, o *outcome) (count string) {
	if query := own().written; query != "" && o.probe == nil {
		o.probe = w.admin.QueryRowContext(ctx, query).Scan(&count)
	}
	return count
}

// try runs the text and reads what was reported of it. An error packet carries
// no report: what is left from before it comes with the answer to a ping.
func (w *world) try(ctx context.Context, s *subject, o *outcome, text string) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, o.last, o.err = results(limited, s.Conn, text)
	o.lost = s.PingContext(ctx) != nil
	commands, err := s.tap.Take()
	o.probe = err
	for i, c := range commands {
		o.reported = append(o.reported, c.Changes()...)
		for _, a := range c.Answers {
			o.id = max(o.id, a.ID)
		}
		if i == 0 && len(c.Answers) == 1 && c.Answers[0].Error == errSyntax {
			o.refused = true
		}
	}
}

// ask returns all facts of a session.
func (w *world) ask(ctx context.Context, s *subject, reported []tracker.Change) (facts, error) {
	f := facts{}
	f.reported(reported)
	if err := s.PingContext(ctx); err != nil { // a statement is counted after it is answered
		return f, err
	}
	if err := f.outside(ctx, w.admin, s.id); err != nil {
		return f, err
	}
	err := f.inside(ctx, s)
	if err == nil {
		err = f.lastValues(ctx, s.Conn, w.sequences)
	}
	if said, ok := errors.AsType[*mysql.MySQLError](err); ok { // what keeps the session from answering is a fact, too
		f["asking"] = said.Error()
		err = nil
	}
	return f, err
}

// prepare runs the prelude and returns the facts after it. They are the same each
// time and asked for once.
func (w *world) prepare(ctx context.Context, s *subject, prelude []string) (facts, error) {
	for _, p := range prelude {
		if _, err := s.ExecContext(ctx, p); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	key := strings.Join(prelude, "\x00")
	if f, ok := w.before[key]; ok {
		return f, nil
	}
	if err := w.givePast(ctx, s); err != nil { // it may begin a transaction
		return nil, err
	}
	f, err := w.ask(ctx, s, nil)
	if err == nil {
		w.before[key] = f
	}
	return f, err
}

// givePast makes the session read some rows and get warnings, as many as few other
// statements give.
func (w *world) givePast(ctx context.Context, s *subject) error {
	_, last, err := results(ctx, s.Conn, "SELECT CAST('x' AS SIGNED)"+strings.Repeat(", CAST('x' AS SIGNED)", pastWarnings/pastRows-1)+" FROM past.t WHERE id < 77")
	if said, ok := errors.AsType[*mysql.MySQLError](err); ok && said.Number == errXAState {
		return nil // between XA END and XA PREPARE nothing can be read
	}
	if err == nil && last.rows != pastRows {
		err = fmt.Errorf("the past has %d rows, want %d", last.rows, pastRows)
	}
	return err
}

// What givePast leaves.
const (
	pastRows     = 7
	pastWarnings = 9 * pastRows
)

// result is the size of one result.
type result struct{ columns, rows int }

// results runs a text and returns the rows of all its results and the size of
// the last one.
func results(ctx context.Context, conn *sql.Conn, text string) (all []string, last result, err error) {
	rows, err := conn.QueryContext(ctx, text)
	if err != nil {
		return nil, last, err
	}
	defer rows.Close()
	for {
		columns, err := rows.Columns()
		if err != nil {
			return all, last, err
		}
		last = result{columns: len(columns)}
		row := make([]any, len(columns))
		for i := range row {
			row[i] = new(sql.RawBytes)
		}
		for rows.Next() {
			if err := rows.Scan(row...); err != nil {
				return all, last, err
			}
			all = append(all, line(row))
			last.rows++
		}
		if !rows.NextResultSet() {
			return all, last, rows.Err()
		}
	}
}

// line renders a row so that no two rows look alike.
func line(row []any) string {
	var b strings.Builder
	for _, v := range row {
		if raw := *v.(*sql.RawBytes); raw == nil {
			b.WriteString("NULL,")
		} else {
			fmt.Fprintf(&b, "%q,", raw)
		}
	}
	return b.String()
}
