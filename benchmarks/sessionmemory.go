package benchmarks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// sessionMemoryCases is S2Memory: bytes of this process's heap for each idle *sql.Conn that is held.
//
//	of=bare           it was never used
//	of=used           it was asked for one row
//	of=with a state   it has a time zone of its own
//
// For database/sql such a thing is a connection; its server pays besides, as S2Held shows.
func sessionMemoryCases(s *sessionServer, full bool) []Case {
	held, connections := 50, 20
	if full {
		held, connections = 10_000, 100 // the server takes no more than 151 connections
	}
	var cases []Case
	for _, form := range sessionForms() {
		for _, c := range []struct {
			name string
			n    int
			open func(cfg *mysql.Config) (*sql.DB, func() error, error)
		}{
			{"weir", held, func(cfg *mysql.Config) (*sql.DB, func() error, error) { return openWeirDB(cfg, 10) }},
			{"database/sql", connections, func(cfg *mysql.Config) (*sql.DB, func() error, error) {
				db, err := openMySQLDB(cfg)
				if err != nil {
					return nil, nil, err
				}
				return db, db.Close, nil
			}},
		} {
			cases = append(cases, Case{
				Workload: "S2Memory", Variant: "of=" + form.name, Contender: "pool=" + c.name,
				Run: func(b *testing.B) { runSessionMemory(b, s, c.n, form, c.open) },
			})
		}
	}
	return inRounds(thinkRounds, cases)
}

// A sessionForm is what was done with a session before it became idle.
type sessionForm struct {
	name string
	use  func(ctx context.Context, conn *sql.Conn, i int) error
}

func sessionForms() []sessionForm {
	return []sessionForm{
		{"bare", func(context.Context, *sql.Conn, int) error { return nil }},
		{"used", func(ctx context.Context, conn *sql.Conn, i int) error {
			_, err := lookupOn(conn)(ctx, i%mysqlRows+1)
			return err
		}},
		{"with a state", func(ctx context.Context, conn *sql.Conn, i int) error {
			_, err := conn.ExecContext(ctx, fmt.Sprintf("SET time_zone = '+%02d:00'", i%states+1))
			return err
		}},
	}
}

func runSessionMemory(
	b *testing.B, s *sessionServer, n int, form sessionForm, open func(cfg *mysql.Config) (*sql.DB, func() error, error),
) {
	cfg, err := s.config()
	if err != nil {
		b.Fatal(err)
	}
	var each float64
	for b.Loop() {
		db, end, err := open(cfg)
		if err != nil {
			b.Fatal(err)
		}
		each, err = heapOfSessions(db, n, form)
		if err := errors.Join(err, end()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(each, "B/session")
	b.ReportMetric(0, "ns/op")
}

// heapOfSessions begins when one session has come and gone: what all share is there then.
func heapOfSessions(db *sql.DB, n int, form sessionForm) (each float64, err error) {
	ctx := context.Background()
	conns := make([]*sql.Conn, n)
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				err = errors.Join(err, conn.Close())
			}
		}
	}()
	open := func(i int) error {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		conns[i] = conn
		return form.use(ctx, conn, i)
	}
	if err := open(0); err != nil {
		return 0, err
	}
	before := takeFootprint()
	for i := 1; i < n; i++ {
		if err := open(i); err != nil {
			return 0, err
		}
	}
	f := takeFootprint()
	runtime.KeepAlive(conns)
	return f.since(before).each(n - 1).heap, nil
}
