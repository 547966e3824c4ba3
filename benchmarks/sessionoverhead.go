package benchmarks

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// The calls of S3Overhead, which have no argument: nothing is prepared for anybody.
const (
	echoExec  = "DO 0"
	echoQuery = "SELECT 1"
)

// A caller makes one call.
type caller func(ctx context.Context) error

// overheadCases is S3: what the client alone takes for a call, on connections that answer from memory, 16 of them. What weir's
// sessions cost is the difference to database/sql on the same driver; "raw driver" is the driver's part of both.
func overheadCases(s *sessionServer) []Case {
	var cases []Case
	for _, call := range []string{"exec", "query"} {
		for _, goroutines := range []int{1, 64} {
			for _, c := range overheadContenders() {
				if c.alone && goroutines > 1 {
					continue
				}
				cases = append(cases, Case{
					Workload: "S3Overhead", Variant: fmt.Sprintf("call=%s/goroutines=%d", call, goroutines),
					Contender: "pool=" + c.name, Quick: goroutines == 1,
					Run: func(b *testing.B) { runOverhead(b, s, c, call, goroutines) },
				})
			}
		}
	}
	return cases
}

// An overheadContender makes the calls "exec" and "query".
type overheadContender struct {
	name  string
	alone bool // it is one connection
	open  func(cfg *mysql.Config) (calls map[string]caller, end func() error, err error)
}

func overheadContenders() []overheadContender {
	return []overheadContender{
		{name: "weir", open: func(cfg *mysql.Config) (map[string]caller, func() error, error) {
			db, end, err := openWeirDB(cfg, mysqlMax)
			return echoCalls(db), end, err
		}},
		{name: "database/sql", open: func(cfg *mysql.Config) (map[string]caller, func() error, error) {
			db, err := openStock(cfg, mysqlMax)
			if err != nil {
				return nil, nil, err
			}
			return echoCalls(db), db.Close, nil
		}},
		{name: "raw driver", alone: true, open: openRawCalls},
	}
}

func echoCalls(db *sql.DB) map[string]caller {
	return map[string]caller{
		"exec": func(ctx context.Context) error {
			_, err := db.ExecContext(ctx, echoExec)
			return err
		},
		"query": func(ctx context.Context) error { return askOne(ctx, db, 0) },
	}
}

func openRawCalls(cfg *mysql.Config) (map[string]caller, func() error, error) {
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("benchmarks: %w", err)
	}
	conn, err := connector.Connect(context.Background())
	if err != nil {
		return nil, nil, fmt.Errorf("benchmarks: %w", err)
	}
	dest := make([]driver.Value, 1)
	return map[string]caller{
		"exec": func(ctx context.Context) error {
			_, err := conn.(driver.ExecerContext).ExecContext(ctx, echoExec, nil)
			return err
		},
		"query": func(ctx context.Context) error {
			rows, err := conn.(driver.QueryerContext).QueryContext(ctx, echoQuery, nil)
			if err != nil {
				return err
			}
			return errors.Join(drain(rows, dest), rows.Close())
		},
	}, conn.Close, nil
}

func drain(rows driver.Rows, dest []driver.Value) error {
	for {
		err := rows.Next(dest)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func runOverhead(b *testing.B, s *sessionServer, c overheadContender, call string, goroutines int) {
	cfg, err := s.config()
	if err != nil {
		b.Fatal(err)
	}
	echo(cfg, echoExec, echoQuery)
	calls, end, err := c.open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	one := calls[call]
	if err := one(context.Background()); err != nil {
		b.Fatal(errors.Join(err, end()))
	}
	b.ReportAllocs()
	b.ResetTimer()
	err = makeCalls(one, goroutines, b.N)
	b.StopTimer()
	if err := errors.Join(err, end()); err != nil {
		b.Fatal(err)
	}
}

// makeCalls makes n calls, from as many goroutines as told.
func makeCalls(one caller, goroutines, n int) error {
	ctx := context.Background()
	if goroutines == 1 {
		for range n {
			if err := one(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	var next atomic.Int64
	errs := make(chan error, goroutines)
	for range goroutines {
		go func() {
			var err error
			for err == nil && next.Add(1) <= int64(n) {
				err = one(ctx)
			}
			errs <- err
		}()
	}
	var err error
	for range goroutines {
		err = errors.Join(err, <-errs)
	}
	return err
}
