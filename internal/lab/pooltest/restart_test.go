package pooltest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
)

func TestRestartCostsNobodyAnErrorOnceTheServerAccepts(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(context.Context, *lab.Server) error
	}{
		{"orderly", func(ctx context.Context, srv *lab.Server) error { return srv.Stop(ctx) }},
		{"killed", func(_ context.Context, srv *lab.Server) error { return srv.Kill9() }},
	} {
		t.Run(c.name, func(t *testing.T) { restartUnder32(t, c.end) })
	}
}

func restartUnder32(t *testing.T, end func(context.Context, *lab.Server) error) {
	ctx := within(t, 90*time.Second)
	srv := start(t, lab.Config{})
	pool := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(10), weir.WithMinIdle(4))
	callers := gather(ctx, pool, 32, func(ctx context.Context, conn *sql.Conn) error {
		return serverWorks(ctx, conn, 2*time.Millisecond)
	})
	callers.await(ctx, t, "the callers are at work", 320, borrow.ok)

	asked := time.Now()
	must(t, end(ctx, srv))
	down := time.Now()
	var up time.Time
	greeted := make(chan error, 1)
	go func() {
		var err error
		up, err = firstGreeting(ctx, srv.Addr())
		greeted <- err
	}()
	must(t, srv.Restart(ctx))
	must(t, <-greeted)
	callers.await(ctx, t, "the callers are at work again", 320, goodAfter(up))
	all := callers.home()

	held, before := 0, 0
	for _, b := range all {
		switch {
		case b.ok():
		case !b.lent.IsZero() && b.lent.Before(down):
			held++
		case b.begun.After(up):
			t.Errorf("a caller who came %v after the server accepted again got %v", b.begun.Sub(up), b.err())
		case b.acquire == nil:
			t.Errorf("a caller was lent a dead connection %v after the server had gone: %v", b.lent.Sub(down), b.err())
		default:
			before++
			if !errors.Is(b.acquire, weir.ErrExhausted) {
				t.Errorf("a caller who waited while the server was down got %v", b.acquire)
			}
		}
	}
	t.Logf("%d borrows; server ended in %v and was away for %v; errors: %d of callers that held a connection, %d of callers that came while it was away, 0 of later ones; first good borrow %v after it accepts",
		len(all), down.Sub(asked).Round(time.Millisecond), up.Sub(down).Round(time.Millisecond), held, before, firstGood(all, up).Round(time.Microsecond))
}

// firstGreeting returns when the server first greeted a client. An error packet is no greeting.
func firstGreeting(ctx context.Context, addr string) (time.Time, error) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		if greets(ctx, addr) {
			return time.Now(), nil
		}
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("%s has not greeted: %w", addr, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

func greets(ctx context.Context, addr string) bool {
	const protocol = 10 // the first byte after the packet's header of 4
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok && conn.SetReadDeadline(deadline) != nil {
		return false
	}
	var head [5]byte
	_, err = io.ReadFull(conn, head[:])
	return err == nil && head[4] == protocol
}
