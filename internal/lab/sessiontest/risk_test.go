package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"log/slog"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// the killer's connection may lead to another server than the backend's (reader endpoint, switchover, DNS).
func TestRiskKillHitsAnotherServer(t *testing.T) {
	ctx := within(t, 60*time.Second)
	a, b := start(t, lab.Config{}), start(t, lab.Config{})
	cfg, err := mysql.ParseDSN(databaseOn(t, a))
	must(t, err)
	cfg.DBName = ""
	var toB atomic.Bool
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		addr = a.Addr()
		if toB.Load() {
			addr = b.Addr()
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	cfg.Logger = &mysql.NopLogger{}
	c, err := mysqlpool.NewConnector(ctx, cfg, weir.WithMaxOpen(1), weir.WithLogger(slog.New(slog.DiscardHandler)))
	must(t, err)
	db := c.OpenDB()
	t.Cleanup(func() { db.Close() })
	id := text(ctx, t, db, "SELECT CONNECTION_ID()")
	// An innocent client of the same user on server b with the same connection id.
	others := stock(t, b.DSN("app", ""))
	innocent := hold(ctx, t, others)
	for range 200 {
		if text(ctx, t, innocent, "SELECT CONNECTION_ID()") == id {
			break
		}
		innocent = hold(ctx, t, others)
	}
	want(t, "the innocent's connection", text(ctx, t, innocent, "SELECT CONNECTION_ID()"), id)
	got := make(chan error, 1)
	go func() {
		_, err := innocent.ExecContext(ctx, "SELECT SLEEP(1) /* innocent */ FROM information_schema.collations LIMIT 3")
		got <- err
	}()
	until(ctx, t, "the innocent's statement runs", func() bool { return running(ctx, t, b, "innocent") == 1 })
	toB.Store(true)
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	_, err = db.ExecContext(short, "DO SLEEP(2.5)")
	t.Logf("cancelled: %v; stats %+v", err, c.Sessions())
	if err := <-got; err != nil {
		t.Errorf("innocent statement on ANOTHER server: %v", err)
	}
}

// long data pending in a cached statement after a client-side error.
func TestRiskLongDataLeftInCachedStatement(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := withParam(t, database(t), "maxAllowedPacket=4096")
	db, _ := open(t, dsn, weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (a TEXT, b TEXT, c DATETIME NULL)")
	const q = "INSERT INTO t VALUES (?, ?, ?)"
	exec(ctx, t, db, q, "x", "y", nil)
	exec(ctx, t, db, q, "x", "y", nil)
	exec(ctx, t, db, "DELETE FROM t")
	secret := "SECRET" + strings.Repeat("s", 3000)
	_, err := db.ExecContext(ctx, q, secret, "bee", time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC))
	t.Logf("first: %v", err)
	other := hold(ctx, t, db)
	_, err = other.ExecContext(ctx, q, "small-a", "small-b", nil)
	t.Logf("second: %v", err)
	rows, err := db.QueryContext(ctx, "SELECT LEFT(a, 20), LENGTH(a), LEFT(b,20), c FROM t")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var a, b, c sql.NullString
		var n int
		must(t, rows.Scan(&a, &n, &b, &c))
		t.Logf("row: %q (%d) %q %v", a.String, n, b.String, c)
		if a.String != "small-a" || b.String != "small-b" {
			t.Errorf("row of another call: %q %q", a.String, b.String)
		}
	}
}

// implicit commit whose answer is lost.
func TestRiskImplicitCommitLost(t *testing.T) {
	for name, stmt := range map[string]string{"DDL": "CREATE TABLE u (i INT)", "begin": "BEGIN", "autocommit": "SET autocommit = 1", "truncate": "TRUNCATE TABLE z", "grant": "ANALYZE TABLE z"} {
		for _, how := range []string{"tx", "text"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				ctx := within(t, 30*time.Second)
				s := newSevered(ctx, t)
				exec(ctx, t, s.db, "CREATE TABLE z (i INT)")
				conn := hold(ctx, t, s.db)
				var on execer = conn
				if how == "tx" {
					tx, err := conn.BeginTx(ctx, nil)
					must(t, err)
					defer tx.Rollback()
					on = tx
				} else {
					exec(ctx, t, conn, "START TRANSACTION")
				}
				exec(ctx, t, on, "INSERT INTO t VALUES (1)")
				err := s.lose(func() error { _, err := on.ExecContext(ctx, stmt); return err })
				untilNoTransaction(ctx, t)
				n := text(ctx, t, s.stock, "SELECT COUNT(*) FROM t")
				t.Logf("rows %s, error %v", n, err)
				if n != "0" && !errors.Is(err, mysqlpool.ErrOutcomeUnknown) {
					t.Errorf("the transaction IS committed (%s rows), the error says: %v", n, err)
				}
			})
		}
	}
	t.Run("BeginTx after text BEGIN", func(t *testing.T) {
		ctx := within(t, 30*time.Second)
		s := newSevered(ctx, t)
		conn := hold(ctx, t, s.db)
		exec(ctx, t, conn, "START TRANSACTION")
		exec(ctx, t, conn, "INSERT INTO t VALUES (1)")
		err := s.lose(func() error { _, err := conn.BeginTx(ctx, nil); return err })
		untilNoTransaction(ctx, t)
		n := text(ctx, t, s.stock, "SELECT COUNT(*) FROM t")
		t.Logf("rows %s, error %v", n, err)
		if n != "0" && !errors.Is(err, mysqlpool.ErrOutcomeUnknown) {
			t.Errorf("the transaction IS committed (%s rows), the error says: %v", n, err)
		}
	})
}

// untilNoTransaction waits until the server has ended what was cut off. Servers answer from a copy that is renewed only when nobody has
// read it for 0.1 s.
func untilNoTransaction(ctx context.Context, t testing.TB) {
	t.Helper()
	var asked time.Time
	until(ctx, t, "no transaction is open", func() bool {
		if time.Since(asked) < 150*time.Millisecond {
			return false
		}
		defer func() { asked = time.Now() }()
		return listed(ctx, t, shared(t), "SELECT COUNT(*) FROM information_schema.innodb_trx")[0] == "0"
	})
}

// init_connect is not run again by COM_RESET_CONNECTION.
func TestRiskInitConnectAfterReset(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{Args: []string{"--init-connect=SET SESSION group_concat_max_len=4242, time_zone='+03:00', sql_mode='ANSI_QUOTES', @tenant='x'"}})
	db, c := open(t, databaseOn(t, srv), weir.WithMaxOpen(1))
	q := "SELECT CONCAT_WS('|', @@group_concat_max_len, @@time_zone, @@sql_mode)"
	before := text(ctx, t, db, q)
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET @x = 1")
	must(t, conn.Close())
	wantFree(ctx, t, c)
	after := text(ctx, t, db, q)
	t.Logf("stock: %s", text(ctx, t, stock(t, databaseOn(t, srv)), q))
	want(t, "settings after a reset", after, before)
}

// RawBytes of a stream whose context has ended are overwritten by another statement.
func TestRiskRawBytesOfEndedStream(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	conn := hold(ctx, t, db)
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := conn.QueryContext(short, "SELECT REPEAT(CHAR(65 + seq % 20), 100) FROM "+sequence(t, 5000))
	must(t, err)
	var raw sql.RawBytes
	for range 400 {
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
		must(t, rows.Scan(&raw))
	}
	was := string(raw)
	cancel()
	for range 3 {
		text(ctx, t, conn, "SELECT REPEAT('secret of another', 4000)")
	}
	if string(raw) != was {
		t.Errorf("RawBytes %.60q became %.60q", was, string(raw))
	}
	rows.Close()
}

// LOAD DATA LOCAL whose reader panics.
type panicky struct{ n int }

func (p *panicky) Read(b []byte) (int, error) {
	if p.n++; p.n > 1 {
		panic("reader")
	}
	return copy(b, "1\ta\n"), nil
}

func TestRiskLoadDataPanics(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{Args: []string{"--local-infile=1"}})
	db, c := open(t, databaseOn(t, srv), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (id INT, v VARCHAR(1000))")
	exec(ctx, t, db, "CREATE TABLE u (id INT)")
	mysql.RegisterReaderHandler("panicky", func() io.Reader { return &panicky{} })
	defer mysql.DeregisterReaderHandler("panicky")
	request, done := context.WithCancel(ctx)
	defer done()
	func() {
		defer func() { t.Log("recovered", recover()) }()
		db.ExecContext(request, "LOAD DATA LOCAL INFILE 'Reader::panicky' INTO TABLE t")
	}()
	t.Logf("in use %d idle %d", c.Stats().InUse, c.Stats().Idle)
	for i := range 3 {
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		_, err := db.ExecContext(short, "INSERT INTO u VALUES (1)")
		cancel()
		t.Logf("another session's insert: %v", err)
		if i == 0 {
			done() // the request is over
		}
		if err != nil {
			t.Errorf("another session's insert: %v", err)
		}
	}
	rows, err := srv.Admin().QueryContext(ctx, "SELECT id, v FROM "+text(ctx, t, db, "SELECT DATABASE()")+".t")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var id, v sql.NullString
		must(t, rows.Scan(&id, &v))
		t.Logf("t has %q %q", id.String, v.String)
	}
	want(t, "u", text(ctx, t, db, "SELECT COUNT(*) FROM u"), "3")
}

// readTimeout makes a slow read run four times, each left on the server.
func TestRiskReadTimeoutRepeatsSlowReads(t *testing.T) {
	ctx := within(t, 60*time.Second)
	db, c := open(t, withParam(t, database(t), "readTimeout=1s"), weir.WithMaxOpen(4))
	numbers := sequence(t, 100000)
	slow := fmt.Sprintf("SELECT /* risk7 */ COUNT(*) FROM %s a, %s b WHERE a.seq * b.seq = 77", numbers, numbers)
	began := time.Now()
	most := 0
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				most = max(most, running(ctx, t, shared(t), "risk7"))
			}
		}
	})
	err := readAll(ctx, db, slow)
	close(stop)
	wg.Wait()
	t.Logf("%v after %v; %d at once on the server; retries %d", err, time.Since(began), most, c.Sessions().Retries)
	if most > 1 {
		t.Errorf("%d copies of one slow read on the server", most)
	}
	for _, id := range listed(ctx, t, shared(t), "SELECT id FROM information_schema.processlist WHERE info LIKE '%risk7%' AND user='app'") {
		shared(t).Admin().Exec("KILL " + id)
	}
}

// USE of a non-ASCII database is replayed under the other session's character set.
func TestRiskUseUnderAnotherCharset(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	for _, n := range []string{"größe", "grÃ¶ÃŸe"} {
		admin(t, shared(t), "CREATE DATABASE IF NOT EXISTS `"+n+"`")
		admin(t, shared(t), "GRANT ALL ON `"+n+"`.* TO app@'%'")
		admin(t, shared(t), "CREATE TABLE IF NOT EXISTS `"+n+"`.t (v VARCHAR(20))")
		admin(t, shared(t), "INSERT INTO `"+n+"`.t VALUES ('"+fmt.Sprint(len(n))+"')")
		defer shared(t).Admin().Exec("DROP DATABASE `" + n + "`")
	}
	db, _ := open(t, dsn, weir.WithMaxOpen(2))
	conn, latin := hold(ctx, t, db), hold(ctx, t, db)
	exec(ctx, t, conn, "USE `größe`")
	exec(ctx, t, latin, "SET NAMES latin1")
	want(t, "v", text(ctx, t, conn, "SELECT v FROM t"), fmt.Sprint(len("größe")))
	want(t, "one", text(ctx, t, latin, "SELECT 1"), "1")
	var v string
	err := conn.QueryRowContext(ctx, "SELECT v FROM t").Scan(&v)
	if err != nil || v != fmt.Sprint(len("größe")) {
		t.Errorf("after a latin1 session: %q, %v", v, err)
	}
}

// ROLLBACK AND CHAIN of a lost transaction.
func TestRiskRollbackAndChainOfALostTransaction(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	conn := hold(ctx, t, s.db)
	exec(ctx, t, conn, "BEGIN")
	exec(ctx, t, conn, "INSERT INTO t VALUES (1)")
	id := text(ctx, t, conn, "SELECT CONNECTION_ID()")
	admin(t, shared(t), "KILL "+id)
	_, err := conn.ExecContext(ctx, "INSERT INTO t VALUES (2)")
	t.Log(err)
	_, err = conn.ExecContext(ctx, "ROLLBACK AND CHAIN")
	t.Logf("ROLLBACK AND CHAIN: %v", err)
	if err != nil {
		return
	}
	exec(ctx, t, conn, "INSERT INTO t VALUES (3)")
	exec(ctx, t, conn, "ROLLBACK")
	want(t, "rows", text(ctx, t, s.stock, "SELECT COUNT(*) FROM t"), "0")
}

// texts are read as the newest backend reads them.
func TestRiskModesOfTheNewestBackend(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	db, _ := open(t, databaseOn(t, srv), weir.WithMaxOpen(2))
	a, b := hold(ctx, t, db), hold(ctx, t, db)
	exec(ctx, t, a, "BEGIN")
	id := text(ctx, t, a, "SELECT CONNECTION_ID()")
	admin(t, srv, "SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'")
	exec(ctx, t, b, "BEGIN")
	for text(ctx, t, b, "SELECT CONNECTION_ID()") == id {
		t.Fatal("same")
	}
	// still on the old one, a transaction
	var x, y, z any
	must(t, a.QueryRowContext(ctx, `SELECT 'a\' ' , @leak := 7 , ' ' -- '`+"\n").Scan(&x, &y, &z))
	c, _ := mysqlpool.ConnectorOf(db)
	exec(ctx, t, a, "ROLLBACK")
	must(t, a.Close())
	wantFreeButOne(ctx, t, c)
	other := hold(ctx, t, db)
	want(t, "backend", text(ctx, t, other, "SELECT CONNECTION_ID()"), id)
	want(t, "@leak of another session", text(ctx, t, other, "SELECT @leak"), "NULL")
}

func wantFreeButOne(ctx context.Context, t testing.TB, c *mysqlpool.Connector) {
	until(ctx, t, "one is held", func() bool { return c.Stats().InUse == 1 })
}
