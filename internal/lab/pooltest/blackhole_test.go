package pooltest_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// late is how much later than it should a wait may end, besides what the machine takes for itself.
const late = 700 * time.Millisecond

func TestBlackHoleKeepsNobodyWaitingBeyondMaxWait(t *testing.T) {
	for _, lasts := range []time.Duration{5 * time.Second, 2500 * time.Millisecond} {
		t.Run(lasts.String(), func(t *testing.T) { blackHole(t, lasts) })
	}
}

func blackHole(t *testing.T, lasts time.Duration) {
	ctx := within(t, 90*time.Second)
	srv := start(t, lab.Config{})
	proxy, dsn := through(t, srv)
	paused := pauses(t)
	seen := &recorder{}
	pool := open(t, dsn, weir.WithMaxOpen(8), weir.WithMinIdle(4), weir.WithMaxWait(time.Second), weir.WithObserver(seen))
	callers := gather(ctx, pool, 16, func(ctx context.Context, conn *sql.Conn) error {
		return serverWorks(ctx, conn, 2*time.Millisecond)
	})
	callers.await(ctx, t, "the callers are at work", 160, borrow.ok)

	proxy.BlackHole(true)
	dark := time.Now()
	until(ctx, t, "the time of the black hole is over", func() bool { return time.Since(dark) >= lasts })
	proxy.BlackHole(false)
	healed := time.Now()
	callers.await(ctx, t, "the callers are at work again", 160, goodAfter(healed))
	back := firstGood(callers.seen(borrow.ok), healed)

	refused, hung := 0, 0
	longest := time.Duration(0)
	for _, b := range callers.home() {
		longest = max(longest, b.waited())
		switch {
		case b.ok():
		case b.acquire != nil:
			refused++
			wantMaxWait(t, b.acquire, paused())
		default:
			hung++
			if took := b.ended.Sub(b.lent); took > statementLimit+late+paused() {
				t.Errorf("a statement in the black hole took %v, its context ended after %v", took, statementLimit)
			}
		}
	}
	if refused == 0 {
		t.Error("nobody was refused in the black hole")
	}
	if longest > time.Second+late+paused() {
		t.Errorf("a caller waited %v, MaxWait is 1s", longest)
	}
	if back > 3*time.Second {
		t.Errorf("the first good borrow came %v after the black hole", back)
	}
	t.Logf("%d refused, longest wait %v, pauses of the machine up to %v; %d statements ended by their context; longest check %v, longest open %v; first good borrow %v after healing",
		refused, longest.Round(time.Millisecond), paused().Round(time.Millisecond), hung, seen.longest(weir.EventCheckFailed).Round(time.Millisecond),
		seen.longest(weir.EventOpenFailed).Round(time.Millisecond), back.Round(time.Millisecond))
}

// wantMaxWait asserts that err says that MaxWait, 1 s, was reached, on a machine that paused so long.
func wantMaxWait(t *testing.T, err error, paused time.Duration) {
	t.Helper()
	full, ok := errors.AsType[*weir.ExhaustedError](err)
	if !ok || full.Limit != weir.LimitMaxWait || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want an ExhaustedError of MaxWait", err)
		return
	}
	if full.Waited < time.Second || full.Waited > time.Second+late+paused {
		t.Errorf("refused after %v, MaxWait is 1s", full.Waited)
	}
}

func TestHeldConnectionInABlackHoleEndsWithTheContext(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	proxy, dsn := through(t, srv)
	paused := pauses(t)
	pool := open(t, dsn)
	lease := acquire(ctx, t, pool)
	proxy.BlackHole(true)
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err := selectOne(short, lease.Value())
	if took := time.Since(begun); mysqlpool.Classify(err) != mysqlpool.Canceled || took > 300*time.Millisecond+late+paused() {
		t.Errorf("got %v after %v, want the context's error after 300ms", err, took)
	}
	lease.Finish(err)
	proxy.BlackHole(false)
	must(t, pool.Do(ctx, selectOne)) // the driver has closed the other one
}

// A statement too long for the buffers of a server that does not read meets TCP_USER_TIMEOUT: the kernel waits for room. Without that option
// it would wait for a quarter of an hour, and the test's context would end first.
func TestStatementThatTheNetworkDoesNotTakeEndsByTCPUserTimeout(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{Args: []string{"--max-allowed-packet=64M"}})
	pool := open(t, srv.DSN("app", "app"), mysqlpool.WithTCPUserTimeout(time.Second))
	lease := acquire(ctx, t, pool)
	must(t, srv.Pause(ctx))
	defer func() { must(t, srv.Continue()) }()
	begun := time.Now()
	_, err := lease.Value().ExecContext(ctx, "DO LENGTH('"+strings.Repeat("x", 48<<20)+"')")
	took := time.Since(begun)
	if class := mysqlpool.Classify(err); class != mysqlpool.Unknown && class != mysqlpool.NotSent {
		t.Errorf("got %v, of class %v", err, class)
	}
	if !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("the statement ended after %v with %v, want the kernel to give up", took, err)
	}
	lease.Finish(err)
	t.Logf("ended after %v with %v", took.Round(time.Millisecond), err)
}

// A firewall that forgets its connections swallows the old ones and lets new ones pass.
func TestSwallowedIdleConnectionsCostCallersNoMoreThanMaxWait(t *testing.T) {
	for _, c := range []struct {
		name          string
		idle, callers int
	}{
		{"a full pool and many callers", 8, 32},
		{"a full pool and one caller", 8, 1},
		{"a large full pool and one caller", 30, 1},
		{"a large full pool and few callers", 30, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := within(t, 60*time.Second)
			srv := start(t, lab.Config{})
			proxy, dsn := through(t, srv)
			pool := open(t, dsn, weir.WithMaxOpen(c.idle), weir.WithMinIdle(c.idle), weir.WithCheckWindow(0))
			proxy.BlackHole(true)
			proxy.BlackHole(false)
			forgotten := time.Now()
			callers := gather(ctx, pool, c.callers, selectOne)
			callers.await(ctx, t, "each caller was served", c.callers, func(borrow) bool { return true })
			all := callers.home()
			longest := time.Duration(0)
			for _, b := range all {
				longest = max(longest, b.waited())
				if !b.ok() {
					t.Errorf("a caller got %v", b.err())
				}
			}
			t.Logf("%d callers on %d swallowed connections: first served after %v, longest wait %v",
				c.callers, c.idle, firstGood(all, forgotten).Round(time.Millisecond), longest.Round(time.Millisecond))
		})
	}
}

func TestStoppedServerKeepsOpensAndChecksWithinTheirLimits(t *testing.T) {
	const openLimit, checkLimit = 700 * time.Millisecond, 300 * time.Millisecond
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	machine := pauses(t)
	seen := &recorder{}
	pool := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(6), weir.WithMinIdle(3), weir.WithCheckWindow(0),
		weir.WithOpenTimeout(openLimit), mysqlpool.WithValidationTimeout(checkLimit), weir.WithObserver(seen))
	callers := gather(ctx, pool, 12, selectOne)
	callers.await(ctx, t, "the callers are at work", 120, borrow.ok)

	must(t, srv.Pause(ctx))
	paused := time.Now()
	callers.await(ctx, t, "each caller was refused twice", 24, func(b borrow) bool { return b.acquire != nil })
	for _, b := range callers.seen(func(b borrow) bool { return b.acquire != nil }) {
		wantMaxWait(t, b.acquire, machine())
	}
	must(t, srv.Continue())
	continued := time.Now()
	callers.await(ctx, t, "the callers are at work again", 120, goodAfter(continued))
	all := callers.home()

	if d := seen.longest(weir.EventOpenFailed); d == 0 || d > openLimit+late+machine() {
		t.Errorf("the longest failed open took %v, limit %v", d, openLimit)
	}
	if d := seen.longest(weir.EventCheckFailed); d == 0 || d > checkLimit+late+machine() {
		t.Errorf("the longest failed check took %v, limit %v", d, checkLimit)
	}
	t.Logf("stopped for %v; longest failed open %v of %v, longest failed check %v of %v; first good borrow %v after it went on",
		continued.Sub(paused).Round(time.Millisecond), seen.longest(weir.EventOpenFailed).Round(time.Millisecond), openLimit,
		seen.longest(weir.EventCheckFailed).Round(time.Millisecond), checkLimit, firstGood(all, continued).Round(time.Millisecond))
}
