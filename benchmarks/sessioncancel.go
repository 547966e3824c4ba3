package benchmarks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// A cancelSize is how much of S4 there is.
type cancelSize struct {
	statements  int
	connections int
	after       time.Duration // a statement has run for so long when it is cancelled
	look        time.Duration // from the last cancelled call's return to the count
}

// A cancelText is a statement that lasts longer than anybody waits for it.
type cancelText struct {
	name string
	text string
	lock string // what another connection runs in a transaction before, and keeps; empty: nothing
}

// cancelTexts are two ways of lasting long. A kill wakes each in its own way: that of SLEEP is one mutex of the whole server, and with
// several kills at once MariaDB 10.11 may take a second or two over it, in which it lets nobody in.
func cancelTexts() []cancelText {
	const locked = "SELECT v FROM bench WHERE id = 1 FOR UPDATE"
	return []cancelText{{name: "sleep", text: "SELECT SLEEP(10)"}, {name: "row lock", text: locked, lock: locked}}
}

// cancelCases is S4: statements whose context ends long before they do, on few connections, one after the other on each.
//
//	still-running  statements that the server is still at, a tenth of a second after the last call returned
//	answered       calls that returned a result although their context had ended
//	connections    that the server accepted for it
//	longest-ns     from the end of a context to the return of its call
func cancelCases(s *sessionServer, full bool) []Case {
	size := cancelSize{statements: 50, connections: 5, after: 50 * time.Millisecond, look: 100 * time.Millisecond}
	if !full {
		size = cancelSize{statements: 4, connections: 2, after: 10 * time.Millisecond, look: 10 * time.Millisecond}
	}
	var cases []Case
	for _, text := range cancelTexts() {
		for _, c := range cancelContenders() {
			cases = append(cases, Case{
				Workload: "S4Cancel", Variant: "of=" + text.name, Contender: "pool=" + c.name, Quick: true,
				Run: func(b *testing.B) { runCancel(b, s, c, text, size) },
			})
		}
	}
	return inRounds(heldRounds, cases)
}

// A cancelContender opens a *sql.DB with so many connections.
type cancelContender struct {
	name string
	open func(cfg *mysql.Config, connections int) (*sql.DB, func() error, error)
}

func cancelContenders() []cancelContender {
	return []cancelContender{
		{"weir", func(cfg *mysql.Config, n int) (*sql.DB, func() error, error) { return openWeirDB(cfg, n) }},
		{"weir without kill", func(cfg *mysql.Config, n int) (*sql.DB, func() error, error) {
			return openWeirDB(cfg, n, mysqlpool.WithoutKill())
		}},
		{"database/sql", func(cfg *mysql.Config, n int) (*sql.DB, func() error, error) {
			db, err := openStock(cfg, n)
			if err != nil {
				return nil, nil, err
			}
			return db, db.Close, nil
		}},
	}
}

func runCancel(b *testing.B, s *sessionServer, c cancelContender, text cancelText, size cancelSize) {
	server, err := s.started()
	if err != nil {
		b.Fatal(err)
	}
	cfg, err := s.config()
	if err != nil {
		b.Fatal(err)
	}
	unlock, err := takeLock(server, text.lock)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		err = errors.Join(err, cancelOnce(b, server, cfg, c, text, size))
	}
	if err := errors.Join(err, unlock()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
}

// takeLock runs text in a transaction of the lab's that lasts until unlock.
func takeLock(server *lab.Server, text string) (unlock func() error, err error) {
	if text == "" {
		return func() error { return nil }, nil
	}
	ctx := context.Background()
	conn, err := server.Admin().Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("benchmarks: %w", err)
	}
	for _, text := range []string{"USE app", "BEGIN", text} {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return nil, errors.Join(fmt.Errorf("benchmarks: %w", err), conn.Close())
		}
	}
	return conn.Close, nil // the lab keeps no idle connection: the transaction ends with it
}

func cancelOnce(b *testing.B, server *lab.Server, cfg *mysql.Config, c cancelContender, text cancelText, size cancelSize) error {
	before, err := globalStatus(server, "Connections")
	if err != nil {
		return err
	}
	db, end, err := c.open(cfg, size.connections)
	if err != nil {
		return err
	}
	err = measureCancel(b, server, db, text.text, size, before)
	_, killErr := server.KillConnections(context.Background(), "app") // or they would run on into the next
	return errors.Join(err, end(), killErr)
}

func measureCancel(b *testing.B, server *lab.Server, db *sql.DB, text string, size cancelSize, before float64) error {
	calls, err := cancelAll(db, text, size)
	if err != nil {
		return err
	}
	time.Sleep(size.look)
	running, err := stillRunning(server, text)
	if err != nil {
		return err
	}
	after, err := globalStatus(server, "Connections")
	if err != nil {
		return err
	}
	const asked = 2 // connections of the counting itself
	b.ReportMetric(float64(running), "still-running")
	b.ReportMetric(float64(calls.answered), "answered")
	b.ReportMetric(after-before-asked, "connections")
	b.ReportMetric(float64(calls.late), "longest-ns")
	return nil
}

// cancelledCalls is what became of calls whose context ended.
type cancelledCalls struct {
	late     time.Duration // of the one that returned the longest after that
	answered int           // with a result
}

// cancelAll runs the statements, as many at once as there are connections.
func cancelAll(db *sql.DB, text string, size cancelSize) (cancelledCalls, error) {
	each, errs := make([]cancelledCalls, size.connections), make([]error, size.connections)
	var callers sync.WaitGroup
	for c := range size.connections {
		callers.Go(func() {
			for i := c; i < size.statements && errs[c] == nil; i += size.connections {
				errs[c] = each[c].one(db, text, size.after)
			}
		})
	}
	callers.Wait()
	var all cancelledCalls
	for _, c := range each {
		all.late = max(all.late, c.late)
		all.answered += c.answered
	}
	return all, errors.Join(errs...)
}

func (c *cancelledCalls) one(db *sql.DB, text string, after time.Duration) error {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	var got int
	err := db.QueryRowContext(ctx, text).Scan(&got)
	c.late = max(c.late, time.Since(start)-after)
	switch {
	case err == nil && ctx.Err() != nil:
		c.answered++
	case !errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("benchmarks: the cancelled statement ended with %v, want %v", err, context.DeadlineExceeded)
	}
	return nil
}

func stillRunning(server *lab.Server, text string) (n int, err error) {
	const count = "SELECT COUNT(*) FROM information_schema.processlist WHERE command = 'Query' AND user = 'app' AND info = ?"
	if err := server.Admin().QueryRowContext(context.Background(), count, text).Scan(&n); err != nil {
		return 0, fmt.Errorf("benchmarks: %w", err)
	}
	return n, nil
}
