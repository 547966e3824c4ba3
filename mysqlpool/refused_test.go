package mysqlpool_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

// refusals answers statements that begin so with that error, and counts them.
func refusals(s *mysqltest.Server, prefix string, number uint16) *atomic.Int64 {
	n := new(atomic.Int64)
	s.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
		if !strings.HasPrefix(q.Text, prefix) {
			return mysqltest.Reply{}, false
		}
		n.Add(1)
		return mysqltest.Fail(mysqltest.Error{Number: number, State: "HY000", Message: "as the server puts it"}), true
	})
	return n
}

func openSessionsOf(t *testing.T, s *mysqltest.Server, opts ...mysqlpool.Option) (*sql.DB, *mysqlpool.Connector) {
	t.Helper()
	c, err := mysqlpool.NewConnector(t.Context(), configOf(s), append([]mysqlpool.Option{quiet()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c.OpenDB(), c
}

func inTransaction(ctx context.Context, db *sql.DB, statement string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, statement); err != nil {
		return err
	}
	return tx.Commit()
}

func TestWhatTheServerRefusesInAClusterHasItsOutcome(t *testing.T) {
	alone := func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, "INSERT INTO payments VALUES (1)")
		return err
	}
	whole := func(ctx context.Context, db *sql.DB) error {
		return inTransaction(ctx, db, "INSERT INTO payments VALUES (1)")
	}
	for name, c := range map[string]struct {
		refused string
		number  uint16
		run     func(context.Context, *sql.DB) error
		want    mysqlpool.Class
		is      error
		tries   int64
		retired uint64
	}{
		"hook at COMMIT":               {"COMMIT", 3100, whole, mysqlpool.Unknown, mysqlpool.ErrOutcomeUnknown, 1, 1},
		"hook at an autocommit write":  {"INSERT", 3100, alone, mysqlpool.Unknown, mysqlpool.ErrOutcomeUnknown, 1, 1},
		"cut off under COMMIT":         {"COMMIT", 1180, whole, mysqlpool.Unknown, mysqlpool.ErrOutcomeUnknown, 1, 1},
		"cut off under a write":        {"INSERT", 1180, alone, mysqlpool.Unknown, mysqlpool.ErrOutcomeUnknown, 1, 1},
		"certification at COMMIT":      {"COMMIT", 3101, whole, mysqlpool.RolledBack, nil, 1, 0},
		"deadlock at COMMIT":           {"COMMIT", 1213, whole, mysqlpool.RolledBack, nil, 1, 0},
		"blocked, alone":               {"INSERT", 4094, alone, mysqlpool.NotSent, nil, 2, 2},
		"blocked, BEGIN":               {"START TRANSACTION", 4094, whole, mysqlpool.NotSent, nil, 2, 2},
		"non-primary, in transaction":  {"INSERT", 1047, whole, mysqlpool.RolledBack, mysqlpool.ErrSessionLost, 1, 1},
		"non-primary, COMMIT":          {"COMMIT", 1047, whole, mysqlpool.RolledBack, mysqlpool.ErrSessionLost, 1, 1},
		"idle for too long":            {"INSERT", 4031, alone, mysqlpool.NotSent, nil, 2, 2},
		"idle in a transaction":        {"INSERT", 4031, whole, mysqlpool.RolledBack, mysqlpool.ErrSessionLost, 1, 1},
		"idle before COMMIT":           {"COMMIT", 4031, whole, mysqlpool.RolledBack, mysqlpool.ErrSessionLost, 1, 1},
		"answer not written":           {"INSERT", 1160, alone, mysqlpool.Unknown, mysqlpool.ErrOutcomeUnknown, 1, 1},
		"statement not read":           {"INSERT", 1158, alone, mysqlpool.GoingAway, nil, 1, 1},
		"duplicate key, for contrast":  {"INSERT", 1062, alone, mysqlpool.Other, nil, 1, 0},
		"demoted, with no role wanted": {"INSERT", 1290, alone, mysqlpool.ServerDemoted, nil, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
				db, pool := openSessionsOf(t, s)
				defer db.Close()
				tries := refusals(s, c.refused, c.number)
				err := c.run(t.Context(), db)
				if got := mysqlpool.Classify(err); got != c.want {
					t.Errorf("Classify(%v) = %v, want %v", err, got, c.want)
				}
				if c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("error %v does not match %v", err, c.is)
				}
				if server, ok := errors.AsType[*mysql.MySQLError](err); !ok || server.Number != c.number {
					t.Errorf("error %v does not hold the server's number %d", err, c.number)
				}
				if got := tries.Load(); got != c.tries {
					t.Errorf("the server refused it %d times, want %d", got, c.tries)
				}
				if got := pool.Stats().Retired[weir.RetiredError]; got != c.retired {
					t.Errorf("%d connections retired, want %d", got, c.retired)
				}
			})
		})
	}
}

// A *sql.DB that is closed answers by itself; what is held goes on to the pool.
func TestStatementsAfterCloseWereNotSent(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		db, _ := openSessionsOf(t, s)
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, told := errors.AsType[*mysqlpool.SessionsInUseError](db.Close()); !told {
			t.Error("Close does not tell of the session that is held")
		}
		_, held := conn.ExecContext(t.Context(), "DO 1")
		if !errors.Is(held, weir.ErrClosed) {
			t.Errorf("a session that is held: %v, want an error that matches weir.ErrClosed", held)
		}
		_, own := db.ExecContext(t.Context(), "DO 1")
		if errors.Is(own, weir.ErrClosed) {
			t.Error("database/sql lets us answer: correct the README's table of errors")
		}
		for _, err := range []error{held, own} {
			if got := mysqlpool.Classify(err); got != mysqlpool.NotSent {
				t.Errorf("Classify(%v) = %v, want %v", err, got, mysqlpool.NotSent)
			}
		}
	})
}

func TestConnectorOfWhatIsNotOurs(t *testing.T) {
	for name, db := range map[string]*sql.DB{"nil": nil, "another": sql.OpenDB(plainConnector(t))} {
		if c, ok := mysqlpool.ConnectorOf(db); ok || c != nil {
			t.Errorf("%s: ConnectorOf = %v, %t, want nil, false", name, c, ok)
		}
		if db != nil {
			db.Close()
		}
	}
}

func TestNilOptionIsNamedByItsPlace(t *testing.T) {
	for name, c := range map[string]struct {
		opts []mysqlpool.Option
		want string
	}{
		"alone":            {[]mysqlpool.Option{nil}, "option 1 is nil"},
		"after others":     {[]mysqlpool.Option{weir.WithMaxOpen(3), mysqlpool.WithServiceName("pay"), nil}, "option 3 is nil"},
		"before others":    {[]mysqlpool.Option{quiet(), nil, mysqlpool.WithServiceName("pay"), weir.WithMaxOpen(3)}, "option 2 is nil"},
		"in a group":       {[]mysqlpool.Option{weir.WithMaxOpen(3), weir.Options(quiet(), nil)}, "option 2 is nil"},
		"of an open group": {[]mysqlpool.Option{weir.Options(quiet(), weir.WithMaxOpen(3)), nil}, "option 2 is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			db := sql.OpenDB(plainConnector(t))
			defer db.Close()
			_, ofNew := mysqlpool.NewConfig(t.Context(), mysql.NewConfig(), c.opts...)
			_, ofWrap := mysqlpool.Wrap(t.Context(), db, c.opts...)
			_, ofOpen := mysqlpool.NewConnector(t.Context(), mysql.NewConfig(), c.opts...)
			for _, err := range []error{ofNew, ofWrap, ofOpen} {
				if err == nil || !strings.HasSuffix(err.Error(), c.want) {
					t.Errorf("error %q, want it to end in %q", err, c.want)
				}
			}
		})
	}
}

// plainConnector is the driver's own, to a server that is not there.
func plainConnector(t *testing.T) driver.Connector {
	t.Helper()
	c, err := mysql.NewConnector(mysql.NewConfig())
	if err != nil {
		t.Fatal(err)
	}
	return c
}
