package sessiontest_test

import (
	"context"
	"database/sql"
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

// askerTables makes what numbers come from and go to.
func askerTables() []string {
	tables := []string{
		"CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)", "CREATE TABLE others (id INT PRIMARY KEY AUTO_INCREMENT, v INT) AUTO_INCREMENT = 4711", "CREATE TABLE three (v INT)",
		"INSERT INTO three VALUES (1), (2), (3)", "CREATE TABLE log (id BIGINT)", "CREATE PROCEDURE inserts() INSERT INTO t (v) VALUES (6)",
	}
	if labtest.Kind() == lab.MariaDB {
		tables = append(tables, "CREATE SEQUENCE s")
	}
	return tables
}

// An asker is something that asks for a number without a text that shows it.
type asker struct{ name, make, use, ask string }

// askers are those of the family that the tests run on. Only MariaDB has sequences, and lets defaults ask.
func askers() []asker {
	all := append(slices.Clone(askersOfBoth), askersOfMariaDB...)
	if labtest.Kind() == lab.MySQL {
		all = append(slices.Clone(askersOfBoth), askersOfMySQL...)
	}
	return all
}

var askersOfBoth = []asker{
	{"view", "CREATE VIEW a AS SELECT LAST_INSERT_ID() AS id", "", "SELECT id FROM a"},
	{"function", "CREATE FUNCTION a() RETURNS BIGINT NO SQL RETURN LAST_INSERT_ID()", "", "SELECT a()"},
	{"function that reads a variable", "CREATE FUNCTION a() RETURNS BIGINT NO SQL RETURN @@identity", "", "SELECT a()"},
	{"trigger", "CREATE TRIGGER a BEFORE INSERT ON log FOR EACH ROW SET NEW.id = LAST_INSERT_ID()", "INSERT INTO log VALUES (NULL)", "SELECT id FROM log"},
	{"trigger that calls a procedure", "CREATE PROCEDURE b(OUT x BIGINT) SET x = LAST_INSERT_ID(); CREATE TRIGGER a BEFORE INSERT ON log FOR EACH ROW CALL b(NEW.id)", "INSERT INTO log VALUES (NULL)", "SELECT id FROM log"},
	{"procedure", "CREATE PROCEDURE a() INSERT INTO log VALUES (LAST_INSERT_ID())", "CALL a()", "SELECT id FROM log"},
	{"SHOW VARIABLES", "DO 1", "", "SHOW VARIABLES LIKE 'ident%'"},
}

var askersOfMariaDB = []asker{
	{"default", "ALTER TABLE log MODIFY id BIGINT DEFAULT (@@last_insert_id)", "INSERT INTO log VALUES (DEFAULT)", "SELECT id FROM log"},
	{"SESSION_VARIABLES", "DO 1", "", "SELECT VARIABLE_VALUE FROM information_schema.SESSION_VARIABLES WHERE VARIABLE_NAME = 'last_insert_id'"},
	{"view of SYSTEM_VARIABLES", "CREATE VIEW a AS SELECT SESSION_VALUE AS id FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME = 'last_insert_id'", "", "SELECT id FROM a"},
	{"view of a sequence", "CREATE VIEW a AS SELECT LASTVAL(s) AS id", "", "SELECT id FROM a"},
	{"default of a sequence", "ALTER TABLE log MODIFY id BIGINT DEFAULT (PREVIOUS VALUE FOR s)", "INSERT INTO log VALUES (DEFAULT)", "SELECT id FROM log"},
}

var askersOfMySQL = []asker{
	{"SESSION_VARIABLES", "DO 1", "", "SELECT VARIABLE_VALUE FROM performance_schema.session_variables WHERE VARIABLE_NAME = 'last_insert_id'"},
	{"view of SESSION_VARIABLES", "CREATE VIEW a AS SELECT VARIABLE_VALUE AS id FROM performance_schema.session_variables WHERE VARIABLE_NAME = 'identity'", "", "SELECT id FROM a"},
	{"view of VARIABLES_BY_THREAD", "CREATE VIEW a AS SELECT VARIABLE_VALUE AS id FROM performance_schema.variables_by_thread " +
		"WHERE THREAD_ID = PS_CURRENT_THREAD_ID() AND VARIABLE_NAME = 'identity'", "", "SELECT id FROM a"},
}

// askerServer starts a server on which the account app sees the database askers only.
func askerServer(t *testing.T) (srv *lab.Server, dsn string) {
	t.Helper()
	srv = start(t, lab.Config{Args: byFamily(nil, []string{"--performance-schema=ON"})}) // without it VARIABLES_BY_THREAD is empty
	admin(t, srv, "DROP DATABASE app")
	admin(t, srv, "GRANT ALL ON askers.* TO app@'%'")
	if labtest.Kind() == lab.MySQL {
		admin(t, srv, "GRANT SELECT ON performance_schema.* TO app@'%'") // or a view of it could not be its own
	}
	return srv, srv.DSN("app", "askers")
}

// askerDatabase makes the database anew, and returns a DB of stock connections each of which is used once.
func askerDatabase(ctx context.Context, t *testing.T, srv *lab.Server, dsn string) *sql.DB {
	t.Helper()
	admin(t, srv, "DROP DATABASE IF EXISTS askers")
	admin(t, srv, "CREATE DATABASE askers")
	plain := stock(t, dsn)
	plain.SetMaxIdleConns(-1)
	for _, s := range askerTables() {
		exec(ctx, t, plain, s)
	}
	return plain
}

// define makes the asker.
func (a asker) define(ctx context.Context, t testing.TB, on execer) {
	t.Helper()
	for s := range strings.SplitSeq(a.make, "; ") {
		exec(ctx, t, on, s)
	}
}

// tell runs what a session does before it meets the asker, and tells what that has got.
func (a asker) tell(ctx context.Context, t testing.TB, db, plain *sql.DB, before, away, next string) (string, error) {
	t.Helper()
	exec(ctx, t, plain, "TRUNCATE t")
	exec(ctx, t, plain, "DELETE FROM log")
	left := func() {
		exec(ctx, t, db, "INSERT INTO others (v) VALUES (1)")
		if strings.Contains(a.name, "sequence") {
			exec(ctx, t, db, "SELECT NEXTVAL(s)")
		}
	}
	left()
	conn := hold(ctx, t, db)
	defer conn.Close()
	if before != "" {
		exec(ctx, t, conn, before)
	}
	if away != "" {
		left()
	}
	if next != "" {
		if _, err := conn.ExecContext(ctx, next); err != nil {
			return "", err
		}
	}
	if a.use != "" {
		if _, err := conn.ExecContext(ctx, a.use); err != nil {
			return "", err
		}
	}
	rows, err := conn.QueryContext(ctx, a.ask)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var answer strings.Builder
	columns, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		var name, v sql.NullString
		if len(columns) == 1 {
			must(t, rows.Scan(&v))
		} else {
			must(t, rows.Scan(&name, &v))
		}
		fmt.Fprint(&answer, name.String, " ", v, "; ")
	}
	return answer.String(), rows.Err()
}

// Whatever asks for a number, and whoever had the backend before: it is the session's own, or an error.
func TestNumbersThatAreAskedForUnseen(t *testing.T) {
	ctx := within(t, 5*time.Minute)
	srv, dsn := askerServer(t)
	for _, a := range askers() {
		t.Run(a.name, func(t *testing.T) {
			plain := askerDatabase(ctx, t, srv, dsn)
			a.define(ctx, t, plain)
			db, c := open(t, dsn, weir.WithMaxOpen(1), weir.WithCheckIdleEvery(time.Hour))
			befores := []string{"", "INSERT INTO t (v) VALUES (1), (2)", "INSERT INTO t (id, v) VALUES (1000, 5)", "SELECT LAST_INSERT_ID(9)"}
			if labtest.Kind() == lab.MariaDB {
				befores = append(befores, "INSERT INTO t (v) VALUES (1) RETURNING id")
			}
			for _, before := range befores {
				for _, away := range []string{"", "used"} {
					if away != "" && a.holds(before) {
						continue
					}
					for _, next := range []string{"", "SET @x = 1", "INSERT INTO three VALUES (4)", "CALL inserts()"} {
						right, rightErr := a.tell(ctx, t, plain, plain, before, away, next)
						got, err := a.tell(ctx, t, db, plain, before, away, next)
						wantFree(ctx, t, c)
						if _, ok := errorAs[*mysqlpool.StickyError](err); ok && a.seen() {
							continue
						}
						if got != right || number(err) != number(rightErr) {
							t.Errorf("%q, %q, %q: %s, %v; want %s, %v", before, away, next, got, err, right, rightErr)
						}
					}
				}
			}
		})
	}
}

// holds reports whether a session keeps its backend for the asker's sake: where a sequence is asked for, and where the number cannot be
// read before the backend goes to others.
func (a asker) holds(before string) bool {
	return before != "" && (strings.Contains(a.name, "sequence") || !a.seen() && (strings.HasPrefix(before, "SELECT") || strings.Contains(before, "RETURNING")))
}

// seen reports whether the text of the question itself shows what it asks for, or that it may.
func (a asker) seen() bool { return strings.Contains(a.name, "VARIABLES") && a.make == "DO 1" }
