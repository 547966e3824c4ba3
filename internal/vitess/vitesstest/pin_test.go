package vitesstest_test

import (
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/vitess"
)

// What a session leaves at vtgate, and whether the tablets reserve a connection to MySQL for it: whatever makes them do so must pin the
// session in weir, or be given to each backend.
func TestWhatVtgateReserves(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	name := table(ctx, t, "id BIGINT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20)")
	for _, test := range []struct {
		text     string
		pin      string // weir's reason
		reserves int
	}{
		{"SELECT 1", "", 0},
		{"SET @x = 1", "user variable", 0},
		{"SELECT GET_LOCK('weir', 0)", "named lock", 1},
		{"CREATE TEMPORARY TABLE temp (id INT)", "temporary table", 1},
		{"SET sql_mode = 'ANSI'", "", 0},
		{"SET time_zone = '+03:00'", "", 0},
		{"SET innodb_lock_wait_timeout = 7", "", 0},
		{"SET unique_checks = 0", "", 0},
		{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "", 0},
		{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "next transaction", 0},
		{"SET autocommit = 0", "autocommit off", 0},
		{"LOCK TABLES " + name + " WRITE", "lock tables", 0},
		{"PREPARE p FROM 'SELECT 1'", "text prepare", 0},
		{"SELECT SQL_CALC_FOUND_ROWS * FROM " + name + " LIMIT 1", "calc found rows", 0},
		{"SET workload = 'olap'", "unlisted set", 0},
		{"SET transaction_mode = 'single'", "unlisted set", 0},
		{"SET ddl_strategy = 'direct'", "unlisted set", 0},
		{"USE `shop@replica`", "", 0},
		{"USE shop@replica", "user variable", 0}, // the lexer takes it for one
		{"INSERT INTO " + name + " (v) VALUES ('x')", "", 0},
		{"SHOW VITESS_TARGET", "", 0},
		{"FLUSH TABLES", "", 0},
		{"VEXPLAIN PLAN SELECT 1", "unknown statement", 0},
	} {
		t.Run(test.text, func(t *testing.T) {
			db, c := open(t, vitess.Unsharded, weir.WithMaxOpen(3))
			before := reserved(ctx, t)
			conn := hold(ctx, t, db)
			rows, err := conn.QueryContext(ctx, test.text)
			must(t, err)
			must(t, rows.Close())
			if rows, err = conn.QueryContext(ctx, "SELECT COUNT(*) FROM "+name); err == nil {
				rows.Close()
			} else {
				t.Log(err)
			}
			wantPinned(t, c, test.pin)
			if n := reserved(ctx, t) - before; n != test.reserves {
				t.Errorf("%d connections are reserved, want %d", n, test.reserves)
			}
			must(t, conn.Close())
			wantFree(ctx, t, c)
			until(ctx, t, "nothing is reserved", func() bool { return reserved(ctx, t) == before })
			// vtgate's reset ends transactions and lets go what is reserved, and keeps variables and settings: weir closes what was pinned.
			if s := c.Sessions(); (test.pin != "") != (s.ResetFails == 1) {
				t.Errorf("%d resets failed", s.ResetFails)
			}
			until(ctx, t, "the pinned backend is closed", func() bool {
				retired := uint64(0)
				for _, n := range c.Stats().Retired {
					retired += n
				}
				return (test.pin != "") == (retired == 1)
			})
		})
	}
}
