package pooltest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"log/slog"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
)

// The two benchmarks differ in the look at the socket only: the same pool, the same resources, leak naming in both.

func BenchmarkBorrowChecked(b *testing.B) {
	srv := start(b, lab.Config{})
	pool := open(b, srv.DSN("app", "app"), weir.WithCheckWindow(time.Hour))
	borrowAgainAndAgain(b, pool.Pool)
}

func BenchmarkBorrowUnchecked(b *testing.B) {
	srv := start(b, lab.Config{})
	db, err := sql.Open("mysql", srv.DSN("app", "app"))
	must(b, err)
	b.Cleanup(func() { must(b, db.Close()) })
	factory := weir.Factory[*sql.Conn]{
		Open: func(ctx context.Context) (*sql.Conn, error) { return db.Conn(ctx) },
		Close: func(conn *sql.Conn) error {
			conn.Raw(func(any) error { return driver.ErrBadConn }) // repeats what it was told
			return nil
		},
	}
	pool, err := weir.New(b.Context(), factory, weir.WithMinIdle(1), weir.WithLeakThreshold(time.Minute), weir.WithLogger(slog.New(slog.DiscardHandler)))
	must(b, err)
	b.Cleanup(func() { must(b, pool.Close(context.Background())) })
	borrowAgainAndAgain(b, pool)
}

func borrowAgainAndAgain(b *testing.B, pool *weir.Pool[*sql.Conn]) {
	b.Helper()
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		lease, err := pool.Acquire(ctx)
		if err != nil {
			b.Fatal(err)
		}
		lease.Release()
	}
}
