package mysqlpool_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

func TestConnectionIsAskedOutsideTheWindowOnly(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s, mysqlpool.WithServiceName("payments"), weir.WithCheckWindow(time.Second), weir.WithoutCheck(weir.WhileIdle))
		defer closePool(t, p)
		before := len(s.Queries())
		for range 3 {
			if err := p.Do(t.Context(), selectOne); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		if err := p.Do(t.Context(), selectOne); err != nil {
			t.Fatal(err)
		}
		want := []string{"SELECT 1", "SELECT 1", "SELECT 1", "/* payments Health Check */ SELECT 1", "SELECT 1"}
		if d := cmp.Diff(want, s.Queries()[before:]); d != "" {
			t.Errorf("queries (-want +got):\n%s", d)
		}
	})
}

func TestIdleConnectionsAreAskedPeriodically(t *testing.T) {
	inBubble(t, mysqltest.Config{WaitTimeout: time.Minute}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s, weir.WithMinIdle(8), weir.WithMaxLifetime(weir.NoLimit))
		defer closePool(t, p)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		st := s.Stats()
		if st.Dials != 8 || st.Open != 8 {
			t.Errorf("dials, open = %d, %d, want 8, 8: the checks did not keep the server from closing idle connections", st.Dials, st.Open)
		}
		if got := p.Stats().Checks[weir.WhileIdle]; got < 8*19 || got > 8*20 {
			t.Errorf("%d idle checks in 10 minutes, want about 8 every 30 s", got)
		}
	})
}

// What the server closed is seen when it is lent, without a round trip and without anybody noticing.
func TestDeadConnectionsAreSeenByTheirSockets(t *testing.T) {
	for name, kill := range map[string]func(*mysqltest.Server){
		"FIN":         (*mysqltest.Server).DropAll,
		"RST":         (*mysqltest.Server).ResetAll,
		"idle closed": func(*mysqltest.Server) { time.Sleep(2 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mysqltest.Config{WaitTimeout: time.Minute}, func(t *testing.T, s *mysqltest.Server) {
				p := newPool(t, s, weir.WithMinIdle(4), weir.WithoutCheck(weir.WhileIdle), weir.WithoutCheck(weir.OnAcquire))
				defer closePool(t, p)
				kill(s)
				for range 8 {
					if err := p.Do(t.Context(), selectOne); err != nil {
						t.Errorf("a caller noticed: %v", err)
					}
				}
				if got := p.Stats().CheckFails[weir.OnAcquire]; got == 0 {
					t.Error("no socket was found dead")
				}
			})
		})
	}
}

func TestBlackHoleCostsTheCheckAndNotTheCaller(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s, weir.WithMinIdle(4), weir.WithoutCheck(weir.WhileIdle))
		defer closePool(t, p)
		time.Sleep(time.Minute)
		s.BlackHole(true)
		start := time.Now()
		err := p.Do(t.Context(), selectOne)
		if e, ok := errors.AsType[*weir.ExhaustedError](err); !ok || e.Limit != weir.LimitMaxWait {
			t.Errorf("in the black hole: %v", err)
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("waited %v, want MaxWait", waited)
		}
		s.BlackHole(false)
		time.Sleep(5 * time.Second)
		if err := p.Do(t.Context(), selectOne); err != nil {
			t.Errorf("after it: %v", err)
		}
		s.DropAll() // the server's side of what the hole swallowed
	})
}

// Old connections lead nowhere, new ones do: the caller is served by a new one.
func TestHalfDeadNetworkIsRiddenOut(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s, weir.WithMinIdle(4), weir.WithoutCheck(weir.WhileIdle))
		defer closePool(t, p)
		time.Sleep(time.Minute)
		old := s.Stats().Connects
		s.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
			return mysqltest.Reply{Delay: time.Hour}, int(q.ThreadID) <= old
		})
		start := time.Now()
		if err := p.Do(t.Context(), selectOne); err != nil {
			t.Error(err)
		}
		if waited := time.Since(start); waited >= 600*time.Millisecond {
			t.Errorf("served after %v", waited)
		}
	})
}

func TestValidationTimeoutHoldsAtEachMoment(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		w := &watcher{}
		p := newPool(t, s, mysqlpool.WithValidationTimeout(50*time.Millisecond), weir.WithObserver(w), weir.WithMinIdle(2))
		defer closePool(t, p)
		s.SetDelay(time.Second)
		time.Sleep(2 * time.Minute)
		s.SetDelay(0)
		failed := func(m weir.Moment) int {
			return w.count(func(e weir.Event) bool {
				return e.Kind == weir.EventCheckFailed && e.Moment == m && e.Took == 50*time.Millisecond
			})
		}
		if failed(weir.WhileIdle) == 0 {
			t.Error("no idle check ended after 50ms")
		}
	})
}

// A borrower who leaves rows or a transaction open makes database/sql wait; the pool must not.
func TestRowsLeftOpenHoldNobodyUp(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		s.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
			return mysqltest.Rows([]string{"n"}, []any{1}, []any{2}, []any{3}), q.Text == "SELECT n FROM t"
		})
		p := newPool(t, s, weir.WithMaxOpen(1), weir.WithCloseTimeout(100*time.Millisecond))
		defer closePool(t, p)
		left, forget := context.WithCancel(t.Context())
		var rows *sql.Rows
		err := p.Do(t.Context(), func(_ context.Context, conn *sql.Conn) (err error) {
			rows, err = conn.QueryContext(left, "SELECT n FROM t")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		p.EvictAll()
		start := time.Now()
		if err := p.Do(t.Context(), selectOne); err != nil {
			t.Error(err)
		}
		if waited := time.Since(start); waited > 10*time.Millisecond {
			t.Errorf("the next caller waited %v", waited)
		}
		forget()
		rows.Close()
	})
}

func TestConnectionClosedByItsBorrowerIsReplaced(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s, weir.WithMaxOpen(1))
		defer closePool(t, p)
		lease, err := p.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lease.Value().Close()
		lease.Release()
		if err := p.Do(t.Context(), selectOne); err != nil {
			t.Error(err)
		}
	})
}

// 50 callers share what a full server allows.
func TestFullServerServesEveryoneWithWhatThereIs(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		s.SetMaxConns(5)
		p := newPool(t, s, weir.WithMaxOpen(10))
		defer closePool(t, p)
		errs := make(chan error, 50)
		for range 50 {
			go func() {
				errs <- p.Do(t.Context(), func(ctx context.Context, conn *sql.Conn) error {
					time.Sleep(20 * time.Millisecond)
					return selectOne(ctx, conn)
				})
			}()
		}
		for range 50 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if p.Stats().OpenFails == 0 {
			t.Error("the server was never full: the test shows nothing")
		}
	})
}

func TestOpensGoOnWithTheOldPasswordUntilItIsBack(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s, weir.WithMinIdle(2))
		defer closePool(t, p)
		s.FailConnects(mysqltest.NewError(1045))
		if err := p.Do(t.Context(), selectOne); err != nil {
			t.Errorf("open connections do not need the password: %v", err)
		}
		s.DropAll()
		wantNumber(t, p.Do(t.Context(), selectOne), 1045)
		s.FailConnects(mysqltest.Error{})
		if err := p.Do(t.Context(), selectOne); err != nil {
			t.Errorf("the password is back: %v", err)
		}
	})
}
