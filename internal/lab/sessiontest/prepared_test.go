package sessiontest_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// serverCount reads a counter of the server.
func serverCount(ctx context.Context, t testing.TB, srv *lab.Server, name string) int {
	t.Helper()
	var v string
	must(t, srv.Admin().QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE '"+name+"'").Scan(&name, &v))
	n, err := strconv.Atoi(v)
	must(t, err)
	return n
}

// wantPrepares runs f and wants it to cost that many prepares and executions on the server.
func wantPrepares(ctx context.Context, t testing.TB, srv *lab.Server, prepares, executions int, f func()) {
	t.Helper()
	p, x := serverCount(ctx, t, srv, "COM_STMT_PREPARE"), serverCount(ctx, t, srv, "COM_STMT_EXECUTE")
	f()
	p, x = serverCount(ctx, t, srv, "COM_STMT_PREPARE")-p, serverCount(ctx, t, srv, "COM_STMT_EXECUTE")-x
	if p != prepares || x != executions {
		t.Errorf("the server prepared %d and executed %d times, want %d and %d", p, x, prepares, executions)
	}
}

func TestTextIsPreparedTwiceAtMostOnOneBackend(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	db, c := open(t, databaseOn(t, srv), weir.WithMaxOpen(1))
	wantPrepares(ctx, t, srv, 2, 50, func() {
		for i := range 50 {
			want(t, "answer", text(ctx, t, db, "SELECT ? + 1", i), strconv.Itoa(i+1))
		}
	})
	if s := c.Sessions().Statements; s.Cached != 1 || s.Hits != 48 || s.Misses != 1 || s.OneShots != 1 {
		t.Errorf("%+v, want 1 cached, 48 hits, 1 miss, 1 one-shot", s)
	}
	if n := serverCount(ctx, t, srv, "PREPARED_STMT_COUNT"); n != 1 {
		t.Errorf("the server holds %d statements, want 1", n)
	}
}

func TestPreparedByNameIsPreparedOnce(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	db, _ := open(t, databaseOn(t, srv), weir.WithMaxOpen(1))
	wantPrepares(ctx, t, srv, 1, 30, func() {
		stmt, err := db.PrepareContext(ctx, "SELECT ? + 1")
		must(t, err)
		defer stmt.Close()
		for range 10 {
			var v int
			must(t, stmt.QueryRowContext(ctx, 1).Scan(&v))
			tx := begin(ctx, t, db)
			must(t, tx.StmtContext(ctx, stmt).QueryRowContext(ctx, 1).Scan(&v))
			must(t, tx.QueryRowContext(ctx, "SELECT ? + 1", 1).Scan(&v))
			must(t, tx.Commit())
		}
	})
}

func TestWithoutStatementCachePreparesEachTime(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	db, _ := open(t, databaseOn(t, srv), weir.WithMaxOpen(1), mysqlpool.WithoutStatementCache())
	wantPrepares(ctx, t, srv, 10, 10, func() {
		for range 10 {
			want(t, "answer", text(ctx, t, db, "SELECT ? + 1", 7), "8") // MySQL prepares SELECT ? again for a number, by itself
		}
	})
	if n := serverCount(ctx, t, srv, "PREPARED_STMT_COUNT"); n != 0 {
		t.Errorf("the server holds %d statements, want 0", n)
	}
}

func TestStatementCacheIsBounded(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	db, c := open(t, databaseOn(t, srv), weir.WithMaxOpen(2), mysqlpool.WithStatementCache(3))
	for range 3 {
		for i := range 10 {
			query := fmt.Sprintf("SELECT ? + %d", i)
			want(t, query, text(ctx, t, db, query, 1), strconv.Itoa(1+i))
		}
	}
	if n := serverCount(ctx, t, srv, "PREPARED_STMT_COUNT"); n > 6 || n != c.Sessions().Statements.Cached {
		t.Errorf("the server holds %d statements, Cached = %d; want the same and at most 6", n, c.Sessions().Statements.Cached)
	}
	if c.Sessions().Statements.Evictions == 0 {
		t.Error("no evictions")
	}
}

func TestTheLeastRecentlyUsedStatementGoes(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	db, _ := open(t, databaseOn(t, srv), weir.WithMaxOpen(1), mysqlpool.WithStatementCache(2))
	ask := func(i int) { text(ctx, t, db, fmt.Sprintf("SELECT ? + %d", i), 1) }
	for _, i := range []int{1, 1, 2, 2, 1, 3, 3} {
		ask(i)
	}
	wantPrepares(ctx, t, srv, 0, 2, func() { ask(1); ask(3) })
	wantPrepares(ctx, t, srv, 1, 1, func() { ask(2) })
}

func TestResetForgetsStatements(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	db, c := open(t, databaseOn(t, srv), weir.WithMaxOpen(1))
	ask := func() { want(t, "answer", text(ctx, t, db, "SELECT ? + 1", 1), "2") }
	ask()
	ask()
	exec(ctx, t, db, "SET @x = 1")
	wantFree(ctx, t, c)
	if n, cached := serverCount(ctx, t, srv, "PREPARED_STMT_COUNT"), c.Sessions().Statements.Cached; n != 0 || cached != 0 {
		t.Errorf("after a reset the server holds %d statements and %d are cached, want none", n, cached)
	}
	ask()
}

// twoDatabases opens a pool on one of two databases, each with a table t whose one row is the database's name.
func twoDatabases(ctx context.Context, t testing.TB, opts ...mysqlpool.Option) (db *sql.DB, c *mysqlpool.Connector, here, there string) {
	t.Helper()
	dsn := database(t)
	for _, d := range []string{dsn, database(t)} {
		cfg, err := mysql.ParseDSN(d)
		must(t, err)
		admin(t, shared(t), "CREATE TABLE "+cfg.DBName+".t (id INT, v VARCHAR(40))")
		admin(t, shared(t), "INSERT INTO "+cfg.DBName+".t VALUES (1, '"+cfg.DBName+"')")
		here, there = there, cfg.DBName
	}
	db, c = open(t, dsn, opts...)
	return db, c, here, there
}

func TestStatementsAreKeptApartByDatabase(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _, here, there := twoDatabases(ctx, t, weir.WithMaxOpen(1))
	conn := hold(ctx, t, db)
	const query = "SELECT v FROM t WHERE id = ?"
	for range 3 {
		exec(ctx, t, conn, "USE "+there)
		for range 3 {
			want(t, "after USE", text(ctx, t, conn, query, 1), there)
		}
		exec(ctx, t, conn, "USE "+here)
		for range 3 {
			want(t, "after USE back", text(ctx, t, conn, query, 1), here)
			want(t, "another session", text(ctx, t, db, query, 1), here)
		}
	}
}

func TestStatementsAreKeptApartByDatabaseWhilePinned(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _, here, there := twoDatabases(ctx, t, weir.WithMaxOpen(1))
	const query = "SELECT v FROM t WHERE id = ?"
	for _, pin := range []string{"SET @x = 1", "SET SESSION sort_buffer_size = 1024 * 1024", "PREPARE p FROM 'SELECT 1'"} {
		t.Run(pin, func(t *testing.T) {
			conn := hold(ctx, t, db)
			defer conn.Close()
			exec(ctx, t, conn, pin)
			for range 2 {
				exec(ctx, t, conn, "USE "+there)
				for range 3 {
					want(t, "after USE", text(ctx, t, conn, query, 1), there)
				}
				exec(ctx, t, conn, "USE "+here)
				for range 3 {
					want(t, "after USE back", text(ctx, t, conn, query, 1), here)
				}
			}
		})
	}
}

func TestStatementsAreKeptApartBySettings(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	for _, pin := range []string{"DO 0", "SET @x = 1", "SET SESSION sort_buffer_size = 1024 * 1024"} {
		for _, c := range []struct{ set, query, before, after string }{
			{"SET sql_mode = 'ANSI_QUOTES'", `SELECT "a" FROM (SELECT 'column' AS a) x WHERE 1 = ?`, "a", "column"},
			{"SET sql_mode = 'PIPES_AS_CONCAT'", "SELECT 1 || ? ", "1", "11"},
			{"SET sql_mode = 'NO_BACKSLASH_ESCAPES'", `SELECT LENGTH('\\') FROM DUAL WHERE 1 = ?`, "1", "2"},
			{"SET NAMES latin1", "SELECT CHARSET('a') FROM DUAL WHERE 1 = ?", "utf8mb4", "latin1"},
			{"SET collation_connection = 'utf8mb4_bin'", "SELECT 'a' = 'A' FROM DUAL WHERE 1 = ?", "1", "0"},
		} {
			t.Run(pin+"/"+c.set, func(t *testing.T) {
				db, _ := open(t, dsn, weir.WithMaxOpen(1))
				conn := hold(ctx, t, db)
				exec(ctx, t, conn, pin)
				for range 3 {
					want(t, "before", text(ctx, t, conn, c.query, 1), c.before)
				}
				exec(ctx, t, conn, c.set)
				for range 3 {
					want(t, "after", text(ctx, t, conn, c.query, 1), c.after)
				}
				must(t, conn.Close())
				for range 3 {
					want(t, "another session", text(ctx, t, db, c.query, 1), c.before)
				}
			})
		}
	}
}

// A variable that is not part of a kept statement's key must be looked at when the statement is executed.
func TestKeptStatementsSeeTheSettings(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	for set, query := range map[string]string{
		"div_precision_increment = 9": "SELECT 1/3 FROM DUAL WHERE 1 = ?", "default_week_format = 3": "SELECT WEEK('2027-01-01') FROM DUAL WHERE 1 = ?",
		"lc_time_names = 'de_DE'": "SELECT DATE_FORMAT('2026-05-01', '%M') FROM DUAL WHERE 1 = ?", "time_zone = '+05:00'": "SELECT FROM_UNIXTIME(?)",
		"group_concat_max_len = 10": "SELECT GROUP_CONCAT(seq) FROM " + sequence(t, 100) + " WHERE seq > ?", "sql_select_limit = 2": "SELECT COUNT(*) FROM (SELECT seq FROM " + sequence(t, 5) + " WHERE seq > ?) t",
		"character_set_results = latin1": "SELECT 'ä' FROM DUAL WHERE 1 = ?", "collation_connection = utf8mb4_bin": "SELECT COLLATION('a') FROM DUAL WHERE 1 = ?",
		"character_set_client = latin1": "SELECT HEX(?)", "character_set_connection = latin1": "SELECT CHARSET('a'), CHARSET(?)",
		isolation() + " = 'SERIALIZABLE'": "SELECT @@" + isolation() + " FROM DUAL WHERE 1 = ?", "lc_messages = 'de_DE'": "SELECT @@lc_messages FROM DUAL WHERE 1 = ?",
		"sql_mode = ''": "SELECT 1 / 0, CAST(CONCAT('x', ?) AS CHAR(1))", "sql_mode = 'HIGH_NOT_PRECEDENCE'": "SELECT NOT 1 BETWEEN -5 AND ?", "sql_mode = 'REAL_AS_FLOAT'": "SELECT CAST(1.1 AS DOUBLE) + ?",
		"max_sort_length = 64": "SELECT @@max_sort_length + ?", "sql_safe_updates = 1": "SELECT @@sql_safe_updates + ?",
	} {
		t.Run(set, func(t *testing.T) {
			db, _ := open(t, dsn, weir.WithMaxOpen(1))
			plain := stock(t, dsn)
			plain.SetMaxOpenConns(1)
			conn := hold(ctx, t, db)
			answers := func(on queryer) []table {
				var out []table
				for range 3 {
					rows, err := on.QueryContext(ctx, query, 1)
					must(t, err)
					out = append(out, read(t, rows))
					rows.Close()
				}
				return out
			}
			answers(conn)
			exec(ctx, t, conn, "SET SESSION "+set)
			got := answers(conn)
			exec(ctx, t, plain, "SET SESSION "+set)
			if d := cmp.Diff(answers(plain), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// A statement means what it meant when it was prepared, wherever it is run.
func TestStatementPreparedBeforeUseMeansTheOldDatabase(t *testing.T) {
	ctx := within(t, 30*time.Second)
	for _, pin := range []string{"DO 0", "SET @x = 1", "SET SESSION sort_buffer_size = 1024 * 1024"} {
		t.Run(pin, func(t *testing.T) {
			db, _, here, there := twoDatabases(ctx, t, weir.WithMaxOpen(2))
			conn := hold(ctx, t, db)
			stmt, err := conn.PrepareContext(ctx, "SELECT v FROM t WHERE id = ?")
			must(t, err)
			defer stmt.Close()
			var v string
			ask := func() string {
				must(t, stmt.QueryRowContext(ctx, 1).Scan(&v))
				return v
			}
			want(t, "before USE", ask(), here)
			tx := elsewhere(ctx, t, db, conn)
			exec(ctx, t, conn, "USE "+there)
			exec(ctx, t, conn, pin)
			want(t, "text after USE", text(ctx, t, conn, "SELECT v FROM t WHERE id = ?", 1), there)
			if err := stmt.QueryRowContext(ctx, 1).Scan(&v); err != nil && hidesSettings(pin) {
				contains(t, "error", err.Error(), "prepare it again")
				return
			}
			want(t, "after USE", v, here)
			want(t, "database", text(ctx, t, conn, "SELECT DATABASE()"), there)
			must(t, tx.Rollback())
			want(t, "on the first backend", ask(), here)
		})
	}
}

// What a pinned session did unseen must not make a statement mean another database.
func TestStatementPreparedBeforeAnUnseenUse(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn, other := database(t), database(t)
	cfg, err := mysql.ParseDSN(other)
	must(t, err)
	db, _ := open(t, withParam(t, dsn, "multiStatements=true"), weir.WithMaxOpen(2))
	here := text(ctx, t, db, "SELECT DATABASE()")
	for _, moved := range []bool{false, true} {
		t.Run(fmt.Sprint("on another backend: ", moved), func(t *testing.T) {
			conn := hold(ctx, t, db)
			defer conn.Close()
			stmt, err := conn.PrepareContext(ctx, fmt.Sprintf("SELECT DATABASE() FROM DUAL WHERE %v <> ?", moved))
			must(t, err)
			defer stmt.Close()
			if moved {
				defer elsewhere(ctx, t, db, conn).Rollback()
			}
			exec(ctx, t, conn, "USE "+cfg.DBName+"; DO 1")
			var v string
			if err := stmt.QueryRowContext(ctx, 7).Scan(&v); err == nil {
				want(t, "database", v, here)
			} else {
				contains(t, "error", err.Error(), "prepare it again")
			}
			want(t, "text", text(ctx, t, conn, "SELECT DATABASE()"), cfg.DBName)
		})
	}
}

// hidesSettings reports whether after the statement nobody knows the session's settings, so that it cannot go back to those of before.
func hidesSettings(pin string) bool { return strings.Contains(pin, "1024 * 1024") }

func TestStatementPreparedWithoutDatabase(t *testing.T) {
	ctx := within(t, 30*time.Second)
	cfg, err := mysql.ParseDSN(database(t))
	must(t, err)
	name := cfg.DBName
	cfg.DBName = ""
	db, c := open(t, cfg.FormatDSN(), weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	stmt, err := conn.PrepareContext(ctx, "SELECT ?")
	must(t, err)
	defer stmt.Close()
	tx := elsewhere(ctx, t, db, conn)
	exec(ctx, t, conn, "USE "+name)
	destroyed := c.Stats().Closed
	var v string
	if err := stmt.QueryRowContext(ctx, 7).Scan(&v); err != nil || v != "7" {
		t.Errorf("answer %q, %v; want 7", v, err)
	}
	if got := c.Stats().Closed; got != destroyed {
		t.Errorf("closed backends: %v, before %v", got, destroyed)
	}
	must(t, tx.Rollback())
}

func TestPreparingSetDoesNotSet(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _, here, there := twoDatabases(ctx, t, weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	for _, query := range []string{"SET time_zone = '+05:00'", "USE " + there} {
		if stmt, err := conn.PrepareContext(ctx, query); err == nil {
			defer stmt.Close()
		}
	}
	for range 2 {
		want(t, "time_zone", text(ctx, t, conn, "SELECT @@session.time_zone"), "SYSTEM")
		want(t, "database", text(ctx, t, conn, "SELECT DATABASE()"), here)
		elsewhere(ctx, t, db, conn)
	}
}

func TestPreparedSetIsReplayed(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	stmt, err := conn.PrepareContext(ctx, "SET time_zone = '+05:00'")
	must(t, err)
	defer stmt.Close()
	_, err = stmt.ExecContext(ctx)
	must(t, err)
	elsewhere(ctx, t, db, conn)
	want(t, "time_zone", text(ctx, t, conn, "SELECT @@session.time_zone"), "+05:00")
	want(t, "time_zone", text(ctx, t, conn, "SELECT @@session.time_zone WHERE 1 = ?", 1), "+05:00")
}

func TestFullServerHasRoomForWhatIsAsked(t *testing.T) {
	ctx := within(t, time.Minute)
	for _, c := range []struct{ limit, workers int }{{20, 4}, {4, 4}, {2, 2}, {1, 1}} {
		t.Run(fmt.Sprintf("%d statements, %d workers", c.limit, c.workers), func(t *testing.T) {
			srv := start(t, lab.Config{Args: []string{"--max-prepared-stmt-count=" + strconv.Itoa(c.limit)}})
			db, _ := open(t, databaseOn(t, srv), weir.WithMaxOpen(4))
			var workers sync.WaitGroup
			for w := range c.workers {
				workers.Go(func() {
					for i := range 300 {
						n := (i*7 + w) % 100
						var got int
						err := db.QueryRowContext(ctx, fmt.Sprintf("SELECT ? + %d", n), 1).Scan(&got)
						if err != nil || got != n+1 {
							t.Errorf("worker %d, statement %d: %d, %v", w, i, got, err)
							return
						}
					}
				})
			}
			workers.Wait()
		})
	}
}

// What others have prepared may be given up a while later: a busy server takes its time to close statements.
func TestFullServerIsAskedAgainForAWhile(t *testing.T) {
	ctx := within(t, time.Minute)
	srv := start(t, lab.Config{Args: []string{"--max-prepared-stmt-count=1"}})
	dsn := databaseOn(t, srv)
	db, c := open(t, dsn, weir.WithMaxOpen(1))
	theirs, err := hold(ctx, t, stock(t, dsn)).PrepareContext(ctx, "SELECT ?")
	must(t, err)
	asked := make(chan error, 1)
	go func() { asked <- db.QueryRowContext(ctx, "SELECT ? + 1", 1).Scan(new(int)) }()
	until(ctx, t, "it is tried again and again", func() bool { return c.Sessions().Retries >= 30 })
	must(t, theirs.Close())
	must(t, <-asked)
}

// The one statement that the server allows may be kept by a backend that is idle.
func TestFullServerGivesUpWhatIdleBackendsKeep(t *testing.T) {
	ctx := within(t, time.Minute)
	srv := start(t, lab.Config{Args: []string{"--max-prepared-stmt-count=1"}})
	db, _ := open(t, databaseOn(t, srv), weir.WithMaxOpen(2))
	for i := range 6 {
		keeps, other := hold(ctx, t, db), hold(ctx, t, db)
		tx, err := keeps.BeginTx(ctx, nil)
		must(t, err)
		last, err := other.BeginTx(ctx, nil)
		must(t, err)
		for range 3 {
			want(t, "answer", text(ctx, t, tx, "SELECT ? + 1", i), strconv.Itoa(i+1))
		}
		must(t, tx.Rollback())
		must(t, last.Rollback()) // its backend is the one to be lent next
		for range 3 {
			want(t, "answer on another backend", text(ctx, t, other, "SELECT ? + 2", i), strconv.Itoa(i+2))
		}
		must(t, keeps.Close())
		must(t, other.Close())
	}
}

func TestServerThatForgetsStatements(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (id INT, v INT)")
	exec(ctx, t, db, "INSERT INTO t VALUES (1, 2)")
	for _, between := range []string{"FLUSH TABLES", byFamily("FLUSH QUERY CACHE", "FLUSH OPTIMIZER_COSTS"), "FLUSH STATUS"} {
		for range 3 {
			want(t, "v", text(ctx, t, db, "SELECT v FROM t WHERE id = ?", 1), "2")
		}
		admin(t, shared(t), between)
	}
	want(t, "v", text(ctx, t, db, "SELECT v FROM t WHERE id = ?", 1), "2")
}

func TestBadStatementsFailWhenPrepared(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	for _, query := range []string{"SELEC 1", "SELECT nope FROM nowhere WHERE id = ?", ""} {
		if stmt, err := db.PrepareContext(ctx, query); err == nil {
			stmt.Close()
			t.Errorf("preparing %q: no error", query)
		}
	}
	wantFree(ctx, t, c)
}

func TestWrongNumberOfArguments(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	for range 3 {
		var v int
		if err := db.QueryRowContext(ctx, "SELECT ?", 1, 2).Scan(&v); err == nil {
			t.Error("one argument too many: no error")
		}
		if _, err := db.ExecContext(ctx, "DO ?, ?", 1); err == nil {
			t.Error("one argument too few: no error")
		}
		if err := db.QueryRowContext(ctx, "SELECT ?").Scan(&v); err == nil {
			t.Error("no argument at all: no error")
		}
	}
	want(t, "the right number", text(ctx, t, db, "SELECT ?", 7), "7")
	wantFree(ctx, t, c)
	stmt, err := db.PrepareContext(ctx, "SELECT ?")
	must(t, err)
	defer stmt.Close()
	if rows, err := stmt.QueryContext(ctx); err == nil {
		rows.Close()
		t.Error("a statement without its argument: no error")
	}
}

// Whatever happens to the table, a kept statement reads what a new one would.
func TestSchemaChangesUnderKeptStatements(t *testing.T) {
	ctx := within(t, time.Minute)
	dsn := database(t)
	db, _ := open(t, dsn, weir.WithMaxOpen(1))
	plain := stock(t, dsn)
	named, err := db.PrepareContext(ctx, "SELECT * FROM t WHERE id = ?")
	if err == nil {
		t.Error("preparing for a table that is not there: no error")
		named.Close()
	}
	admin := func(statement string) { exec(ctx, t, plain, statement) }
	admin("CREATE TABLE t (id INT, v INT)")
	admin("INSERT INTO t VALUES (1, 2)")
	stmt, err := db.PrepareContext(ctx, "SELECT * FROM t WHERE id = ?")
	must(t, err)
	defer stmt.Close()
	same := func(after string) {
		t.Helper()
		const query = "SELECT * FROM t WHERE id = ?"
		right := fetch(ctx, t, plain, query, 1)
		for range 3 {
			if d := cmp.Diff(right, fetch(ctx, t, db, query, 1)); d != "" {
				t.Errorf("text after %s: %s", after, d)
			}
			rows, err := stmt.QueryContext(ctx, 1)
			must(t, err)
			if d := cmp.Diff(right, read(t, rows)); d != "" {
				t.Errorf("statement after %s: %s", after, d)
			}
			rows.Close()
		}
	}
	same("CREATE")
	const made = "TABLE t (other VARCHAR(3), id INT) SELECT 'abc' AS other, 1 AS id"
	for _, change := range slices.Concat([]string{
		"ALTER TABLE t ADD COLUMN w VARCHAR(10) DEFAULT 'w'", "ALTER TABLE t DROP COLUMN v", "ALTER TABLE t MODIFY w VARCHAR(99) CHARSET latin1", "ALTER TABLE t MODIFY w BLOB",
		"ALTER TABLE t RENAME COLUMN w TO x", "ALTER TABLE t ADD COLUMN d DATETIME(6) DEFAULT '2026-01-02' FIRST", "ALTER TABLE t MODIFY id BIGINT UNSIGNED",
	}, byFamily([]string{"CREATE OR REPLACE " + made}, []string{"ALTER TABLE t ALTER COLUMN x SET INVISIBLE", "DROP TABLE t", "CREATE " + made}), []string{
		"RENAME TABLE t TO u", "CREATE VIEW t AS SELECT id, 'view' AS viewed FROM u",
		"CREATE OR REPLACE VIEW t AS SELECT id, 1.5 AS number, other FROM u", "DROP VIEW t", "RENAME TABLE u TO t", "ANALYZE TABLE t",
	}) {
		run(ctx, t, plain, change)
		if _, err := plain.ExecContext(ctx, "DO (SELECT COUNT(*) FROM t)"); err != nil {
			if _, err := db.ExecContext(ctx, "SELECT * FROM t WHERE id = ?", 1); !hasNumber(err, 1146) {
				t.Errorf("after %s: %v, want error 1146", change, err)
			}
			continue
		}
		same(change)
	}
}

func hasNumber(err error, number uint16) bool {
	e, ok := errorAs[*mysql.MySQLError](err)
	return ok && e.Number == number
}

func TestTemporaryTableShadowsUnderKeptStatements(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (id INT, v INT)")
	exec(ctx, t, db, "INSERT INTO t VALUES (1, 2)")
	const query = "SELECT CONCAT(v, '') FROM t WHERE id = ?"
	for range 3 {
		conn := hold(ctx, t, db)
		for range 3 {
			want(t, "before", text(ctx, t, conn, query, 1), "2")
		}
		exec(ctx, t, conn, "CREATE TEMPORARY TABLE t (v VARCHAR(10), id INT)")
		exec(ctx, t, conn, "INSERT INTO t VALUES ('shadow', 1)")
		for range 3 {
			want(t, "shadowed", text(ctx, t, conn, query, 1), "shadow")
		}
		exec(ctx, t, conn, "DROP TEMPORARY TABLE t")
		want(t, "dropped", text(ctx, t, conn, query, 1), "2")
		exec(ctx, t, conn, "CREATE TEMPORARY TABLE t (v VARCHAR(10), id INT)")
		must(t, conn.Close())
		wantFree(ctx, t, c)
		want(t, "another session", text(ctx, t, db, query, 1), "2")
	}
}

// A statement of the DB that a transaction has prepared in a database of its own must not keep meaning that one.
func TestStatementOfTheDBForgetsATransactionsDatabase(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _, here, there := twoDatabases(ctx, t, weir.WithMaxOpen(2))
	first := hold(ctx, t, db) // so that the transaction's session has not prepared it
	stmt, err := db.PrepareContext(ctx, "SELECT v FROM t WHERE id = ?")
	must(t, err)
	defer stmt.Close()
	other, err := db.Conn(ctx)
	must(t, err)
	var v string
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "USE "+there)
	must(t, tx.StmtContext(ctx, stmt).QueryRowContext(ctx, 1).Scan(&v))
	must(t, tx.Rollback())
	must(t, other.Close())
	must(t, first.Close())
	for range 6 {
		must(t, stmt.QueryRowContext(ctx, 1).Scan(&v))
		want(t, "the DB's statement", v, here)
	}
}
