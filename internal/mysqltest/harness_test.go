package mysqltest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/mysqltest"
)

// fixture is a server and the driver's way to it.
type fixture struct {
	*mysqltest.Server
	config *mysql.Config
}

// over runs a test against a server in memory, in a bubble, and against one on TCP, in real time.
func over(t *testing.T, config mysqltest.Config, test func(*testing.T, fixture)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { bubble(t, config, test) })
	t.Run("tcp", func(t *testing.T) {
		s := mysqltest.NewServer(config)
		defer s.Close()
		address, err := s.ListenLoopback()
		if err != nil {
			t.Fatal(err)
		}
		f := fixture{s, driverConfig()}
		f.config.Net, f.config.Addr = "tcp", address
		test(t, f)
	})
}

// bubble runs a test against a server in memory only: where real time would be too long.
func bubble(t *testing.T, config mysqltest.Config, test func(*testing.T, fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := mysqltest.NewServer(config)
		defer s.Close()
		f := fixture{s, driverConfig()}
		f.config.DialFunc = s.Dial
		test(t, f)
	})
}

func driverConfig() *mysql.Config {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = "app", "secret", "shop"
	config.Logger = &mysql.NopLogger{}
	return config
}

func (f fixture) db(t *testing.T) *sql.DB {
	t.Helper()
	connector, err := mysql.NewConnector(f.config)
	if err != nil {
		t.Fatal(err)
	}
	return sql.OpenDB(connector)
}

// conn is one session that the test owns.
func (f fixture) conn(t *testing.T) (*sql.Conn, func()) {
	t.Helper()
	db := f.db(t)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn, func() {
		conn.Close()
		db.Close()
	}
}

// connect logs in and out again.
func (f fixture) connect(ctx context.Context) error {
	connector, err := mysql.NewConnector(f.config)
	if err != nil {
		return err
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return err
	}
	return conn.Close()
}

type scanner interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// one is the single value of a query.
func one[T any](t *testing.T, from scanner, query string, args ...any) T {
	t.Helper()
	var v T
	if err := from.QueryRowContext(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func exec(t *testing.T, on execer, query string, args ...any) sql.Result {
	t.Helper()
	result, err := on.ExecContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return result
}

// wantNumber fails unless err is an error packet of that number.
func wantNumber(t *testing.T, err error, number uint16) {
	t.Helper()
	if got, ok := errors.AsType[*mysql.MySQLError](err); !ok || got.Number != number {
		t.Errorf("error %v, want number %d", err, number)
	}
}

// wantBroken fails unless err says that the connection is gone.
func wantBroken(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, mysql.ErrInvalidConn) && !errors.Is(err, driver.ErrBadConn) {
		t.Errorf("error %v, want a broken connection", err)
	}
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not reached: %s", what)
		}
	}
}
