package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// backend is the server's number of the connection that a statement of on runs on.
func backend(ctx context.Context, t testing.TB, on execer) string {
	t.Helper()
	return text(ctx, t, on, "SELECT CONNECTION_ID()")
}

// begin starts a transaction that is rolled back when the test ends.
func begin(ctx context.Context, t testing.TB, db *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	t.Cleanup(func() { tx.Rollback() }) // a test may have ended it already
	return tx
}

// occupy begins a transaction on the backend with that number.
func occupy(ctx context.Context, t testing.TB, db *sql.DB, id string) *sql.Tx {
	t.Helper()
	for range 10 {
		tx := begin(ctx, t, db)
		if backend(ctx, t, tx) == id {
			return tx
		}
		defer func() { must(t, tx.Rollback()) }()
	}
	t.Fatalf("no transaction came to backend %s", id)
	return nil
}

// elsewhere occupies the backend that on uses, so that its next statement runs on another one.
func elsewhere(ctx context.Context, t testing.TB, db *sql.DB, on execer) *sql.Tx {
	t.Helper()
	return occupy(ctx, t, db, backend(ctx, t, on))
}

// A sticky is a sticky question and what must come before it.
type sticky struct {
	name   string
	before string
	ask    string
	want   string
}

var stickies = []sticky{
	{"LAST_INSERT_ID()", "INSERT INTO t (v) VALUES (1), (2)", "SELECT LAST_INSERT_ID()", "1"},
	{"ROW_COUNT()", "INSERT INTO t (v) VALUES (1), (2)", "SELECT ROW_COUNT()", "2"},
	{"FOUND_ROWS()", "SELECT v FROM three", "SELECT FOUND_ROWS()", "3"},
	{"@@identity", "INSERT INTO t (v) VALUES (1), (2)", "SELECT @@identity", "1"},
	{"@@last_insert_id", "INSERT INTO t (v) VALUES (1), (2)", "SELECT @@last_insert_id", "1"},
	{"@@warning_count", "SELECT CAST(CONCAT('x', v) AS SIGNED) FROM three WHERE v = 1", "SELECT @@warning_count", "1"},
	{"SHOW COUNT(*) WARNINGS", "SELECT CAST(CONCAT('x', v) AS SIGNED) FROM three WHERE v = 1", "SHOW COUNT(*) WARNINGS", "1"},
	{"a use inside INSERT", "INSERT INTO t (v) VALUES (1), (2)", "SELECT v FROM t WHERE id = LAST_INSERT_ID()", "1"},
}

// stickyTables makes t, in which the first number is 1, and three, with three rows.
func stickyTables(ctx context.Context, t testing.TB, db *sql.DB) {
	t.Helper()
	for _, s := range []string{
		"DROP TABLE IF EXISTS t, three, word", "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)", "CREATE TABLE three (v INT)",
		"INSERT INTO three VALUES (1), (2), (3)", "CREATE TABLE word (w VARCHAR(9))", "INSERT INTO word VALUES ('x')",
	} {
		exec(ctx, t, db, s)
	}
}

// run runs a statement and throws its rows away.
func run(ctx context.Context, t testing.TB, on interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, query string, args ...any) {
	t.Helper()
	rows, err := on.QueryContext(ctx, query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
	}
	must(t, rows.Err())
}

// wantSticky asks and wants a StickyError, and no number.
func wantSticky(ctx context.Context, t testing.TB, on execer, query string, args ...any) {
	t.Helper()
	var v sql.NullString
	err := on.QueryRowContext(ctx, query, args...).Scan(&v)
	if _, ok := errors.AsType[*mysqlpool.StickyError](err); !ok {
		t.Errorf("%s = %q, %v; want a StickyError", query, v.String, err)
	}
}

// wantAnswer asks and accepts the right answer or a StickyError.
func wantAnswer(ctx context.Context, t testing.TB, on execer, query, right string) {
	t.Helper()
	var v sql.NullString
	err := on.QueryRowContext(ctx, query).Scan(&v)
	if _, ok := errors.AsType[*mysqlpool.StickyError](err); ok {
		return
	}
	if err != nil || v.String != right {
		t.Errorf("%s = %q, %v; want %q or a StickyError", query, v.String, err, right)
	}
}

func TestStickyIsRightWhileNobodyElseUsedTheBackend(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(2))
	for _, c := range stickies {
		t.Run(c.name, func(t *testing.T) {
			stickyTables(ctx, t, db)
			conn := hold(ctx, t, db)
			run(ctx, t, conn, c.before)
			want(t, c.ask, text(ctx, t, conn, c.ask), c.want)
		})
	}
}

func TestStickyIsRightInTransactionsPinnedAndInSessionMode(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(4))
	sessions := map[string]func(t *testing.T) *sql.Conn{
		"transaction": func(t *testing.T) *sql.Conn {
			conn := hold(ctx, t, db)
			exec(ctx, t, conn, "BEGIN")
			return conn
		},
		"pinned": func(t *testing.T) *sql.Conn {
			conn := hold(ctx, t, db)
			exec(ctx, t, conn, "SET @x = 1")
			return conn
		},
		"session mode": func(t *testing.T) *sql.Conn {
			return hold(mysqlpool.ContextWithMode(ctx, mysqlpool.SessionMode), t, db)
		},
	}
	for name, session := range sessions {
		for _, c := range stickies {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				stickyTables(ctx, t, db)
				conn := session(t)
				defer conn.Close()
				run(ctx, t, conn, c.before)
				exec(ctx, t, db, "SET time_zone = '+01:00'") // somebody else is about
				want(t, c.ask, text(ctx, t, conn, c.ask), c.want)
			})
		}
	}
}

func TestStickyIsAnErrorAfterSomebodyElse(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	for _, s := range stickies {
		t.Run(s.name, func(t *testing.T) {
			stickyTables(ctx, t, db)
			conn := hold(ctx, t, db)
			run(ctx, t, conn, s.before)
			exec(ctx, t, db, "INSERT INTO t (v) VALUES (7), (8), (9), (10)")
			before := c.Sessions().StickyLost
			wantSticky(ctx, t, conn, s.ask)
			if got := c.Sessions().StickyLost; got != before+1 {
				t.Errorf("StickyLost = %d, want %d", got, before+1)
			}
		})
	}
}

func TestStickyIsAnErrorOnAFreshSession(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	stickyTables(ctx, t, db)
	exec(ctx, t, db, "INSERT INTO t (v) VALUES (1), (2)")
	for _, s := range stickies {
		t.Run(s.name, func(t *testing.T) { wantSticky(ctx, t, hold(ctx, t, db), s.ask) })
	}
}

func TestStickyIsAnErrorAfterCheckIn(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	stickyTables(ctx, t, db)
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "INSERT INTO t (v) VALUES (1)")
	must(t, conn.Close())
	wantSticky(ctx, t, db, "SELECT LAST_INSERT_ID()")
}

func TestStickyIsAnErrorAfterAnIdleCheck(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1), weir.WithCheckIdleEvery(20*time.Millisecond))
	stickyTables(ctx, t, db)
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "INSERT INTO t (v) VALUES (1)")
	checks := c.Stats().Checks[weir.WhileIdle]
	until(ctx, t, "the backend was checked", func() bool { return c.Stats().Checks[weir.WhileIdle] != checks })
	wantAnswer(ctx, t, conn, "SELECT LAST_INSERT_ID()", "1")
	wantSticky(ctx, t, conn, "SELECT ROW_COUNT()")
}

// The number that another session left on a backend is nobody else's, whatever the session did there before.
func TestStickyIsNotWhatAnotherSessionLeft(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	stickyTables(ctx, t, db)
	exec(ctx, t, db, "INSERT INTO t (v) VALUES (1), (2)")
	for _, ask := range []string{"SELECT LAST_INSERT_ID()", "SELECT @@identity"} {
		for name, first := range map[string]string{
			"read": "SELECT 1", "transaction": "BEGIN", "pin": "SET @x = 1", "update": "UPDATE t SET v = 3 WHERE id = 1", "insert without a number": "INSERT INTO three VALUES (4)", "set": "SET time_zone = '+01:00'",
		} {
			t.Run(name+"/"+ask, func(t *testing.T) {
				conn := hold(ctx, t, db)
				defer conn.Close()
				exec(ctx, t, db, "INSERT INTO t (v) VALUES (1)")
				exec(ctx, t, conn, first)
				wantAnswer(ctx, t, conn, ask, "0")
			})
		}
		t.Run("tx/"+ask, func(t *testing.T) {
			exec(ctx, t, db, "INSERT INTO t (v) VALUES (1)")
			tx := begin(ctx, t, db)
			defer tx.Rollback()
			wantAnswer(ctx, t, tx, ask, "0")
		})
		t.Run("session mode/"+ask, func(t *testing.T) {
			exec(ctx, t, db, "INSERT INTO t (v) VALUES (1)")
			conn := hold(mysqlpool.ContextWithMode(ctx, mysqlpool.SessionMode), t, db)
			defer conn.Close()
			exec(ctx, t, conn, "SELECT 1")
			wantAnswer(ctx, t, conn, ask, "0")
		})
	}
}

// What the session inserted on one backend is not to be asked for on another, to which a harmless statement has led it.
func TestStickyIsNotAnotherBackends(t *testing.T) {
	ctx := within(t, 30*time.Second)
	for name, next := range map[string]string{"read": "SELECT 1", "transaction": "BEGIN", "pin": "SET @x = 1"} {
		t.Run(name, func(t *testing.T) {
			db, _ := open(t, database(t), weir.WithMaxOpen(2))
			stickyTables(ctx, t, db)
			conn, other := hold(ctx, t, db), hold(ctx, t, db)
			exec(ctx, t, conn, "INSERT INTO t (v) VALUES (1)") // 1
			tx := elsewhere(ctx, t, db, conn)
			exec(ctx, t, other, "INSERT INTO t (v) VALUES (2)") // 2, on the other backend
			exec(ctx, t, conn, next)
			wantAnswer(ctx, t, conn, "SELECT LAST_INSERT_ID()", "1")
			must(t, tx.Rollback())
		})
	}
}

func TestStickyStatementThatWrites(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	stickyTables(ctx, t, db)
	exec(ctx, t, db, "CREATE TABLE child (parent INT)")
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "INSERT INTO t (v) VALUES (1)")
	exec(ctx, t, conn, "INSERT INTO child VALUES (LAST_INSERT_ID())")
	want(t, "parent", text(ctx, t, conn, "SELECT parent FROM child"), "1")
	exec(ctx, t, conn, "INSERT INTO t (v) VALUES (1)")
	exec(ctx, t, db, "INSERT INTO t (v) VALUES (1)")
	_, err := conn.ExecContext(ctx, "INSERT INTO child VALUES (LAST_INSERT_ID())")
	if _, ok := errors.AsType[*mysqlpool.StickyError](err); !ok {
		t.Errorf("INSERT of another session's number: %v, want a StickyError", err)
	}
	want(t, "children", text(ctx, t, db, "SELECT COUNT(*) FROM child"), "1")
}

func TestStickyWithArguments(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	db, _ := open(t, dsn, weir.WithMaxOpen(1))
	stickyTables(ctx, t, db)
	conn := hold(ctx, t, db)
	for range 3 { // one-shot, kept, from the cache
		id, err := exec(ctx, t, conn, "INSERT INTO t (v) VALUES (?), (?)", 1, 2).LastInsertId()
		must(t, err)
		want(t, "id", text(ctx, t, conn, "SELECT LAST_INSERT_ID() = ?", id), "1")
		run(ctx, t, conn, "SELECT v FROM three WHERE v < ?", 3)
		want(t, "found", text(ctx, t, conn, "SELECT FOUND_ROWS() = ?", 2), "1")
	}
}

func TestWarningsOfAFailedStatement(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	stickyTables(ctx, t, db)
	for _, bad := range []string{"INSERT INTO t (nope) VALUES (1)", "SET time_zone = 'nowhere'", "SELECT nope", "CREATE TABLE t (id INT)"} {
		t.Run(bad, func(t *testing.T) {
			conn := hold(ctx, t, db)
			defer conn.Close()
			if _, err := conn.ExecContext(ctx, bad); err == nil {
				t.Fatal("no error")
			}
			var level, code, message string
			must(t, conn.QueryRowContext(ctx, "SHOW WARNINGS").Scan(&level, &code, &message))
			want(t, "level", level, "Error")
		})
	}
}

func TestStickyErrorTellsWhatToDo(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	var v int
	err := db.QueryRowContext(ctx, "SELECT LAST_INSERT_ID(), FOUND_ROWS()").Scan(&v, &v)
	e, ok := errors.AsType[*mysqlpool.StickyError](err)
	if !ok {
		t.Fatalf("error %v, want a StickyError", err)
	}
	want(t, "Asked", e.Asked, "LAST_INSERT_ID(), FOUND_ROWS()")
	contains(t, "text", e.Error(), "Result")
}

func TestLastInsertIdOfResultsNeedsNoBackend(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	stickyTables(ctx, t, db)
	first := exec(ctx, t, db, "INSERT INTO t (v) VALUES (1)")
	exec(ctx, t, db, "INSERT INTO t (v) VALUES (2)")
	id, err := first.LastInsertId()
	if n, errN := first.RowsAffected(); id != 1 || n != 1 || err != nil || errN != nil {
		t.Errorf("id %d, rows %d, %v, %v; want 1 and 1", id, n, err, errN)
	}
}

// The well-known ways to make one's own numbers.
func TestNumbersOfOnesOwn(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE numbers (n INT)")
	exec(ctx, t, db, "INSERT INTO numbers VALUES (41)")
	conn := hold(ctx, t, db)
	res := exec(ctx, t, conn, "UPDATE numbers SET n = LAST_INSERT_ID(n + 1)")
	want(t, "LAST_INSERT_ID()", text(ctx, t, conn, "SELECT LAST_INSERT_ID()"), "42")
	if id, err := res.LastInsertId(); id != 42 || err != nil {
		t.Errorf("LastInsertId = %d, %v; want 42", id, err)
	}
	if labtest.Kind() == lab.MySQL { // which has no sequences
		return
	}
	exec(ctx, t, db, "CREATE SEQUENCE s")
	want(t, "NEXTVAL", text(ctx, t, conn, "SELECT NEXTVAL(s)"), "1")
	want(t, "LASTVAL", text(ctx, t, conn, "SELECT LASTVAL(s)"), "1")
	want(t, "NEXTVAL of another session", text(ctx, t, db, "SELECT NEXT VALUE FOR s"), "2")
	wantSticky(ctx, t, conn, "SELECT LASTVAL(s)")
	wantSticky(ctx, t, hold(ctx, t, db), "SELECT PREVIOUS VALUE FOR s")
}

func errorAs[E error](err error) (E, bool) { return errors.AsType[E](err) }

// A poison is what another session leaves on the backend, and the questions to which it would be a wrong answer.
type poison struct {
	leave string
	ask   []string
}

func poisons() []poison {
	return slices.Concat(poisonsOfBoth, byFamily([]poison{{"SELECT NEXTVAL(s2)", []string{"SELECT LASTVAL(sticky.s2)", "SELECT LASTVAL(sticky.s1)"}}}, nil))
}

var poisonsOfBoth = []poison{
	{"INSERT INTO t (v) VALUES (3), (4), (5), (6)", []string{"SELECT LAST_INSERT_ID()", "SELECT @@identity", "SELECT ROW_COUNT()", "SELECT CONCAT(LAST_INSERT_ID(), ' ', ROW_COUNT())"}},
	{"UPDATE t SET v = LAST_INSERT_ID(77)", []string{"SELECT LAST_INSERT_ID()", "SELECT @@last_insert_id", "SELECT ROW_COUNT()"}},
	{"SELECT v FROM three", []string{"SELECT FOUND_ROWS()", "SELECT ROW_COUNT()"}},
	{"SELECT CAST('x' AS SIGNED)", []string{"SELECT @@warning_count", "SHOW COUNT(*) WARNINGS"}},
}

// firsts are what the session itself runs before it asks.
func firsts() []string { return slices.Concat(firstsOfBoth, byFamily(firstsOfMariaDB, firstsOfMySQL)) }

var firstsOfMariaDB = []string{
	"INSERT INTO t (v) VALUES (5) RETURNING id", "SELECT NEXTVAL(s1)", "SELECT SETVAL(s2, 500)", "SELECT IF(FALSE, NEXTVAL(s2), 0)", "ANALYZE SELECT v FROM three", "EXECUTE IMMEDIATE 'DO 1'",
	"SELECT NEXTVAL(s2) FROM three WHERE FALSE", "SET STATEMENT max_statement_time = 1 FOR SELECT v FROM three",
}

var firstsOfMySQL = []string{
	"TABLE three", "TABLE three LIMIT 1", "VALUES ROW(1), ROW(2)", "SELECT /*+ SET_VAR(sql_select_limit = 1) */ v FROM three", "SELECT /*+ MAX_EXECUTION_TIME(1000) */ v FROM three", "SELECT v FROM three INTO @x, @y",
	"SELECT v FROM three LIMIT 1 INTO @x", "EXPLAIN ANALYZE SELECT v FROM three", "EXPLAIN FORMAT = TREE SELECT v FROM three", "INSERT INTO t (v) VALUES (5) AS new ON DUPLICATE KEY UPDATE v = new.v",
	"INSERT INTO t (v) TABLE three", "INSERT INTO t (v) VALUES ROW(8), ROW(9)", "SET PERSIST sort_buffer_size = DEFAULT", "SET SESSION sort_buffer_size = DEFAULT", "SET ROLE NONE", "SET RESOURCE GROUP USR_default",
	"SELECT j FROM JSON_TABLE('[1, 2]', '$[*]' COLUMNS (j INT PATH '$')) x", "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 4) SELECT n FROM c", "SELECT v FROM three INTERSECT SELECT 2",
	"SELECT ROW_NUMBER() OVER () FROM three", "LOCK INSTANCE FOR BACKUP", "SELECT v FROM three FOR UPDATE SKIP LOCKED", "DELETE t FROM t JOIN three ON t.id = three.v", "GET CURRENT DIAGNOSTICS @n = ROW_COUNT",
	"EXPLAIN FORMAT = JSON INTO @plan SELECT v FROM three", "RESET PERSIST",
}

var firstsOfBoth = []string{
	"DO 1", "SELECT 1", "SELECT v FROM three WHERE v < 3", "INSERT INTO t (v) VALUES (5)", "INSERT INTO t (id, v) VALUES (1000, 5)", "INSERT INTO three VALUES (4)", "REPLACE INTO t (id, v) VALUES (2, 2)",
	"INSERT INTO t (id, v) VALUES (1, 9) ON DUPLICATE KEY UPDATE v = 9", "INSERT IGNORE INTO t (id, v) VALUES (1, 1)", "INSERT INTO t (v) SELECT v FROM three WHERE v > 99",
	"UPDATE t SET v = 1 WHERE id = 1", "UPDATE t SET v = LAST_INSERT_ID(5) WHERE id = 1", "UPDATE t SET v = LAST_INSERT_ID(5) WHERE FALSE", "DELETE FROM t WHERE id = 2", "SET @x = 1", "SET time_zone = '+01:00'",
	"SET time_zone = 'nowhere'", "USE information_schema", "BEGIN", "COMMIT", "SHOW STATUS LIKE 'x'", "SHOW WARNINGS", "CREATE TEMPORARY TABLE tmp (v INT)", "CREATE TABLE IF NOT EXISTS t (v INT)",
	"CALL inserts()", "CALL nothing()", "SELECT LAST_INSERT_ID(9)", "SELECT IF(FALSE, LAST_INSERT_ID(9), 0)", "SELECT nope",
	"EXPLAIN SELECT 1", "SELECT SQL_CALC_FOUND_ROWS v FROM three LIMIT 1", "SELECT v FROM three LIMIT 1", "XA START 'sticky'", "SELECT CAST('y' AS SIGNED)", "SELECT GET_LOCK('sticky', 0)",
	"PREPARE p FROM 'SELECT 1'", "LOCK TABLES three READ", "HANDLER three OPEN", "SELECT v FROM three -- all",
	"SELECT 1 FROM DUAL -- FROM three", "SELECT 1 FROM (SELECT 1) x", "SELECT 'it''s' FROM three WHERE FALSE", "DROP TABLE IF EXISTS nothing",
	"SELECT TRIM('x' FROM CURRENT_USER)", "SELECT 'y' + 0 -- FROM three", "ping", "prepare", "begin",
}

// stickyDatabase makes what the statements use.
func stickyDatabase(ctx context.Context, t testing.TB, admin *sql.DB) {
	t.Helper()
	for _, s := range append(byFamily([]string{"CREATE SEQUENCE s1", "CREATE SEQUENCE s2"}, nil),
		"CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)", "CREATE TABLE three (v INT)", "INSERT INTO three VALUES (1), (2), (3)",
		"CREATE PROCEDURE inserts() INSERT INTO t (v) VALUES (6)", "CREATE PROCEDURE nothing() DO 1",
	) {
		exec(ctx, t, admin, s)
	}
}

// stickyRows gives the tables the rows they begin with.
func stickyRows(ctx context.Context, t testing.TB, admin *sql.DB, ask string) {
	t.Helper()
	statements := []string{"TRUNCATE t", "INSERT INTO t (v) VALUES (1), (2)", "DELETE FROM three WHERE v > 3"}
	if strings.Contains(ask, "LASTVAL") {
		statements = append(statements, "ALTER SEQUENCE s1 RESTART 1", "ALTER SEQUENCE s2 RESTART 1")
	}
	for _, s := range statements {
		exec(ctx, t, admin, s)
	}
}

// first runs one of firsts, whose error does not matter. It returns what ends it.
func first(ctx context.Context, conn *sql.Conn, what string) (end func()) {
	switch what {
	case "ping":
		conn.PingContext(ctx)
	case "prepare":
		if stmt, err := conn.PrepareContext(ctx, "SELECT 1"); err == nil {
			return func() { stmt.Close() }
		}
	case "begin":
		if tx, err := conn.BeginTx(ctx, nil); err == nil {
			return func() { tx.Rollback() }
		}
	default:
		if rows, err := conn.QueryContext(ctx, what); err == nil {
			for rows.Next() {
			}
			rows.Close()
		}
	}
	return func() {}
}

// A side is one of two that are told the same, each in a database of its own, so that the same ids are given on both.
type side struct {
	db, admin *sql.DB
	schema    string
}

func newSide(ctx context.Context, t testing.TB, srv *lab.Server, schema string, open func(dsn string) *sql.DB) *side {
	t.Helper()
	admin(t, srv, "CREATE DATABASE "+schema)
	dsn := srv.DSN("app", schema)
	s := &side{admin: stock(t, dsn), schema: schema}
	stickyDatabase(ctx, t, s.admin)
	s.db = open(dsn)
	return s
}

// tell has another session leave something behind, a session run one of firsts, and then ask.
func (s *side) tell(ctx context.Context, t testing.TB, leave, what, ask string) (string, error) {
	rows := []string{"DELETE FROM t", "INSERT INTO t (id, v) VALUES (1, 1), (2, 2)", "DELETE FROM three WHERE v > 3"} // to TRUNCATE takes MySQL its time
	if strings.Contains(ask, "LASTVAL") {
		rows = append(rows, "ALTER SEQUENCE s1 RESTART 1", "ALTER SEQUENCE s2 RESTART 1")
	}
	for _, statement := range rows {
		exec(ctx, t, s.admin, statement)
	}
	run(ctx, t, s.db, leave)
	conn := hold(ctx, t, s.db)
	defer conn.Close()
	defer first(ctx, conn, what)()
	var v sql.NullString
	err := conn.QueryRowContext(ctx, strings.ReplaceAll(ask, "sticky.", s.schema+".")).Scan(&v)
	return fmt.Sprint(v), err
}

// Whatever another session has left on a backend, and whatever this one has run since, the answer is that of a connection of one's own.
func TestStickyAnswersAreThoseOfAConnectionOfOnesOwn(t *testing.T) {
	ctx := within(t, 5*time.Minute)
	srv := start(t, lab.Config{})
	admin(t, srv, "GRANT ALL ON *.* TO app@'%'")
	plain := newSide(ctx, t, srv, "plain", func(dsn string) *sql.DB {
		db := stock(t, dsn)
		db.SetMaxIdleConns(-1) // each statement has a connection of its own
		return db
	})
	var c *mysqlpool.Connector
	sessions := newSide(ctx, t, srv, "sessions", func(dsn string) (db *sql.DB) {
		db, c = open(t, dsn, weir.WithMaxOpen(1), weir.WithCheckIdleEvery(time.Hour))
		return db
	})
	asked, answered := 0, 0
	for _, what := range firsts() {
		for _, p := range poisons() {
			for _, ask := range p.ask {
				right, rightErr := plain.tell(ctx, t, p.leave, what, ask)
				got, err := sessions.tell(ctx, t, p.leave, what, ask)
				wantFree(ctx, t, c)
				asked++
				if _, ok := errorAs[*mysqlpool.StickyError](err); ok {
					continue
				}
				answered++
				if got != right || (err == nil) != (rightErr == nil) {
					t.Errorf("another session's %s, then %s and %s = %s, %v; want %s, %v", p.leave, what, ask, got, err, right, rightErr)
				}
			}
		}
	}
	t.Logf("%d of %d questions were answered", answered, asked)
}
