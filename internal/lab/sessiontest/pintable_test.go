package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/mysqlpool"
)

// A pinning is a statement that pins and what can be seen of it.
type pinning struct {
	reason mysqlpool.PinReason
	pin    string
	then   []string // further statements of the session
	ask    string   // what the pinned session reads
	want   string
	after  string // what another session on the same backend reads when the pinned one is checked in; "error": that it cannot
}

const lockFree = "SELECT IS_FREE_LOCK('weir')"

// pinnings has each class of statement that pins. The tables are t (id, v), with one row (1, 1), and p, a procedure.
func pinnings() []pinning {
	return append(byFamily(pinningsOfMariaDB, pinningsOfMySQL), pinningsOfBoth...)
}

var pinningsOfMariaDB = []pinning{
	{mysqlpool.PinTextPrepare, "EXECUTE IMMEDIATE 'SET @x = 6'", nil, "SELECT @x", "6", "NULL"},
	{mysqlpool.PinUnlistedSet, "SET SESSION max_tmp_tables = 17", nil, "SELECT @@max_tmp_tables", "17", "32"},
	{mysqlpool.PinUnlistedSet, "SET SESSION sort_buffer_size = 128 * 1024", nil, "SELECT @@sort_buffer_size", "131072", "2097152"},
	{mysqlpool.PinNextTransaction, "SET @@tx_isolation = 'SERIALIZABLE'", nil, "SELECT @@autocommit", "1", "1"},
	{mysqlpool.PinUnknown, "BEGIN NOT ATOMIC SET @x = 4; END", nil, "SELECT @x", "4", "NULL"},
}

var pinningsOfMySQL = []pinning{
	{mysqlpool.PinUserVariable, "EXPLAIN FORMAT = JSON INTO @plan SELECT v FROM t", nil, "SELECT JSON_VALID(@plan)", "1", "NULL"},
	{mysqlpool.PinUserVariable, "TABLE t INTO @a, @b", nil, "SELECT @a", "1", "NULL"},
	{mysqlpool.PinGetLock, "SELECT GET_LOCK('weir2', 0), GET_LOCK('weir', 0)", []string{"DO RELEASE_LOCK('weir2')"}, lockFree, "0", "1"},
	{mysqlpool.PinNextTransaction, "SET @@transaction_isolation = 'SERIALIZABLE'", nil, "SELECT @@transaction_isolation", "REPEATABLE-READ", "REPEATABLE-READ"},
	{mysqlpool.PinUnlistedSet, "SET SESSION optimizer_trace_limit = 17", nil, "SELECT @@optimizer_trace_limit", "17", "1"},
	{mysqlpool.PinUnlistedSet, "SET SESSION sort_buffer_size = 128 * 1024", nil, "SELECT @@sort_buffer_size", "131072", "262144"},
	{mysqlpool.PinUnlistedSet, "SET session_track_gtids = OWN_GTID", nil, "SELECT @@session_track_gtids", "OWN_GTID", "OFF"},
}

var pinningsOfBoth = []pinning{
	{mysqlpool.PinUserVariable, "SET @x = 7", nil, "SELECT @x", "7", "NULL"},
	{mysqlpool.PinUserVariable, "SELECT @y := 8", nil, "SELECT @y", "8", "NULL"},
	{mysqlpool.PinUserVariable, "SELECT id INTO @z FROM t", nil, "SELECT @z", "1", "NULL"},
	{mysqlpool.PinUserVariable, "SET @x = 1, sql_mode = 'ANSI_QUOTES'", nil, "SELECT @@sql_mode = 'ANSI_QUOTES'", "1", "0"},
	{mysqlpool.PinTemporaryTable, "CREATE TEMPORARY TABLE tmp (v INT)", []string{"INSERT INTO tmp VALUES (5)"}, "SELECT v FROM tmp", "5", "error"},
	{mysqlpool.PinTemporaryTable, "CREATE TEMPORARY TABLE t (id INT, v INT)", nil, "SELECT COUNT(*) FROM t", "0", "1"},
	{mysqlpool.PinTemporaryTable, "/* */ CREATE /*! TEMPORARY */ TABLE tmp SELECT 3 AS v", nil, "SELECT v FROM tmp", "3", "error"},
	{mysqlpool.PinGetLock, "SELECT GET_LOCK('weir', 0)", nil, lockFree, "0", "1"},
	{mysqlpool.PinGetLock, "DO GET_LOCK('weir', 0)", nil, lockFree, "0", "1"},
	{mysqlpool.PinTextPrepare, "PREPARE ps FROM 'SELECT 42'", nil, "EXECUTE ps", "42", "error"},
	{mysqlpool.PinHandler, "HANDLER t OPEN AS h", nil, "HANDLER h READ FIRST", "1", "error"},
	{mysqlpool.PinCall, "CALL p()", nil, "SELECT @from_p", "9", "NULL"},
	{mysqlpool.PinCalcFoundRows, "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 0", nil, "SELECT FOUND_ROWS()", "1", "1"},
	{mysqlpool.PinAutocommitOff, "SET autocommit = 0", []string{"UPDATE t SET v = 2"}, "SELECT CONCAT(@@autocommit + 0, v) FROM t", "02", "11"},
	{mysqlpool.PinNextTransaction, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", nil, "SELECT @@autocommit", "1", "1"},
	{mysqlpool.PinUnlistedSet, "SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')", nil, "SELECT @@sql_mode LIKE '%ANSI_QUOTES%'", "1", "0"},
	{mysqlpool.PinUnlistedSet, "SET time_zone = (SELECT '+03:00')", nil, "SELECT @@time_zone", "+03:00", "SYSTEM"},
	{mysqlpool.PinUnlistedSet, "SET last_insert_id = 33", nil, "SELECT LAST_INSERT_ID()", "33", "error"},
	{mysqlpool.PinUnlistedSet, "SET timestamp = 1", nil, "SELECT NOW() < '1980-01-01'", "1", "0"},
	{mysqlpool.PinUnsafeCharset, "SET NAMES gbk", nil, "SELECT @@character_set_client", "gbk", "utf8mb4"},
	{mysqlpool.PinUnsafeCharset, "SET character_set_client = sjis", nil, "SELECT @@character_set_client", "sjis", "utf8mb4"},
	{mysqlpool.PinXA, "XA START 'weir'", []string{"UPDATE t SET v = 3"}, "SELECT v FROM t", "3", "1"},
	{mysqlpool.PinXA, "XA START 'weir2'", []string{"UPDATE t SET v = 3", "XA END 'weir2'"}, "SELECT v FROM t", "error", "1"},
}

// pinTables makes what the table of pins needs.
func pinTables(ctx context.Context, t testing.TB, db *sql.DB) {
	t.Helper()
	for _, s := range []string{
		"CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)", "CREATE PROCEDURE p() SET @from_p = 9",
		"CREATE PROCEDURE begins() BEGIN START TRANSACTION; UPDATE t SET v = 5; SIGNAL SQLSTATE '45000'; END",
	} {
		exec(ctx, t, db, s)
	}
}

// answer is the value, or "error".
func answer(ctx context.Context, on execer, query string) string {
	var v sql.NullString
	err := on.QueryRowContext(ctx, query).Scan(&v)
	if err != nil && strings.HasPrefix(query, "HANDLER") {
		var second sql.NullString
		err = on.QueryRowContext(ctx, query).Scan(&v, &second)
	}
	switch {
	case err != nil:
		return "error"
	case !v.Valid:
		return "NULL"
	}
	return v.String
}

func TestEachReasonPinsUntilCheckIn(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	for _, p := range pinnings() {
		t.Run(p.reason.String()+"/"+p.pin, func(t *testing.T) {
			db, c := open(t, database(t), weir.WithMaxOpen(2))
			pinTables(ctx, t, db)
			wantFree(ctx, t, c)
			resets := c.Sessions().Resets
			conn := hold(ctx, t, db)
			_, err := conn.ExecContext(ctx, p.pin)
			line := lineAbove(1)
			must(t, err)
			wantOnePin(t, c, p.reason, p.pin, line)
			for _, s := range p.then {
				exec(ctx, t, conn, s)
			}
			for range 3 {
				exec(ctx, t, db, "DO 1") // others are about
				want(t, p.ask, answer(ctx, conn, p.ask), p.want)
			}
			id := pinnedBackend(t, conn)
			must(t, conn.Close())
			wantFree(ctx, t, c)
			if !leavesTraces(p.pin) {
				resets++
			}
			if s := c.Sessions(); len(s.Pinned) != 0 || s.Resets != resets || s.ResetFails != 0 {
				t.Errorf("after check-in: pinned %v, %d resets, %d failed; want none, %d, none", s.Pinned, s.Resets, s.ResetFails, resets)
			}
			fresh := hold(ctx, t, db)
			if at := backend(ctx, t, fresh); at != id && !leavesTraces(p.pin) {
				occupy(ctx, t, db, at)
				want(t, "backend of the next session", backend(ctx, t, fresh), id)
			}
			want(t, p.ask+" of the next session", answer(ctx, fresh, p.ask), p.after)
			exec(ctx, t, fresh, "UPDATE t SET v = 4") // no lock of the pinned session's is left
		})
	}
}

// pinnedBackend asks the real connection which it is.
func pinnedBackend(t testing.TB, conn *sql.Conn) (id string) {
	t.Helper()
	must(t, conn.Raw(func(c any) error {
		real, err := c.(interface {
			Pin(context.Context) (realConn, error)
		}).Pin(t.Context())
		if err != nil {
			return err
		}
		id = connectionID(real)
		return nil
	}))
	return id
}

// wantOnePin wants one pinned session and what is told of it.
func wantOnePin(t testing.TB, c *mysqlpool.Connector, reason mysqlpool.PinReason, text, line string) {
	t.Helper()
	s := c.Sessions()
	if len(s.Pinned) != 1 {
		t.Fatalf("%d pinned sessions, want 1: %+v", len(s.Pinned), s.Pinned)
	}
	p := s.Pinned[0]
	text = sqltext.Mask(text, 0, 120)
	if p.Reason != reason || p.Text != text || p.Site != line || p.Age < 0 || s.Pins[reason] != 1 {
		t.Errorf("pinned: %q, %q at %s; want %q, %q at %s", p.Reason, p.Text, p.Site, reason, text, line)
	}
}

// lineAbove is the line of the caller that many lines above, as a pin names it.
func lineAbove(n int) string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", file[strings.LastIndexByte(file, '/')+1:], line-n)
}

func TestTableLocksPin(t *testing.T) {
	ctx := within(t, 30*time.Second)
	for _, lock := range []string{"LOCK TABLES t WRITE", "LOCK TABLE t READ"} {
		t.Run(lock, func(t *testing.T) {
			db, c := open(t, database(t), weir.WithMaxOpen(2))
			pinTables(ctx, t, db)
			conn := hold(ctx, t, db)
			exec(ctx, t, conn, lock)
			want(t, "reason", c.Sessions().Pinned[0].Reason.String(), "lock tables")
			for range 3 {
				want(t, "v", text(ctx, t, conn, "SELECT v FROM t"), "1")
				want(t, "a table not locked", answer(ctx, conn, "SELECT COUNT(*) FROM other"), "error")
			}
			wantLocked(ctx, t, db, "UPDATE t SET v = 2")
			must(t, conn.Close())
			exec(ctx, t, db, "UPDATE t SET v = 3")
		})
	}
}

// wantLocked wants another session's statement to wait for a lock of a table or of the server.
func wantLocked(ctx context.Context, t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	conn := hold(ctx, t, db)
	defer conn.Close()
	exec(ctx, t, conn, byFamily("SET lock_wait_timeout = 0", "SET lock_wait_timeout = 1"))
	if _, err := conn.ExecContext(ctx, statement); number(err) != 1205 {
		t.Errorf("another session's %s: %v, want error 1205", statement, err)
	}
}

func TestGlobalLocksPin(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	dsn := databaseOn(t, srv)
	admin(t, srv, byFamily("GRANT RELOAD ON *.* TO app@'%'", "GRANT RELOAD, BACKUP_ADMIN ON *.* TO app@'%'"))
	db, c := open(t, dsn, weir.WithMaxOpen(2))
	pinTables(ctx, t, db)
	for lock, reason := range map[string]mysqlpool.PinReason{
		"FLUSH TABLES WITH READ LOCK": mysqlpool.PinFlushTables, "FLUSH TABLES t FOR EXPORT": mysqlpool.PinFlushTables,
		"FLUSH TABLES t WITH READ LOCK": mysqlpool.PinFlushTables, byFamily("BACKUP LOCK t", "LOCK INSTANCE FOR BACKUP"): mysqlpool.PinLockTables,
	} {
		conn := hold(ctx, t, db)
		exec(ctx, t, conn, lock)
		if p := c.Sessions().Pinned; len(p) != 1 || p[0].Reason != reason {
			t.Errorf("%s pins %+v, want %v", lock, p, reason)
		}
		wantLocked(ctx, t, db, "ALTER TABLE t COMMENT = 'locked'")
		must(t, conn.Close())
		exec(ctx, t, db, "ALTER TABLE t COMMENT = 'writable'")
	}
}

func TestMultiStatementsPin(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, withParam(t, database(t), "multiStatements=true"), weir.WithMaxOpen(2))
	pinTables(ctx, t, db)
	conn := hold(ctx, t, db)
	const several = "SET time_zone = '+01:00'; SET lc_time_names = 'de_DE'; UPDATE t SET v = 2"
	_, err := conn.ExecContext(ctx, several)
	line := lineAbove(1)
	must(t, err)
	wantOnePin(t, c, mysqlpool.PinMultiStatement, several, line)
	const ask = "SELECT CONCAT(@@time_zone, @@lc_time_names)"
	want(t, "the session", text(ctx, t, conn, ask), "+01:00de_DE")
	must(t, conn.Close())
	wantFree(ctx, t, c)
	fresh := hold(ctx, t, db)
	hop(ctx, t, db, fresh, func(where string) { want(t, "another session on "+where, text(ctx, t, fresh, ask), "SYSTEMen_US") })
}

func TestNextTransactionPinsForThatTransaction(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	pinTables(ctx, t, db)
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET TRANSACTION READ ONLY")
	exec(ctx, t, conn, "BEGIN")
	if _, err := conn.ExecContext(ctx, "UPDATE t SET v = 2"); err == nil {
		t.Error("the transaction is not READ ONLY")
	}
	must(t, conn.Close())
	wantFree(ctx, t, c)
	fresh := hold(ctx, t, db)
	hop(ctx, t, db, fresh, func(string) { exec(ctx, t, fresh, "UPDATE t SET v = v + 1") })
}

// A pinning statement that the server refuses, or that never ran, must not leave the place taken.
func TestPinsEndOnPathsOfFailure(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	pinTables(ctx, t, db)
	for _, bad := range []string{
		"SET @x = nope", "CREATE TEMPORARY TABLE t2 (nope nope)", "CALL nowhere()", "CALL begins()", "EXECUTE nothing", "HANDLER nowhere OPEN", "XA END 'nothing'",
		"LOCK TABLES nowhere READ", "SET SESSION nonsense = 1", "NONSENSE", "SET GLOBAL sort_buffer_size = 1024", "SET autocommit = 0, nonsense = 1",
	} {
		t.Run(bad, func(t *testing.T) {
			if _, err := db.ExecContext(ctx, bad); err == nil {
				t.Fatal("no error")
			}
			done, cancel := context.WithCancel(ctx)
			cancel()
			if _, err := db.ExecContext(done, bad); !errors.Is(err, context.Canceled) {
				t.Errorf("with a context that has ended: %v", err)
			}
			wantFree(ctx, t, c)
			if n := len(c.Sessions().Pinned); n != 0 {
				t.Errorf("%d sessions are pinned", n)
			}
			want(t, "v", text(ctx, t, db, "SELECT CONCAT(v, @@autocommit + 0) FROM t"), "11")
			exec(ctx, t, db, "SET @x = 1") // the one place is free
		})
	}
}
