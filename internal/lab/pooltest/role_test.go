package pooltest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

func TestReadOnlyFlippedUnderWritersIsNoticedAndHeals(t *testing.T) {
	const flips, connections = 3, 8
	ctx := within(t, 120*time.Second)
	srv := start(t, lab.Config{})
	exec(ctx, t, srv.Admin(), schema)
	seen := &recorder{}
	pool := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(connections), weir.WithMinIdle(4),
		mysqlpool.WithRole(mysqlpool.Primary), weir.WithObserver(seen))
	writers := write(ctx, pool, 16)
	writers.await(ctx, t, "the writers are at work", 160, time.Time{})
	for range flips {
		before, refused := pool.Stats(), writers.starvedSoFar()
		must(t, srv.SetReadOnly(ctx, true))
		until(ctx, t, "waiters are told about the role", func() bool { return len(writers.starvedSoFar()) >= len(refused)+4 })
		wantRoleErrors(t, writers.starvedSoFar()[len(refused):])
		after := pool.Stats()
		if after.Generation == before.Generation || after.Retired[weir.RetiredRole] == before.Retired[weir.RetiredRole] {
			t.Errorf("generation %d then %d, retired because of the role %d then %d: want more of each",
				before.Generation, after.Generation, before.Retired[weir.RetiredRole], after.Retired[weir.RetiredRole])
		}
		if after.Open > 0 {
			t.Errorf("%d connections are open while the server is read-only", after.Open)
		}
		must(t, srv.SetReadOnly(ctx, false))
		writable := time.Now()
		writers.await(ctx, t, "the writers are at work again", 160, writable)
		t.Logf("first accepted write %v after read_only=0", writers.firstAfter(writable).Round(time.Millisecond))
	}
	writers.end()
	writers.check(t, rows(ctx, t, srv.Admin()))
	if n := writers.refused; n == 0 || n > flips*connections {
		t.Errorf("%d writes met a read-only server, want 1 to %d: one for each connection and flip", n, flips*connections)
	}
	if n := len(writers.lost); n > 0 {
		t.Errorf("%d writes with unknown outcome, the first %v", n, writers.lost[0])
	}
	t.Logf("%d writes acknowledged, %d refused by the server (1290), %d callers refused; %d demotions, retired by reason: role %d, error %d",
		len(writers.acked), writers.refused, len(writers.starved), len(seen.of(weir.EventDemoted)),
		pool.Stats().Retired[weir.RetiredRole], pool.Stats().Retired[weir.RetiredError])
}

// wantRoleErrors asserts that callers refused during a demotion were told so, in words and in types. A caller refused just after it is
// not told, because an open has succeeded since.
func wantRoleErrors(t *testing.T, refused []error) {
	t.Helper()
	for _, err := range refused {
		wrong, ok := errors.AsType[*mysqlpool.RoleError](err)
		if !ok || wrong.Want != mysqlpool.Primary || !errors.Is(err, weir.ErrWrongRole) || !errors.Is(err, weir.ErrExhausted) ||
			!strings.Contains(err.Error(), "wrong role: want primary") {
			t.Errorf("a caller was refused with %v, want an ExhaustedError that tells of the wrong role", err)
			return
		}
	}
}

func TestReplicaPoolIsServedByAReadOnlyServerOnly(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{ReadOnly: true})
	pool := open(t, srv.DSN("app", "app"), mysqlpool.WithRole(mysqlpool.Replica), weir.WithCheckWindow(0), weir.WithMaxWait(300*time.Millisecond))
	must(t, pool.Do(ctx, selectOne))
	must(t, srv.SetReadOnly(ctx, false))
	if err := pool.Do(ctx, selectOne); !errors.Is(err, weir.ErrWrongRole) {
		t.Errorf("got %v from a promoted replica, want ErrWrongRole", err)
	}
	must(t, srv.SetReadOnly(ctx, true))
	until(ctx, t, "callers are served again", func() bool { return pool.Do(ctx, selectOne) == nil })
}

// A server that follows another is no primary, whoever may write on it.
func TestAnAccountThatMayWriteOnAReadOnlyServerIsRefusedThere(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	exec(ctx, t, srv.Admin(), schema)
	dsn := srv.DSN("admin", "app")
	pool := open(t, dsn, mysqlpool.WithRole(mysqlpool.Primary), weir.WithCheckWindow(0), weir.WithMaxWait(300*time.Millisecond))
	must(t, pool.Do(ctx, selectOne))
	must(t, srv.SetReadOnly(ctx, true))
	exec(ctx, t, srv.Admin(), "INSERT INTO app.entries (writer, seq) VALUES (1, 1)")
	wantRoleErrors(t, []error{pool.Do(ctx, selectOne)})
	_, err := mysqlpool.New(ctx, dsn, quiet([]mysqlpool.Option{mysqlpool.WithRole(mysqlpool.Primary)})...)
	if wrong, ok := errors.AsType[*mysqlpool.RoleError](err); !ok || !strings.Contains(wrong.Answers, " read_only=1") {
		t.Errorf("got %v, want a RoleError with the server's answers", err)
	}
	must(t, srv.SetReadOnly(ctx, false))
	until(ctx, t, "callers are served again", func() bool { return pool.Do(ctx, selectOne) == nil })
}

func TestIdleDemotionIsNoticedBeforeAnybodyWrites(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	exec(ctx, t, srv.Admin(), schema)
	seen := &recorder{}
	pool := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(4), weir.WithMinIdle(4), weir.WithMaxWait(300*time.Millisecond),
		weir.WithCheckIdleEvery(100*time.Millisecond), weir.WithSweepEvery(20*time.Millisecond),
		mysqlpool.WithRole(mysqlpool.Primary), weir.WithObserver(seen))
	must(t, srv.SetReadOnly(ctx, true))
	until(ctx, t, "the idle check found the demotion", func() bool { return len(seen.of(weir.EventDemoted)) > 0 })
	until(ctx, t, "all connections are gone", func() bool { return pool.Stats().Open == 0 })
	writers := write(ctx, pool, 4)
	until(ctx, t, "writers are refused", func() bool { return len(writers.starvedSoFar()) >= 8 })
	writers.end()
	if writers.refused > 0 || len(writers.acked) > 0 {
		t.Errorf("%d writes reached the read-only server and %d were acknowledged, want none", writers.refused, len(writers.acked))
	}
	wantRoleErrors(t, writers.starved)
}

func TestWrongRoleAtTheStartFailsNewWithIt(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{ReadOnly: true})
	_, err := mysqlpool.New(ctx, srv.DSN("app", "app"), quiet([]mysqlpool.Option{mysqlpool.WithRole(mysqlpool.Primary)})...)
	if wrong, ok := errors.AsType[*mysqlpool.RoleError](err); !ok || !strings.Contains(wrong.Answers, "read_only=1") {
		t.Errorf("got %v, want a RoleError with the server's answers", err)
	}
}
