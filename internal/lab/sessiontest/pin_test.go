package sessiontest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

type realConn = driver.Conn

// connectionID asks a connection of the driver.
func connectionID(c driver.Conn) string {
	rows, err := c.(driver.QueryerContext).QueryContext(context.Background(), "SELECT CONNECTION_ID()", nil)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil {
		return err.Error()
	}
	if err := rows.Next(make([]driver.Value, 1)); err != io.EOF {
		return "more than one row"
	}
	if b, ok := row[0].([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(row[0])
}

// withParam adds a parameter to a DSN.
func withParam(t testing.TB, dsn, param string) string {
	t.Helper()
	if strings.Contains(dsn, "?") {
		return dsn + "&" + param
	}
	return dsn + "?" + param
}

func TestManyShortPinsOnFewBackends(t *testing.T) {
	ctx := within(t, time.Minute)
	db, c := open(t, database(t), weir.WithMaxOpen(2), weir.WithMaxWait(20*time.Second))
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			if _, err := db.ExecContext(ctx, "SET @x = 1"); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	wantFree(ctx, t, c)
	if s := c.Sessions(); len(s.Pinned) != 0 || s.Pins[mysqlpool.PinUserVariable] != 50 || s.Resets != 50 || c.Stats().Opened > 2 {
		t.Errorf("pinned %v, pins %d, resets %d, opened %d; want none, 50, 50, at most 2", s.Pinned, s.Pins[mysqlpool.PinUserVariable], s.Resets, c.Stats().Opened)
	}
}

// pinAll pins as many sessions as it may.
func pinAll(ctx context.Context, t testing.TB, db *sql.DB, n int) []*sql.Conn {
	t.Helper()
	var held []*sql.Conn
	for range n {
		conn := hold(ctx, t, db)
		exec(ctx, t, conn, "SET @x = 1")
		held = append(held, conn)
	}
	return held
}

func TestDefaultLimitOfPinsLeavesSomeBackends(t *testing.T) {
	for backends, most := range map[int]int{1: 1, 2: 1, 5: 4, 10: 8} {
		_, c := open(t, database(t), weir.WithMaxOpen(backends))
		if got := c.Sessions().MaxPinned; got != most {
			t.Errorf("MaxOpen %d: MaxPinned = %d, want %d", backends, got, most)
		}
	}
}

func TestPinsAtTheLimitLeaveOthersServed(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(5), weir.WithMaxWait(200*time.Millisecond))
	pinAll(ctx, t, db, 4)
	for range 20 {
		exec(ctx, t, db, "DO 1")
	}
	_, err := db.ExecContext(ctx, "SELECT GET_LOCK('weir', 0)")
	e, ok := errors.AsType[*mysqlpool.PinLimitError](err)
	if !ok {
		t.Fatalf("the pin above the limit: %v, want a PinLimitError", err)
	}
	if e.Reason != mysqlpool.PinGetLock || e.Limit != 4 || e.Waited < 200*time.Millisecond || len(e.Pins) != 4 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%+v", e)
	}
	for _, part := range []string{"user variable at support_test.go:", "named lock", "4 of 4"} {
		contains(t, "error", err.Error(), part)
	}
	exec(ctx, t, db, "DO 1")
	if n := c.Stats().InUse; n != 4 {
		t.Errorf("%d backends are held, want the 4 of the pins", n)
	}
}

func TestPinAboveTheLimitWaitsForACheckIn(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2), mysqlpool.WithMaxPinned(1), weir.WithMaxWait(10*time.Second))
	first := pinAll(ctx, t, db, 1)[0]
	done := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(ctx, "SET @x = 2")
		done <- err
	}()
	until(ctx, t, "another session is there", func() bool { return c.Sessions().Sessions == 2 })
	select {
	case err := <-done:
		t.Errorf("it did not wait: %v", err)
	default:
	}
	must(t, first.Close())
	must(t, <-done)
}

func TestPinsAboveTheLimitAreServedInOrder(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(3), mysqlpool.WithMaxPinned(1), weir.WithMaxWait(20*time.Second))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
	first := pinAll(ctx, t, db, 1)[0]
	var waiting sync.WaitGroup
	for i := range 5 {
		waiting.Go(func() {
			if _, err := db.ExecContext(ctx, fmt.Sprintf("INSERT INTO t (v) SELECT @v := %d", i)); err != nil {
				t.Error(err)
			}
		})
		until(ctx, t, "it waits", func() bool {
			all := make([]byte, 1<<20)
			return strings.Count(string(all[:runtime.Stack(all, true)]), "mysqlpool.(*pins).take(") == i+1
		})
	}
	must(t, first.Close())
	waiting.Wait()
	want(t, "order", text(ctx, t, db, "SELECT GROUP_CONCAT(v ORDER BY id) FROM t"), "0,1,2,3,4")
}

func TestPreparedStatementThatPins(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	stmt, err := db.PrepareContext(ctx, "SET @x = ?")
	must(t, err)
	defer stmt.Close()
	for range 5 {
		_, err := stmt.ExecContext(ctx, 1)
		must(t, err)
	}
	tx := begin(ctx, t, db)
	_, err = tx.StmtContext(ctx, stmt).ExecContext(ctx, 7)
	must(t, err)
	want(t, "@x", text(ctx, t, tx, "SELECT @x"), "7")
	must(t, tx.Commit())
	wantFree(ctx, t, c)
	want(t, "@x afterwards", text(ctx, t, db, "SELECT @x"), "NULL")
	if p := c.Sessions().Pinned; len(p) != 0 {
		t.Errorf("pinned: %v", p)
	}
}

func TestRoleEndsAtCheckIn(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	dsn := databaseOn(t, srv)
	admin(t, srv, "CREATE ROLE clerk")
	admin(t, srv, "GRANT clerk TO app@'%'")
	db, c := open(t, dsn, weir.WithMaxOpen(1))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET ROLE clerk")
	want(t, "the session's role", text(ctx, t, conn, "SELECT CURRENT_ROLE()"), byFamily("clerk", "`clerk`@`%`"))
	must(t, conn.Close())
	wantFree(ctx, t, c)
	want(t, "another session's role", text(ctx, t, db, "SELECT CURRENT_ROLE()"), byFamily("NULL", "NONE"))
}

// What the account has from its login on comes back, too.
func TestDefaultRoleComesBackAtCheckIn(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	dsn := databaseOn(t, srv)
	admin(t, srv, "CREATE ROLE clerk")
	admin(t, srv, "GRANT clerk TO app@'%'")
	admin(t, srv, byFamily("SET DEFAULT ROLE clerk FOR app@'%'", "SET DEFAULT ROLE clerk TO app@'%'"))
	db, c := open(t, dsn, weir.WithMaxOpen(1))
	const ask = "SELECT CURRENT_ROLE() LIKE '%clerk%'"
	want(t, "a new session", text(ctx, t, db, ask), "1")
	for _, change := range []string{"SET ROLE NONE", "SET @x = 1"} {
		conn := hold(ctx, t, db)
		exec(ctx, t, conn, change)
		must(t, conn.Close())
		wantFree(ctx, t, c)
		want(t, "another session after "+change, text(ctx, t, db, ask), "1")
	}
}

// A thread of MySQL's belongs to a resource group, which no variable shows.
func TestResourceGroupEndsAtCheckIn(t *testing.T) {
	labtest.Only(t, lab.MySQL, "MariaDB has no resource groups")
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{Args: []string{"--performance-schema=ON"}})
	dsn := databaseOn(t, srv)
	admin(t, srv, "GRANT RESOURCE_GROUP_USER ON *.* TO app@'%'")
	admin(t, srv, "CREATE RESOURCE GROUP slow TYPE = USER VCPU = 0")
	db, c := open(t, dsn, weir.WithMaxOpen(1))
	group := func(on execer) string {
		var name string
		must(t, srv.Admin().QueryRowContext(ctx, "SELECT RESOURCE_GROUP FROM performance_schema.threads WHERE PROCESSLIST_ID = "+backend(ctx, t, on)).Scan(&name))
		return name
	}
	want(t, "a new session's", group(db), "USR_default")
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET RESOURCE GROUP slow")
	want(t, "the session's", group(conn), "slow")
	must(t, conn.Close())
	wantFree(ctx, t, c)
	want(t, "another session's", group(db), "USR_default")
	if p := c.Sessions().Pins; p[mysqlpool.PinUnlistedSet] != 1 {
		t.Errorf("pins: %v, want one for the SET", p)
	}
}

func TestPinAboveTheLimitEndsWithItsContext(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(2), mysqlpool.WithMaxPinned(1), weir.WithMaxWait(20*time.Second))
	pinAll(ctx, t, db, 1)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err := db.ExecContext(short, "SET @x = 2")
	if _, ok := errors.AsType[*mysqlpool.PinLimitError](err); !ok || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want a PinLimitError for the context's end", err)
	}
}

// A transaction holds its backend anyway: it is not made to wait for a place, and would not give one to others by waiting.
func TestTransactionPinsBeyondTheLimit(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(3), mysqlpool.WithMaxPinned(1), weir.WithMaxWait(50*time.Millisecond))
	pinTables(ctx, t, db)
	pinAll(ctx, t, db, 1)
	tx := begin(ctx, t, db)
	exec(ctx, t, tx, "UPDATE t SET v = 2")
	exec(ctx, t, tx, "SET @x = 2")
	exec(ctx, t, tx, "UPDATE t SET v = v + 1")
	must(t, tx.Commit())
	want(t, "v", text(ctx, t, db, "SELECT v FROM t"), "3")
	if _, err := db.ExecContext(ctx, "SET @x = 2"); err == nil {
		t.Error("a pin beyond the limit outside a transaction: no error")
	}
}

// leavesTraces reports whether a reset does not take away what the statement leaves: the backend is closed.
func leavesTraces(set string) bool {
	return strings.HasPrefix(set, "XA") || strings.Contains(set, "profiling")
}

func TestExhaustedErrorNamesPins(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(2), mysqlpool.WithMaxPinned(2), weir.WithMaxWait(100*time.Millisecond))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET @x = 1")
	pinAll(ctx, t, db, 1)
	_, err := db.ExecContext(ctx, "DO 1")
	if e, ok := errors.AsType[*weir.ExhaustedError](err); !ok || len(e.Holders) != 2 {
		t.Fatalf("error %v, want an ExhaustedError with 2 holders", err)
	}
	contains(t, "error", err.Error(), "pinned: user variable")
	contains(t, "error", err.Error(), "support_test.go:") // the line that ran the statement
}

// A pin in a transaction that had its backend already is told, too.
func TestExhaustedErrorNamesPinsOfTransactions(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1), weir.WithMaxWait(50*time.Millisecond))
	tx := begin(ctx, t, db)
	exec(ctx, t, tx, "SELECT GET_LOCK('weir', 0)")
	_, err := db.ExecContext(ctx, "DO 1")
	if err == nil {
		t.Fatal("no error")
	}
	contains(t, "error", err.Error(), "pinned: named lock")
}

func TestPinOutlivesTheTransactionItBeganIn(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	tx, err := conn.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "SET @x = 5")
	must(t, tx.Rollback())
	exec(ctx, t, db, "DO 1")
	want(t, "@x", text(ctx, t, conn, "SELECT @x"), "5")
	must(t, conn.Close())
	wantFree(ctx, t, c)
	want(t, "@x after check-in", text(ctx, t, db, "SELECT @x"), "NULL")
}

func TestPinKeepsTheSettingsOfTheSession(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c, here, there := twoDatabases(ctx, t, weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET time_zone = '+01:00'")
	exec(ctx, t, conn, "SET @x = 5")
	exec(ctx, t, conn, "USE "+there)
	exec(ctx, t, conn, "SET lc_time_names = 'de_DE'")
	const ask = "SELECT CONCAT_WS(' ', @@time_zone, DATABASE(), @@lc_time_names)"
	want(t, "the session", text(ctx, t, conn, ask), "+01:00 "+there+" de_DE")
	must(t, conn.Close())
	wantFree(ctx, t, c)
	fresh := hold(ctx, t, db)
	hop(ctx, t, db, fresh, func(where string) { want(t, where, text(ctx, t, fresh, ask), "SYSTEM "+here+" en_US") })
}

func TestBackendsThatCannotBeResetAreClosed(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, withParam(t, database(t), "compress=true"), weir.WithMaxOpen(1))
	exec(ctx, t, db, "SET @x = 1")
	wantFree(ctx, t, c)
	want(t, "@x", text(ctx, t, db, "SELECT @x"), "NULL")
	wantFree(ctx, t, c)
	if s := c.Sessions(); s.ResetFails != 2 || c.Stats().Opened != 3 && c.Stats().Opened != 2 {
		t.Errorf("%d failed resets, %d opened; want 2 closed backends", s.ResetFails, c.Stats().Opened)
	}
}

// What a reset leaves must be what a new connection has, variable by variable.
func TestResetPutsEveryVariableBack(t *testing.T) {
	ctx := within(t, time.Minute)
	srv := start(t, lab.Config{})
	dsn := databaseOn(t, srv)
	admin(t, srv, "GRANT ALL ON *.* TO app@'%'")
	db, c := open(t, dsn, weir.WithMaxOpen(1))
	variables := func(db *sql.DB) map[string]string {
		out := map[string]string{}
		for _, row := range fetch(ctx, t, db, "SHOW SESSION VARIABLES").Values {
			out[fmt.Sprintf("%s", row[0])] = fmt.Sprintf("%s", row[1])
		}
		for _, own := range []string{"pseudo_thread_id", "rand_seed1", "rand_seed2", "timestamp", "statement_id"} {
			delete(out, own)
		}
		return out
	}
	right := variables(stock(t, dsn))
	own := byFamily([]string{
		"SET gtid_domain_id = 3", "SET skip_replication = 1", "SET sql_if_exists = 1", "SET system_versioning_asof = '2020-01-01'", "SET optimizer_switch = 'mrr=on'", "SET old_mode = ''",
		"SET STATEMENT max_statement_time = 1 FOR DO 1", "BACKUP STAGE START",
	}, []string{
		"SET gtid_next = 'AUTOMATIC'", "SET pseudo_replica_mode = 1", "SET session_track_gtids = OWN_GTID", "SET optimizer_switch = 'mrr=off'", "SET optimizer_trace = 'enabled=on'",
		"SET use_secondary_engine = OFF", "SET default_table_encryption = 1", "SET windowing_use_high_precision = 0", "SET xa_detach_on_prepare = 0", "SET require_row_format = 1",
		"SET explain_format = TREE", "SET default_collation_for_utf8mb4 = utf8mb4_general_ci", "SET restrict_fk_on_non_standard_key = 0", "SET show_create_table_verbosity = 1",
		"LOCK INSTANCE FOR BACKUP",
	})
	for _, set := range append(own,
		"SET insert_id = 77", "SET sql_log_bin = 0", "SET profiling = 1", "SET max_join_size = 10", "SET completion_type = 1", "SET sql_auto_is_null = 1", "SET binlog_format = 'ROW'",
		"SET SESSION transaction_prealloc_size = 8192", "SET lc_time_names = 1 + 1", "SET autocommit = 0", "SET SESSION "+isolation()+" = CONCAT('SERIALI', 'ZABLE')", "SET NAMES sjis",
		"XA START 'x'",
	) {
		conn := hold(ctx, t, db)
		exec(ctx, t, conn, set)
		id := pinnedBackend(t, conn)
		must(t, conn.Close())
		wantFree(ctx, t, c)
		if d := cmp.Diff(right, variables(db)); d != "" {
			t.Errorf("after %s: %s", set, d)
		}
		if same := backend(ctx, t, db) == id; same == leavesTraces(set) {
			t.Errorf("after %s the backend was kept: %v", set, same)
		}
	}
}
