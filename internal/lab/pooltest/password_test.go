package pooltest_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

func TestChangedPasswordEndsNoLiveConnectionAndHealsByItself(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	pool := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(4), weir.WithMinIdle(4), weir.WithMaxWait(300*time.Millisecond))
	holdAll(ctx, t, pool)
	callers := gather(ctx, pool, 8, func(ctx context.Context, conn *sql.Conn) error {
		return serverWorks(ctx, conn, time.Millisecond)
	})
	callers.await(ctx, t, "the callers are at work", 80, borrow.ok)

	must(t, srv.SetPassword(ctx, "app", "another"))
	changed := time.Now()
	callers.await(ctx, t, "the callers go on", 400, goodAfter(changed))
	if bad := callers.seen(func(b borrow) bool { return !b.ok() }); len(bad) > 0 {
		t.Errorf("with live connections %d callers got errors, the first %v", len(bad), bad[0].err())
	}

	_, err := srv.KillConnections(ctx, "app")
	must(t, err)
	callers.await(ctx, t, "callers are refused", 16, func(b borrow) bool { return b.acquire != nil && number(b.acquire) == 1045 })
	must(t, srv.SetPassword(ctx, "app", "app"))
	restored := time.Now()
	callers.await(ctx, t, "the callers are at work again", 80, goodAfter(restored))
	all := callers.home()

	refused := 0
	for _, b := range all {
		if b.acquire == nil {
			continue
		}
		refused++
		if number(b.acquire) != 1045 || !errors.Is(b.acquire, weir.ErrExhausted) || !strings.Contains(b.acquire.Error(), "1045") {
			t.Errorf("a caller was refused with %v, want an ExhaustedError that names 1045", b.acquire)
		}
		if b.begun.After(restored) {
			t.Errorf("a caller who came %v after the password was changed back was refused: %v", b.begun.Sub(restored), b.acquire)
		}
	}
	t.Logf("%d callers refused with 1045; first good borrow %v after the password was changed back",
		refused, firstGood(all, restored).Round(time.Millisecond))
}

func TestWhatTryingAgainDoesNotCureFailsNewAtOnce(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	for _, c := range []struct {
		name, dsn string
		want      uint16
	}{
		{"wrong password", strings.Replace(srv.DSN("app", "app"), "app:app@", "app:wrong@", 1), 1045},
		{"unknown database", srv.DSN("admin", "nowhere"), 1049},
		{"no right on the database", srv.DSN("app", "mysql"), 1044},
	} {
		for _, p := range []struct {
			name string
			opts []mysqlpool.Option
		}{
			{"by default", nil},
			{"with a start wait", []mysqlpool.Option{weir.WithStartWait(time.Hour)}},
			{"without MinIdle", []mysqlpool.Option{weir.WithMinIdle(0)}},
			{"with a start wait, without MinIdle", []mysqlpool.Option{weir.WithStartWait(time.Hour), weir.WithMinIdle(0)}},
			{"with MinIdle 4", []mysqlpool.Option{weir.WithMinIdle(4)}},
		} {
			t.Run(c.name+" "+p.name, func(t *testing.T) {
				begun := time.Now()
				pool, err := mysqlpool.New(ctx, c.dsn, quiet(p.opts)...)
				if err == nil {
					closePool(t, pool)
				}
				if took := time.Since(begun); number(err) != c.want || !errors.Is(err, weir.ErrPermanent) || took > 5*time.Second {
					t.Errorf("got %v after %v, want error %d at once, matching ErrPermanent", err, took, c.want)
				}
			})
		}
	}
	untilNoConnection(ctx, t, srv)
}

func TestWrongPasswordInTheBackgroundIsToldToCallers(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	must(t, srv.SetPassword(ctx, "app", "another"))
	pool := open(t, strings.Replace(srv.DSN("app", "app"), "app:another@", "app:app@", 1),
		weir.WithStartBackground(), weir.WithMaxWait(200*time.Millisecond))
	if err := pool.Do(ctx, selectOne); number(err) != 1045 || !errors.Is(err, weir.ErrExhausted) {
		t.Errorf("got %v, want an ExhaustedError that names 1045", err)
	}
	must(t, srv.SetPassword(ctx, "app", "app"))
	begun := time.Now()
	until(ctx, t, "callers are served", func() bool { return pool.Do(ctx, selectOne) == nil })
	t.Logf("served %v after the password was right", time.Since(begun).Round(time.Millisecond))
}
