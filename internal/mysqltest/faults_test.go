package mysqltest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir/internal/mysqltest"
)

// within gives a call a deadline.
func within(t *testing.T, d time.Duration, call func(context.Context) error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return call(ctx)
}

func TestHungServerAnswersAfterResume(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		conn, done := f.conn(t)
		defer done()
		f.Hang()
		answered := make(chan error, 2)
		go func() { answered <- conn.PingContext(t.Context()) }()
		go func() { answered <- f.connect(t.Context()) }()
		eventually(t, "both asked", func() bool { return f.Stats().Pings == 1 && f.Stats().Dialing == 1 })
		if len(answered) != 0 {
			t.Error("a hung server answered")
		}
		f.Resume()
		for range 2 {
			if err := <-answered; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestHungServerIsLeftByContext(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		conn, done := f.conn(t)
		defer done()
		f.Hang()
		if err := within(t, 20*time.Millisecond, conn.PingContext); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		eventually(t, "session forgotten", func() bool { return f.Stats().Open == 0 && f.Stats().Interrupted == 1 })
	})
}

func TestBlackHoleSwallowsBothWays(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		asked, doneAsked := f.conn(t)
		defer doneAsked()
		left, doneLeft := f.conn(t)
		kept, doneKept := f.conn(t)
		defer doneKept()
		if err := left.PingContext(t.Context()); err != nil {
			t.Error(err)
		}
		f.BlackHole(true)
		if err := within(t, 20*time.Millisecond, asked.PingContext); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		doneLeft()
		if s := f.Stats(); s.Open != 3 || s.Quits != 0 || s.Pings != 1 {
			t.Errorf("the server heard something: %+v", s)
		}
		f.BlackHole(false)
		eventually(t, "closed sessions noticed", func() bool { return f.Stats().Open == 1 })
		if err := kept.PingContext(t.Context()); err != nil {
			t.Errorf("a connection that both sides kept: %v", err)
		}
	})
}

func TestDroppedAndResetConnectionsAreBroken(t *testing.T) {
	for name, end := range map[string]func(fixture){"drop": func(f fixture) { f.DropAll() }, "reset": func(f fixture) { f.ResetAll() }} {
		t.Run(name, func(t *testing.T) {
			over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
				conn, done := f.conn(t)
				defer done()
				end(f)
				if s := f.Stats(); s.Open != 0 {
					t.Errorf("open %d", s.Open)
				}
				wantBroken(t, conn.PingContext(t.Context()))
			})
		})
	}
}

func TestDropIsEndOfFileAndResetIsConnectionReset(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		dial := f.config.DialFunc
		if dial == nil {
			dial = new(net.Dialer).DialContext
		}
		for _, end := range []struct {
			cut  func()
			want error
		}{{f.DropAll, io.EOF}, {f.ResetAll, syscall.ECONNRESET}} {
			nc, err := dial(t.Context(), f.config.Net, f.config.Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			var head [4]byte
			if _, err := io.ReadFull(nc, head[:]); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(nc, make([]byte, head[0])); err != nil {
				t.Fatal(err)
			}
			end.cut()
			if _, err := nc.Read(head[:]); !errors.Is(err, end.want) {
				t.Errorf("read: %v, want %v", err, end.want)
			}
		}
	})
}

func TestLivenessCheckSeesTheEndOfIdleConnections(t *testing.T) {
	for name, end := range map[string]func(fixture){"drop": func(f fixture) { f.DropAll() }, "reset": func(f fixture) { f.ResetAll() }} {
		t.Run(name, func(t *testing.T) {
			over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
				db := f.db(t)
				defer db.Close()
				db.SetMaxIdleConns(1)
				exec(t, db, "DO 1")
				end(f)
				eventually(t, "replaced", func() bool {
					exec(t, db, "DO 1")
					return f.Stats().Connects == 2
				})
			})
		})
	}
}

func TestKillEndsASessionAndOnlyThat(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		victim, done := f.conn(t)
		defer done()
		other, doneOther := f.conn(t)
		defer doneOther()
		exec(t, other, fmt.Sprintf("KILL %d", one[int](t, victim, "SELECT CONNECTION_ID()")))
		wantBroken(t, victim.PingContext(t.Context()))
		_, err := other.ExecContext(t.Context(), "KILL CONNECTION 4711")
		wantNumber(t, err, mysqltest.CodeUnknownThread)
		if !f.Kill(one[uint32](t, other, "SELECT CONNECTION_ID()")) || f.Kill(4711) {
			t.Error("Kill did not find what it should")
		}
		wantBroken(t, other.PingContext(t.Context()))
	})
}

func TestKillQueryInterruptsWhatRunsNow(t *testing.T) {
	over(t, mysqltest.Config{Version: maria}, func(t *testing.T, f fixture) {
		victim, done := f.conn(t)
		defer done()
		killer, doneKiller := f.conn(t)
		defer doneKiller()
		kill := fmt.Sprintf("KILL QUERY %d", one[int](t, victim, "SELECT CONNECTION_ID()"))
		exec(t, killer, kill) // nothing runs: no trace of it later
		failed := make(chan error, 1)
		go func() {
			_, err := victim.ExecContext(t.Context(), "SELECT SLEEP(3600)")
			failed <- err
		}()
		eventually(t, "asleep", func() bool { return f.Stats().Queries == 3 })
		exec(t, killer, "KILL QUERY ?", one[int](t, killer, "SELECT CONNECTION_ID()")-1)
		wantNumber(t, <-failed, mysqltest.CodeQueryInterrupted)
		if got := one[int](t, victim, "SELECT 1"); got != 1 {
			t.Error("the session did not survive")
		}
	})
}

func TestSleepAndDelaysTakeTheBubblesTime(t *testing.T) {
	bubble(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		conn, done := f.conn(t)
		defer done()
		f.SetDelay(2 * time.Second)
		f.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
			return mysqltest.Reply{Delay: time.Minute}, q.Text == "slow"
		})
		start := time.Now()
		if got := one[int](t, conn, "SELECT SLEEP(1.5)"); got != 0 || time.Since(start) != 3500*time.Millisecond {
			t.Errorf("SLEEP is %d after %v", got, time.Since(start))
		}
		start = time.Now()
		exec(t, conn, "slow")
		if time.Since(start) != 62*time.Second {
			t.Errorf("took %v", time.Since(start))
		}
	})
}

func TestWaitTimeoutSaysGoodbyeOnMySQLOnly(t *testing.T) {
	for _, version := range []string{"8.0.36", maria} {
		t.Run(version, func(t *testing.T) {
			bubble(t, mysqltest.Config{Version: version}, func(t *testing.T, f fixture) {
				conn, done := f.conn(t)
				defer done()
				exec(t, conn, "SET wait_timeout = 60")
				<-time.After(59 * time.Second)
				exec(t, conn, "DO 1")
				<-time.After(61 * time.Second)
				synctest.Wait()
				if s := f.Stats(); s.Open != 0 {
					t.Errorf("open %d", s.Open)
				}
				_, err := conn.ExecContext(t.Context(), "DO 1")
				if version == maria {
					wantBroken(t, err)
				} else {
					wantNumber(t, err, mysqltest.CodeIdleDisconnect)
				}
			})
		})
	}
}
