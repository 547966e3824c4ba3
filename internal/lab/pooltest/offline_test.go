package pooltest_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// Offline mode closes the connections of everybody but administrators, under their statements, and lets nobody in.
func TestOfflineModeUnderWritersIsToldAndHeals(t *testing.T) {
	labtest.Only(t, lab.MySQL, "MariaDB has no offline_mode")
	const flips = 3
	ctx := within(t, 90*time.Second)
	srv := start(t, lab.Config{})
	exec(ctx, t, srv.Admin(), schema)
	pool := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(8), weir.WithMinIdle(4), weir.WithMaxWait(300*time.Millisecond))
	writers := write(ctx, pool, 16)
	writers.await(ctx, t, "the writers are at work", 160, time.Time{})
	for range flips {
		before := len(told(writers.starvedSoFar(), 3032))
		must(t, srv.SetGlobal(ctx, "offline_mode", 1))
		until(ctx, t, "callers are told", func() bool { return len(told(writers.starvedSoFar(), 3032)) >= before+16 })
		must(t, srv.SetGlobal(ctx, "offline_mode", 0))
		online := time.Now()
		writers.await(ctx, t, "the writers are at work again", 160, online)
		t.Logf("first accepted write %v after offline_mode=0", writers.firstAfter(online).Round(time.Millisecond))
	}
	writers.end()
	writers.check(t, rows(ctx, t, srv.Admin()))
	for _, err := range writers.starved {
		if mysqlpool.Classify(err) != mysqlpool.NotSent {
			t.Errorf("a caller was refused with %v, want one that says that nothing was sent", err)
		}
	}
	t.Logf("%d writes acknowledged, %d of unknown outcome, %d callers refused", len(writers.acked), len(writers.lost), len(writers.starved))
}

// told are the errors that tell of a number of the server's, in words too.
func told(errs []error, n uint16) []error {
	return slices.DeleteFunc(errs, func(err error) bool {
		return number(err) != n || !strings.Contains(err.Error(), strconv.Itoa(int(n)))
	})
}

// A start that meets offline mode goes on trying: it ends.
func TestOfflineModeAtTheStartIsWaitedFor(t *testing.T) {
	labtest.Only(t, lab.MySQL, "MariaDB has no offline_mode")
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	must(t, srv.SetGlobal(ctx, "offline_mode", 1))
	if _, err := mysqlpool.New(ctx, srv.DSN("app", "app"), quiet(nil)...); number(err) != 3032 || errors.Is(err, weir.ErrPermanent) {
		t.Errorf("got %v, want error 3032, not a permanent one", err)
	}
	seen := &recorder{}
	started := make(chan error, 1)
	go func() {
		pool, err := mysqlpool.New(ctx, srv.DSN("app", "app"), quiet([]mysqlpool.Option{weir.WithStartWait(time.Minute), weir.WithObserver(seen)})...)
		if err == nil {
			err = errors.Join(pool.Do(ctx, selectOne), pool.Close(ctx))
		}
		started <- err
	}()
	until(ctx, t, "an open was refused", func() bool { return len(seen.of(weir.EventOpenFailed)) > 0 })
	must(t, srv.SetGlobal(ctx, "offline_mode", 0))
	must(t, <-started)
}

// A connection that its borrower leaves idle for longer than wait_timeout is closed by the server. What he then sends is not executed.
// MySQL says so; MariaDB hangs up, and nobody can tell.
func TestWhatABorrowerSendsAfterWaitTimeout(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{WaitTimeout: time.Second})
	exec(ctx, t, srv.Admin(), schema)
	for name, begin := range map[string]string{"alone": "DO 1", "in a transaction": "BEGIN"} {
		t.Run(name, func(t *testing.T) {
			pool := open(t, srv.DSN("app", "app"))
			lease := acquire(ctx, t, pool)
			execOn(ctx, t, lease.Value(), begin)
			untilNoConnection(ctx, t, srv)
			_, err := lease.Value().ExecContext(ctx, "INSERT INTO entries (writer, seq) VALUES (1, 1)")
			class := mysqlpool.Classify(err)
			if labtest.Kind() == lab.MySQL && (number(err) != 4031 || class != mysqlpool.NotSent) {
				t.Errorf("got %v, of class %v, want 4031, not sent", err, class)
			}
			if class != mysqlpool.NotSent && class != mysqlpool.Unknown {
				t.Errorf("got %v, of class %v, want not sent, or unknown", err, class)
			}
			lease.Finish(err)
			if got := pool.Stats().Retired[weir.RetiredError]; got != 1 {
				t.Errorf("%d connections were retired, want 1", got)
			}
			must(t, pool.Do(ctx, selectOne))
			if n := len(rows(ctx, t, srv.Admin())); n != 0 {
				t.Errorf("%d rows, want none", n)
			}
		})
	}
}
