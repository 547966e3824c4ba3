package pooltest_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// The final dot keeps the resolver from trying the machine's search domains.
const endpoint = "db.weir.test."

func endpointDSN(t *testing.T, srv *lab.Server) string {
	t.Helper()
	return redirect(t, srv.DSN("app", "app"), net.JoinHostPort(endpoint, strconv.Itoa(srv.Port())))
}

func TestMovedNameLeadsEveryNewConnectionToTheNewServer(t *testing.T) {
	ctx := within(t, 60*time.Second)
	old := start(t, lab.Config{Host: "127.0.0.2"})
	successor := start(t, lab.Config{Host: "127.0.0.3", Port: old.Port()})
	names := newResolver(t, endpoint, old.Host())
	pool := open(t, endpointDSN(t, old), weir.WithMaxOpen(8), weir.WithMinIdle(2), mysqlpool.WithResolver(names.Resolver()))
	callers := gather(ctx, pool, 16, func(ctx context.Context, conn *sql.Conn) error {
		return serverWorks(ctx, conn, 2*time.Millisecond)
	})
	callers.await(ctx, t, "the callers are at work", 160, borrow.ok)

	must(t, old.Stop(ctx))
	stopped := time.Now()
	must(t, names.Set(endpoint, successor.Host()))
	moved := time.Now()
	callers.await(ctx, t, "the callers are at work again", 160, goodAfter(moved))
	all := callers.home()
	for _, b := range all {
		if !b.ok() && b.begun.After(moved) {
			t.Errorf("a caller who came %v after the move got %v", b.begun.Sub(moved), b.err())
		}
	}
	if n, err := successor.Processes(ctx, "app"); err != nil || n == 0 {
		t.Errorf("the new server has %d connections, %v", n, err)
	}
	t.Logf("name moved %v after the old server had gone; first good borrow %v after that",
		moved.Sub(stopped).Round(time.Millisecond), firstGood(all, moved).Round(time.Millisecond))
}

// Dials at the same moment may share one question, as Go's resolver has it; here one follows the other.
func TestNameIsAskedForAtEveryDial(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{Host: "127.0.0.2"})
	names := newResolver(t, endpoint, srv.Host())
	pool := open(t, endpointDSN(t, srv), weir.WithMaxOpen(1), mysqlpool.WithResolver(names.Resolver()))
	for range 20 {
		must(t, pool.Do(ctx, selectOne))
		pool.EvictAll()
	}
	must(t, pool.Do(ctx, selectOne))
	if got, opened := names.Lookups(endpoint), int(pool.Stats().Opened); got < opened || opened < 21 {
		t.Errorf("the name was asked for %d times for %d connections, want at least 21 of each", got, opened)
	}
}

func TestResolverThatFailsIsTheOpenError(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{Host: "127.0.0.2"})
	names := newResolver(t, endpoint, srv.Host())
	pool := open(t, endpointDSN(t, srv), weir.WithMaxWait(300*time.Millisecond), mysqlpool.WithResolver(names.Resolver()))
	must(t, pool.Do(ctx, selectOne))
	names.Remove(endpoint)
	pool.EvictAll()
	err := pool.Do(ctx, selectOne)
	if !isNoSuchName(err) {
		t.Errorf("got %v, want an error that matches the resolver's", err)
	}
	must(t, names.Set(endpoint, srv.Host()))
	until(ctx, t, "callers are served again", func() bool { return pool.Do(ctx, selectOne) == nil })
}

func isNoSuchName(err error) bool {
	said, ok := errors.AsType[*net.DNSError](err)
	return ok && said.IsNotFound
}
