package sessiontest_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// argTexts each have one argument, whose type the server takes from the argument or from what it is compared with.
var argTexts = []string{
	"SELECT ?", "SELECT ? + 1", "SELECT ? + CAST(1 AS UNSIGNED)", "SELECT ABS(?)", "SELECT HEX(?)", "SELECT CONCAT(?, 'x')",
	"SELECT COALESCE(?, 1)", "SELECT IFNULL(?, 1.000)", "SELECT GREATEST(?, 2)", "SELECT NULLIF(?, '1')", "SELECT ? = '1'",
	"SELECT CASE WHEN ? THEN 1 ELSE 2 END", "SELECT DATE_ADD(?, INTERVAL 1 DAY)", "SELECT CAST(? AS CHAR)",
	"SELECT id FROM acc WHERE id = ?", "SELECT id FROM acc WHERE code = ? ORDER BY id", "SELECT id FROM acc WHERE code IN (?, 'x') ORDER BY id",
	"SELECT id FROM acc WHERE ratio = ? ORDER BY id", "SELECT id FROM acc WHERE amount >= ? ORDER BY id", "SELECT id FROM acc WHERE at >= ? ORDER BY id",
	"SELECT id FROM acc WHERE code = COALESCE(?, code) ORDER BY id",
	"DELETE FROM acc WHERE code = ?", "UPDATE acc SET amount = 9 WHERE code = ?", "INSERT INTO acc (id, code) VALUES (99, ?)",
}

// argValues are the kinds of arguments that programs have, and strings that are numbers: those change a parameter's type, too.
var argValues = []any{
	7, int64(9007199254740993), uint64(math.MaxUint64), 1.5, "abc", "01", "2024-01-01 10:00:00", []byte("1.0"),
	time.Date(2024, 1, 1, 10, 0, 0, 0, time.UTC), true, nil, "-3", "-0", "1e3", "99999999999999999999",
}

// argAnswer is what a statement with one argument answers: its rows with the types of their values, or what it has changed, or its error.
func argAnswer(ctx context.Context, query func(...any) (*sql.Rows, error), exec func(...any) (sql.Result, error), text string, arg any) string {
	if !strings.HasPrefix(text, "SELECT") {
		res, err := exec(arg)
		if err != nil {
			return err.Error()
		}
		n, err := res.RowsAffected()
		return fmt.Sprint(n, err)
	}
	rows, err := query(arg)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var out strings.Builder
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			return err.Error()
		}
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		fmt.Fprintf(&out, "%T %v;", v, v)
	}
	if err := rows.Err(); err != nil {
		return err.Error()
	}
	return out.String()
}

// An argSession asks on one session, and leaves the table as it was.
type argSession struct {
	conn *sql.Conn
	stmt *sql.Stmt // the text, prepared by name
}

func (s argSession) answer(ctx context.Context, t testing.TB, text string, arg any) string {
	t.Helper()
	changes := !strings.HasPrefix(text, "SELECT")
	if changes {
		exec(ctx, t, s.conn, "BEGIN")
	}
	query := func(args ...any) (*sql.Rows, error) { return s.conn.QueryContext(ctx, text, args...) }
	change := func(args ...any) (sql.Result, error) { return s.conn.ExecContext(ctx, text, args...) }
	if s.stmt != nil {
		query = func(args ...any) (*sql.Rows, error) { return s.stmt.QueryContext(ctx, args...) }
		change = func(args ...any) (sql.Result, error) { return s.stmt.ExecContext(ctx, args...) }
	}
	out := argAnswer(ctx, query, change, text, arg)
	if changes {
		exec(ctx, t, s.conn, "ROLLBACK")
	}
	return out
}

// A statement that is kept answers as one that was prepared for the call: whatever types of arguments it was executed with before, in this
// session or another one, and whether it was prepared by name or not.
func TestKeptStatementsDoNotKeepTheTypesOfArguments(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	dsn := database(t)
	plain := hold(ctx, t, stock(t, dsn))
	for _, text := range []string{
		"CREATE TABLE acc (id BIGINT PRIMARY KEY, code VARCHAR(30), ratio DOUBLE, amount DECIMAL(20, 4), at DATETIME)",
		"INSERT INTO acc VALUES (1, '1', 1, 1, '2024-01-01 10:00:00'), (2, '01', 1.5, 1.5, '2024-01-02'), (3, '1.0', 0, 0, NULL)",
		"INSERT INTO acc VALUES (9007199254740992, 'x', 9007199254740992, 7, NULL), (9007199254740993, '7', 7, -3, NULL)",
	} {
		exec(ctx, t, plain, text)
	}
	db, _ := open(t, dsn, weir.WithMaxOpen(1))
	sessions := []argSession{{conn: hold(ctx, t, db)}, {conn: hold(ctx, t, db)}}
	pairs, differ := 0, 0
	for _, text := range argTexts {
		right := map[int]string{}
		for i, v := range argValues {
			right[i] = argSession{conn: plain}.answer(ctx, t, text, v)
		}
		for i, first := range argValues {
			for j, then := range argValues {
				pairs++
				what := ""
				ask := func(s argSession, text string, index int, arg any) {
					if got := s.answer(ctx, t, text, arg); got != right[index] && !sameRefusal(got, right[index]) {
						what += fmt.Sprintf("\n\t%T %v: got %s, want %s", arg, arg, got, right[index])
					}
				}
				unnamed := fmt.Sprintf("%s /* %d */", text, pairs) // each pair begins with nothing that is kept
				ask(sessions[0], unnamed, i, first)
				ask(sessions[1], unnamed, i, first)
				ask(sessions[0], unnamed, j, then)
				ask(sessions[1], unnamed, j, then)
				ask(sessions[0], unnamed, i, first)

				named := fmt.Sprintf("%s /* named %d */", text, pairs)
				one, other := prepareOn(ctx, t, sessions[0], named), prepareOn(ctx, t, sessions[1], named)
				ask(one, text, i, first)
				ask(other, text, j, then)
				ask(one, text, i, first)
				must(t, one.stmt.Close())
				must(t, other.stmt.Close())
				if what == "" {
					continue
				}
				if differ++; differ <= 10 {
					t.Errorf("%s: %T %v, then %T %v:%s", text, first, first, then, then, what)
				}
			}
		}
	}
	if t.Logf("%d texts, %d pairs of arguments", len(argTexts), pairs); differ > 0 {
		t.Errorf("%d of %d pairs differ from a connection without a cache", differ, pairs)
	}
}

func prepareOn(ctx context.Context, t testing.TB, s argSession, text string) argSession {
	t.Helper()
	stmt, err := s.conn.PrepareContext(ctx, text)
	must(t, err)
	return argSession{s.conn, stmt}
}

// sameRefusal reports whether both are "out of range": MariaDB's text shows the expression, and that depends on what was executed before.
func sameRefusal(a, b string) bool {
	return strings.HasPrefix(a, "Error 1690") && strings.HasPrefix(b, "Error 1690")
}

// A call with the same kinds of arguments each time, as nearly all are, costs no more prepares than before.
func TestOneTypeEachTimeIsPreparedOnce(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1), mysqlpool.WithStatementCache(16))
	for i := range 50 {
		var v string
		must(t, db.QueryRowContext(ctx, "SELECT CONCAT(?, ?, ?, ?)", i, fmt.Sprint(i*7), time.Now(), 1.5).Scan(&v))
	}
	if s := c.Sessions().Statements; s.Cached != 1 || s.Hits != 48 || s.OneShots != 1 {
		t.Errorf("%+v, want 1 cached, 48 hits, 1 one-shot", s)
	}
	// A text that has many combinations of types leaves the others their places.
	want(t, "answer", text(ctx, t, db, "SELECT 1 + ?", 1), "2")
	want(t, "answer", text(ctx, t, db, "SELECT 1 + ?", 1), "2")
	for round := range 2 {
		for i := range 64 {
			args := make([]any, 6)
			for bit := range args {
				if i>>bit&1 == 1 {
					args[bit] = i
				}
			}
			want(t, fmt.Sprint("round ", round), text(ctx, t, db, "SELECT CONCAT_WS('', ?, ?, ?, ?, ?, ?) IS NULL", args...), "0")
			want(t, fmt.Sprint("round ", round), text(ctx, t, db, "SELECT CONCAT_WS('', ?, ?, ?, ?, ?, ?) IS NULL", args...), "0")
		}
	}
	hits := c.Sessions().Statements.Hits
	want(t, "answer", text(ctx, t, db, "SELECT 1 + ?", 1), "2")
	if got := c.Sessions().Statements.Hits; got != hits+1 {
		t.Error("a text with many combinations of types has pushed another one out of the cache")
	}
}
