package sessiontest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// rawQuery queries as code below sql.Conn.Raw does.
func rawQuery(t testing.TB, c any, query string, args ...driver.Value) driver.Rows {
	t.Helper()
	rows, err := c.(driver.Queryer).Query(query, args)
	must(t, err)
	return rows
}

func TestLegacyInterfacesBelowRaw(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, withParam(t, database(t), "interpolateParams=true"), weir.WithMaxOpen(1))
	must(t, hold(ctx, t, db).Raw(func(conn any) error {
		if _, err := conn.(driver.Execer).Exec("CREATE TABLE t (v INT)", nil); err != nil {
			return err
		}
		if _, err := conn.(driver.Execer).Exec("INSERT INTO t VALUES (?)", []driver.Value{int64(7)}); err != nil {
			return err
		}
		rows := rawQuery(t, conn, "SELECT v FROM t WHERE v = ?", int64(7))
		row := make([]driver.Value, 1)
		must(t, rows.Next(row))
		want(t, "v", fmt.Sprint(row[0]), "7")
		if err := rows.Next(row); err != io.EOF {
			t.Errorf("after the last row: %v", err)
		}
		must(t, rows.Close())
		stmt, err := conn.(driver.Conn).Prepare("SELECT ?")
		must(t, err)
		if n := stmt.NumInput(); n != 1 {
			t.Errorf("NumInput = %d, want 1", n)
		}
		must(t, stmt.Close())
		tx, err := conn.(driver.Conn).Begin()
		must(t, err)
		return tx.Rollback()
	}))
	wantFree(ctx, t, c)
}

func TestResultsKeepTheDriversInterface(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, withParam(t, database(t), "multiStatements=true"), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
	must(t, hold(ctx, t, db).Raw(func(conn any) error {
		res, err := conn.(driver.ExecerContext).ExecContext(ctx, "INSERT INTO t (v) VALUES (1), (2); INSERT INTO t (v) VALUES (3)", nil)
		must(t, err)
		all, ok := res.(mysql.Result)
		if !ok {
			t.Fatalf("result of type %T is no mysql.Result", res)
		}
		want(t, "rows", fmt.Sprint(all.AllRowsAffected()), "[2 1]")
		want(t, "ids", fmt.Sprint(all.AllLastInsertIds()), "[1 3]")
		return nil
	}))
}

func TestTheRealConnectionPins(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2), mysqlpool.WithMaxPinned(2))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET time_zone = '+01:00'")
	var real driver.Conn
	line := ""
	must(t, conn.Raw(func(s any) (err error) {
		real, err = s.(interface {
			Pin(context.Context) (driver.Conn, error)
		}).Pin(ctx)
		line = lineAbove(1)
		return err
	}))
	want(t, "type", fmt.Sprintf("%T", real), "*mysql.mysqlConn")
	if p := c.Sessions().Pinned; len(p) != 1 || p[0].Reason != mysqlpool.PinRaw {
		t.Fatalf("pinned: %+v, want one for the raw connection", p)
	}
	if site := c.Sessions().Pinned[0].Site; !strings.HasPrefix(site, "wrapping_test.go:") {
		t.Errorf("site %s, want about %s", site, line)
	}
	_, err := real.(driver.ExecerContext).ExecContext(ctx, "SET @x = 5, sql_mode = 'ANSI_QUOTES'", nil)
	must(t, err)
	exec(ctx, t, db, "DO 1")
	want(t, "what was done below", text(ctx, t, conn, "SELECT CONCAT_WS(' ', @x, @@sql_mode, @@time_zone)"), "5 ANSI_QUOTES +01:00")
	want(t, "backend", connectionID(real), backend(ctx, t, conn))
	must(t, conn.Close())
	wantFree(ctx, t, c)
	fresh := hold(ctx, t, db)
	hop(ctx, t, db, fresh, func(where string) { want(t, where, text(ctx, t, fresh, "SELECT @@sql_mode = 'ANSI_QUOTES'"), "0") })
	for range 2 {
		want(t, "@x", text(ctx, t, hold(ctx, t, db), "SELECT @x"), "NULL")
	}
}

func TestRealConnectionThatIsClosedIsNotLentAgain(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	conn := hold(ctx, t, db)
	must(t, conn.Raw(func(s any) error {
		real, err := s.(interface {
			Pin(context.Context) (driver.Conn, error)
		}).Pin(ctx)
		must(t, err)
		return real.Close()
	}))
	must(t, conn.Close())
	want(t, "the next session", text(ctx, t, db, "SELECT 7"), "7")
	wantFree(ctx, t, c)
}

// A valuer is a driver.Valuer.
type valuer string

func (v valuer) Value() (driver.Value, error) { return "valued " + string(v), nil }

func TestArgumentsAreConvertedAsTheDriverDoes(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := withParam(t, database(t), "parseTime=true")
	db, _ := open(t, dsn, weir.WithMaxOpen(2))
	plain := stock(t, dsn)
	when := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	seven := 7
	for _, arg := range []any{
		uint64(1<<63 + 7), json.RawMessage(`{"a": 1}`), valuer("x"), when, &seven, (*int)(nil), nil, true, 1.5, float32(1.5), []byte("bytes"), []byte(nil), "text", int8(-1),
		sql.NullString{String: "x", Valid: true}, sql.NullInt64{}, uint8(255), struct{}{}, []int{1}, strings.Repeat("long", 100000),
	} {
		t.Run(fmt.Sprintf("%T", arg), func(t *testing.T) {
			for range 3 {
				var right, got any
				rightErr := plain.QueryRowContext(ctx, "SELECT ?", arg).Scan(&right)
				err := db.QueryRowContext(ctx, "SELECT ?", arg).Scan(&got)
				if fmt.Sprint(got) != fmt.Sprint(right) || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", right) || fmt.Sprint(err) != fmt.Sprint(rightErr) {
					t.Errorf("%T %.40v, %v; want %T %.40v, %v", got, got, err, right, right, rightErr)
				}
			}
			stmt, err := db.PrepareContext(ctx, "SELECT ?")
			must(t, err)
			defer stmt.Close()
			var right, got any
			rightErr := plain.QueryRowContext(ctx, "SELECT ?", arg).Scan(&right)
			err = stmt.QueryRowContext(ctx, arg).Scan(&got)
			if fmt.Sprint(got) != fmt.Sprint(right) || (err == nil) != (rightErr == nil) {
				t.Errorf("prepared: %.40v, %v; want %.40v, %v", got, err, right, rightErr)
			}
		})
	}
}

func TestNamedArgumentsAreRefusedAsTheDriverDoes(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	if _, err := db.ExecContext(ctx, "DO ?", sql.Named("a", 1)); err == nil {
		t.Error("no error")
	}
	wantFree(ctx, t, c)
}

func TestLoadDataFromAReader(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{Args: []string{"--local-infile=1"}})
	db, c := open(t, databaseOn(t, srv), weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT, v VARCHAR(10))")
	mysql.RegisterReaderHandler("sessiontest", func() io.Reader { return strings.NewReader("1\ta\n2\tb\n3\tc\n") })
	defer mysql.DeregisterReaderHandler("sessiontest")
	res := exec(ctx, t, db, "LOAD DATA LOCAL INFILE 'Reader::sessiontest' INTO TABLE t")
	if n, err := res.RowsAffected(); n != 3 || err != nil {
		t.Errorf("%d rows, %v; want 3", n, err)
	}
	if _, err := db.ExecContext(ctx, "LOAD DATA LOCAL INFILE 'Reader::nobody' INTO TABLE t"); err == nil {
		t.Error("an unknown reader: no error")
	}
	wantFree(ctx, t, c)
	want(t, "rows", text(ctx, t, db, "SELECT GROUP_CONCAT(v ORDER BY id) FROM t"), "a,b,c")
}

func TestParamsOfTheDSN(t *testing.T) {
	ctx := within(t, time.Minute)
	for _, param := range []string{"parseTime=true&loc=Asia%2FTokyo", "interpolateParams=true", "multiStatements=true", "compress=true", "clientFoundRows=true", "columnsWithAlias=true",
		"timeTruncate=1ms&parseTime=true", "maxAllowedPacket=0", "checkConnLiveness=false", "readTimeout=5s&writeTimeout=5s", "collation=utf8mb4_bin", "charset=utf8mb4,utf8"} {
		t.Run(param, func(t *testing.T) {
			db, c := open(t, withParam(t, database(t), param), weir.WithMaxOpen(2))
			exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20))")
			conn := hold(ctx, t, db)
			exec(ctx, t, conn, "SET time_zone = '+01:00'")
			for i := range 5 {
				exec(ctx, t, conn, "INSERT INTO t (v) VALUES (?)", fmt.Sprint("it's ", i, `\`))
			}
			hop(ctx, t, db, conn, func(where string) { want(t, where, text(ctx, t, conn, "SELECT @@session.time_zone"), "+01:00") })
			want(t, "v", text(ctx, t, conn, "SELECT v FROM t WHERE id = ?", 2), `it's 1\`)
			exec(ctx, t, conn, "SET @x = 1")
			must(t, conn.Close())
			wantFree(ctx, t, c)
			want(t, "@x", text(ctx, t, db, "SELECT @x"), "NULL")
		})
	}
}

func TestInterpolationUnderNoBackslashEscapes(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, withParam(t, database(t), "interpolateParams=true"), weir.WithMaxOpen(2))
	conn, other := hold(ctx, t, db), hold(ctx, t, db)
	exec(ctx, t, conn, "SET sql_mode = 'NO_BACKSLASH_ESCAPES'")
	const tricky = `it's \' -- "`
	for range 5 {
		want(t, "with", text(ctx, t, conn, "SELECT ?", tricky), tricky)
		want(t, "without", text(ctx, t, other, "SELECT ?", tricky), tricky)
		hop(ctx, t, db, conn, func(where string) { want(t, where, text(ctx, t, conn, "SELECT ?", tricky), tricky) })
	}
}

func TestSessionsOverTLS(t *testing.T) {
	ctx := within(t, time.Minute)
	srv := start(t, lab.Config{TLS: lab.RequireTLS})
	must(t, mysql.RegisterTLSConfig("sessiontest", srv.ClientTLS()))
	defer mysql.DeregisterTLSConfig("sessiontest")
	db, c := open(t, withParam(t, databaseOn(t, srv), "tls=sessiontest"), weir.WithMaxOpen(2))
	var name, cipher string
	must(t, db.QueryRowContext(ctx, "SHOW SESSION STATUS LIKE 'Ssl_cipher'").Scan(&name, &cipher))
	if cipher == "" {
		t.Fatal("the connection is not encrypted")
	}
	pinTables(ctx, t, db)
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET time_zone = '+01:00'")
	hop(ctx, t, db, conn, func(where string) { want(t, where, text(ctx, t, conn, "SELECT @@session.time_zone"), "+01:00") })
	exec(ctx, t, conn, "SET @x = 1")
	must(t, conn.Close())
	wantFree(ctx, t, c)
	want(t, "@x", text(ctx, t, db, "SELECT @x"), "NULL")
	wantFree(ctx, t, c)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := db.ExecContext(short, "DO SLEEP(60)"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the context's", err)
	}
	for i := range 5 {
		want(t, "prepared", text(ctx, t, db, "SELECT ?", i), fmt.Sprint(i))
	}
	if s := c.Sessions(); s.ResetFails != 0 || s.Resets == 0 || s.Kills == 0 || s.Cuts != 0 || c.Stats().Opened > 2 {
		t.Errorf("%d resets, %d failed, %d kills, %d cuts, %d opened", s.Resets, s.ResetFails, s.Kills, s.Cuts, c.Stats().Opened)
	}
}
