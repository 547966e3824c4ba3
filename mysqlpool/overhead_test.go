package mysqlpool

import (
	"context"
	"database/sql"
	"testing"

	"github.com/weirpool/weir"
)

// BenchmarkOverhead shows what sessions add to database/sql when the statements themselves cost nothing.
func BenchmarkOverhead(b *testing.B) {
	for _, db := range []struct {
		name string
		open func(testing.TB) *sql.DB
	}{
		{"sql", stockNoop},
		{"weir", func(tb testing.TB) *sql.DB { return overNoop(tb) }},
		{"weir-unnamed", func(tb testing.TB) *sql.DB { return overNoop(tb, weir.WithLeakThreshold(weir.NoLimit)) }},
	} {
		b.Run(db.name, func(b *testing.B) { benchmarkOverhead(b, db.open(b)) })
	}
}

func benchmarkOverhead(b *testing.B, db *sql.DB) {
	ctx := context.Background()
	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	for name, run := range map[string]func() error{
		"exec": func() error {
			_, err := db.ExecContext(ctx, "UPDATE t SET v = 1")
			return err
		},
		"exec-cancellable": func() error {
			_, err := db.ExecContext(cancellable, "UPDATE t SET v = 1")
			return err
		},
		"exec-args": func() error {
			_, err := db.ExecContext(ctx, "UPDATE t SET v = ?", 1)
			return err
		},
		"row": func() error {
			var n int
			return db.QueryRowContext(ctx, "SELECT 1").Scan(&n)
		},
		"row-args": func() error {
			var n int
			return db.QueryRowContext(ctx, "SELECT v FROM t WHERE id = ?", 1).Scan(&n)
		},
		"tx": func() error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "UPDATE t SET v = 1"); err != nil {
				return err
			}
			return tx.Commit()
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a session adds to database/sql's allocations is bounded: nothing for Exec, a small result's buffer for a query, a watch where a
// context can end.
func TestSessionsAllocateLittle(t *testing.T) {
	ctx := t.Context()
	background := context.Background()
	for _, c := range []struct {
		name string
		run  func(db *sql.DB) error
		most float64
	}{
		{"Exec", func(db *sql.DB) error { _, err := db.ExecContext(background, "UPDATE t SET v = 1"); return err }, 0},
		{"Exec with arguments", func(db *sql.DB) error {
			_, err := db.ExecContext(background, "UPDATE t SET v = ?", 1)
			return err
		}, 0},
		{"Exec with a context that can end", func(db *sql.DB) error { _, err := db.ExecContext(ctx, "UPDATE t SET v = 1"); return err }, 4},
		{"QueryRow", func(db *sql.DB) error {
			var n int
			return db.QueryRowContext(background, "SELECT 1").Scan(&n)
		}, 3},
	} {
		count := func(db *sql.DB) float64 {
			return testing.AllocsPerRun(500, func() {
				if err := c.run(db); err != nil {
					t.Fatal(err)
				}
			})
		}
		if more := count(overNoop(t)) - count(stockNoop(t)); more > c.most {
			t.Errorf("%s: %v allocations more than database/sql's own, want at most %v", c.name, more, c.most)
		}
	}
}
