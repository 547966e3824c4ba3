package pooltest_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

const (
	maxConnections = 10 // the server's
	foreign        = 5  // of these are others'
)

// occupy takes connections away from the pool, as other services would.
func occupy(t *testing.T, srv *lab.Server, n int) []*sql.Conn {
	t.Helper()
	conns := make([]*sql.Conn, n)
	for i := range conns {
		conns[i] = raw(t, srv.DSN("app", "app"))
	}
	return conns
}

func TestFullServerFailsNobodyWhoCanBeServed(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{MaxConnections: maxConnections})
	occupy(t, srv, foreign)
	pool := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(10))
	callers := gather(ctx, pool, 50, func(ctx context.Context, conn *sql.Conn) error {
		return serverWorks(ctx, conn, 5*time.Millisecond)
	})
	callers.await(ctx, t, "50 callers had 40 turns each", 50*40, func(borrow) bool { return true })
	most := pool.Stats().Open
	all := callers.home()
	longest := time.Duration(0)
	for _, b := range all {
		longest = max(longest, b.waited())
		if !b.ok() {
			t.Errorf("a caller got %v", b.err())
		}
	}
	s := pool.Stats()
	if most > maxConnections-foreign {
		t.Errorf("%d connections are open, the server has %d", most, maxConnections-foreign)
	}
	if s.OpenFails == 0 || number(s.LastOpenError) != 1040 {
		t.Errorf("%d opens failed, last with %v: the server was not full", s.OpenFails, s.LastOpenError)
	}
	t.Logf("%d borrows by 50 callers on %d connections, MaxOpen 10: 0 errors, longest wait %v, %d opens failed with 1040",
		len(all), most, longest.Round(time.Millisecond), s.OpenFails)
}

func TestFullServerAtTheStart(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{MaxConnections: maxConnections})
	others := occupy(t, srv, maxConnections)
	_, err := mysqlpool.New(ctx, srv.DSN("app", "app"), quiet(nil)...)
	if number(err) != 1040 || errors.Is(err, weir.ErrPermanent) {
		t.Errorf("New got %v, want error 1040 and not a permanent one", err)
	}
	type result struct {
		pool *mysqlpool.Pool
		err  error
	}
	patient := make(chan result, 1)
	seen := &recorder{}
	go func() {
		pool, err := mysqlpool.New(ctx, srv.DSN("app", "app"), quiet([]mysqlpool.Option{
			weir.WithStartWait(30 * time.Second), weir.WithMinIdle(2), weir.WithObserver(seen)})...)
		patient <- result{pool, err}
	}()
	until(ctx, t, "an open has failed", func() bool { return len(seen.of(weir.EventOpenFailed)) > 0 })
	for _, conn := range others[:3] {
		leave(t, conn)
	}
	r := <-patient
	must(t, r.err)
	must(t, r.pool.Do(ctx, selectOne))
	closePool(t, r.pool)
}
