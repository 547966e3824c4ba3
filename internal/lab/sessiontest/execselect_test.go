package sessiontest_test

import (
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

// go-sql-driver's own Exec of a prepared statement that has rows waits for ever on MariaDB where there are fewer rows than columns: it
// skips columns that the server has not sent again.
func TestExecOfAPreparedStatementWithRowsReturns(t *testing.T) {
	ctx := within(t, time.Minute)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b INT)")
	exec(ctx, t, db, "INSERT INTO t (a) VALUES (1), (2), (3)")
	exec(ctx, t, db, "CREATE PROCEDURE p(n INT) BEGIN SELECT n; SELECT * FROM t WHERE id > n; INSERT INTO t (a) VALUES (9); END")
	texts := []string{
		"SELECT * FROM t WHERE id > ?", "SELECT * FROM t WHERE id = ? FOR UPDATE", "EXPLAIN SELECT * FROM t WHERE id = ?",
		"SELECT id, a, b FROM t WHERE id = ? UNION ALL SELECT 1, 2, 3", "CALL p(?)", "SELECT id FROM t WHERE id = ? INTO @x",
	}
	if labtest.Kind() == lab.MariaDB {
		texts = append(texts, "INSERT INTO t (a) VALUES (?) RETURNING id, a, b", "DELETE FROM t WHERE a = ? RETURNING id, a, b")
	}
	for _, query := range texts {
		for _, arg := range []int{1, 100, 0} {
			for range 3 {
				short := within(t, 10*time.Second)
				if _, err := db.ExecContext(short, query, arg); err != nil {
					t.Fatalf("%s with %d: %v", query, arg, err)
				}
			}
			stmt, err := db.PrepareContext(ctx, query)
			must(t, err)
			tx := begin(ctx, t, db)
			for range 2 {
				res, err := tx.StmtContext(ctx, stmt).ExecContext(within(t, 10*time.Second), arg)
				if err != nil {
					t.Fatalf("%s with %d, prepared by name: %v", query, arg, err)
				}
				if _, err := res.RowsAffected(); err != nil {
					t.Error(err)
				}
			}
			must(t, tx.Rollback())
			must(t, stmt.Close())
		}
	}
	want(t, "the backend's next answer", text(ctx, t, db, "SELECT 1"), "1")
	if s := c.Sessions(); s.Kills != 0 {
		t.Errorf("%d statements were killed", s.Kills)
	}
	// Errors in the middle of the rows are the statement's.
	_, err := db.ExecContext(ctx, "SELECT a, b, (SELECT 1 UNION SELECT ?) FROM t", 2)
	if number(err) != 1242 {
		t.Errorf("got %v, want error 1242", err)
	}
}
