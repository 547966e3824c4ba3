package pooltest_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// ran reads from the server's general log what it was asked on a connection.
func ran(ctx context.Context, t *testing.T, srv *lab.Server, id int64) []string {
	t.Helper()
	found, err := srv.Admin().QueryContext(ctx,
		"SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE thread_id = ? AND command_type = 'Query' ORDER BY event_time", id)
	must(t, err)
	defer found.Close()
	var out []string
	for found.Next() {
		var s string
		must(t, found.Scan(&s))
		out = append(out, s)
	}
	must(t, found.Err())
	return out
}

func TestHandshakeStatementsAreWhatTheServerIsAsked(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	must(t, srv.SetGlobal(ctx, "log_output", "TABLE"))
	must(t, srv.SetGlobal(ctx, "general_log", 1))
	for _, c := range []struct {
		name, params string
		opts         []mysqlpool.Option
	}{
		{"by default", "", nil},
		{"with a name", "", []mysqlpool.Option{mysqlpool.WithServiceName("payments")}},
		{"with a role", "", []mysqlpool.Option{mysqlpool.WithRole(mysqlpool.Primary)}},
		{"with a set-up", "", []mysqlpool.Option{mysqlpool.WithSessionSetup("SET time_zone = '+02:00'")}},
		{"with a query", "", []mysqlpool.Option{mysqlpool.WithValidationQuery("DO 1")}},
		{"with a query and a role", "", []mysqlpool.Option{mysqlpool.WithValidationQuery("DO 1"), mysqlpool.WithRole(mysqlpool.Primary)}},
		{"with a charset", "?charset=utf8mb4", nil},
		{"with several charsets", "?charset=utf8mb4,utf8", nil},
		{"with a charset and a collation", "?charset=utf8mb4&collation=utf8mb4_bin", nil},
		{"with a collation", "?collation=utf8mb4_bin", nil},
		{"with variables", "?time_zone=%27%2B01%3A00%27&lock_wait_timeout=7", nil},
		{"with the server's packet size", "?maxAllowedPacket=0", nil},
		{"with everything", "?maxAllowedPacket=0&charset=utf8mb4&lock_wait_timeout=7", []mysqlpool.Option{
			mysqlpool.WithServiceName("payments"), mysqlpool.WithRole(mysqlpool.Primary), mysqlpool.WithSessionSetup("SET wait_timeout = 100")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pool := open(t, srv.DSN("app", "app")+c.params, c.opts...)
			lease := acquire(ctx, t, pool)
			id, err := connectionID(ctx, lease.Value())
			must(t, err)
			lease.Release()
			got := ran(ctx, t, srv, id)
			want := append(pool.HandshakeStatements(), "SELECT CONNECTION_ID()")
			if diff := cmp.Diff(inOrder(want), inOrder(got)); diff != "" {
				t.Errorf("the server was asked (+) and not (-):\n%s", diff)
			}
		})
	}
}

// inOrder sorts what each SET sets: the driver sets the variables of its DSN in the order of a map.
func inOrder(statements []string) []string {
	out := slices.Clone(statements)
	for i, s := range out {
		if list, ok := strings.CutPrefix(s, "SET "); ok {
			out[i] = "SET " + strings.Join(slices.Sorted(slices.Values(strings.Split(list, ", "))), ", ")
		}
	}
	return out
}

func TestSessionSetupRunsOnEachConnection(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	pool := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(4), mysqlpool.WithSessionSetup("SET time_zone = '+05:30', lock_wait_timeout = 5"))
	for range 8 {
		lease := acquire(ctx, t, pool)
		var zone string
		var lock int
		must(t, lease.Value().QueryRowContext(ctx, "SELECT @@time_zone, @@lock_wait_timeout").Scan(&zone, &lock))
		if zone != "+05:30" || lock != 5 {
			t.Errorf("a session has time_zone %s and lock_wait_timeout %d", zone, lock)
		}
		lease.Discard() // the next one is new
	}
	_, err := mysqlpool.New(ctx, srv.DSN("app", "app"), quiet([]mysqlpool.Option{mysqlpool.WithSessionSetup("SET no_such_variable = 1")})...)
	if number(err) != 1193 || !strings.Contains(err.Error(), "SET no_such_variable = 1") {
		t.Errorf("New got %v, want error 1193 that names the statement", err)
	}
}

func TestSessionsWithoutAutocommitAreRefusedUnlessUnchecked(t *testing.T) {
	ctx := within(t, 60*time.Second)
	on, off := start(t, lab.Config{}), start(t, lab.Config{Args: []string{"--autocommit=0"}})
	for name, dsn := range map[string]string{"by the server": off.DSN("app", "app"), "by the DSN": on.DSN("app", "app") + "?autocommit=0"} {
		t.Run(name, func(t *testing.T) {
			_, err := mysqlpool.New(ctx, dsn, quiet([]mysqlpool.Option{weir.WithStartWait(time.Hour)})...)
			if err == nil || !strings.Contains(err.Error(), "autocommit is off") || !errors.Is(err, weir.ErrPermanent) {
				t.Errorf("got %v, want a permanent error about autocommit", err)
			}
			pool := open(t, dsn, mysqlpool.WithAutocommitUnchecked())
			must(t, pool.Do(ctx, selectOne))
		})
	}
	pool := open(t, off.DSN("app", "app")+"?autocommit=1")
	must(t, pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		var is int
		err := conn.QueryRowContext(ctx, "SELECT @@autocommit").Scan(&is)
		if is != 1 {
			t.Errorf("autocommit is %d", is)
		}
		return err
	}))
}

func TestWarningsCompareThePoolWithTheServer(t *testing.T) {
	srv := start(t, lab.Config{MaxConnections: 20, WaitTimeout: 60 * time.Second})
	for _, c := range []struct {
		name string
		opts []mysqlpool.Option
		want []string // what the warnings contain, in order
	}{
		{"all fits", []mysqlpool.Option{weir.WithMaxOpen(20)}, nil},
		{"too many connections", []mysqlpool.Option{weir.WithMaxOpen(21)}, []string{"max_connections is 20"}},
		{"too many instances", []mysqlpool.Option{weir.WithMaxOpen(8), mysqlpool.WithInstances(2, 5)}, []string{"8 x 2 instances + 5 reserved = 21"}},
		{"idle for too long", []mysqlpool.Option{weir.WithCheckIdleEvery(weir.NoLimit)}, []string{"wait_timeout, 1m0s"}},
		{"checked too rarely", []mysqlpool.Option{weir.WithCheckIdleEvery(2 * time.Minute)}, []string{"wait_timeout, 1m0s"}},
		{"idle briefly", []mysqlpool.Option{weir.WithMinIdle(0), weir.WithCheckIdleEvery(weir.NoLimit), weir.WithIdleTimeout(50 * time.Second)}, nil},
		{"idle briefly, but for the least", []mysqlpool.Option{weir.WithCheckIdleEvery(weir.NoLimit), weir.WithIdleTimeout(50 * time.Second)}, []string{"wait_timeout, 1m0s"}},
		{"both", []mysqlpool.Option{weir.WithMaxOpen(30), weir.WithCheckIdleEvery(weir.NoLimit)}, []string{"max_connections is 20", "wait_timeout, 1m0s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := open(t, srv.DSN("app", "app"), c.opts...).Warnings()
			if !slices.EqualFunc(got, c.want, strings.Contains) {
				t.Errorf("got %q, want what contains %q", got, c.want)
			}
		})
	}
}
