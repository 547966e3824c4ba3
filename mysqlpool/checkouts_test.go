package mysqlpool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// lineHere is "file.go:12" of its caller.
func lineHere(plus int) string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", file[strings.LastIndexByte(file, '/')+1:], line+plus)
}

// A leaker keeps what a program forgets to close, until the test ends.
type leaker struct {
	t    *testing.T
	db   *sql.DB
	held []func() error
}

func leaks(t *testing.T, db *sql.DB) *leaker {
	l := &leaker{t: t, db: db}
	t.Cleanup(l.close)
	return l
}

func (l *leaker) close() {
	for _, c := range l.held {
		c()
	}
	l.held = nil
}

// rows forgets n small results, and returns the line that asked for them.
func (l *leaker) rows(n int) (line string) {
	l.t.Helper()
	for range n {
		line = lineHere(1)
		rows, err := l.db.QueryContext(l.t.Context(), "SELECT 1")
		if err != nil {
			l.t.Fatal(err)
		}
		l.held = append(l.held, rows.Close)
	}
	return line
}

// conns forgets n sessions on which nothing ran, and returns the line that took them.
func (l *leaker) conns(n int) (line string) {
	l.t.Helper()
	for range n {
		line = lineHere(1)
		conn, err := l.db.Conn(l.t.Context())
		if err != nil {
			l.t.Fatal(err)
		}
		l.held = append(l.held, conn.Close)
	}
	return line
}

func connectorOf(db *sql.DB) *Connector {
	c, _ := ConnectorOf(db)
	return c
}

// A logbook is what was logged.
type logbook struct {
	mu sync.Mutex // guards the field below
	b  strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) with(part string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, part) {
			lines = append(lines, line)
		}
	}
	return lines
}

func (l *logbook) option() Option { return weir.WithLogger(slog.New(slog.NewTextHandler(l, nil))) }

func TestForgottenRowsAndConnsAreBounded(t *testing.T) {
	ways := map[string]func(*leaker, int) string{"rows": (*leaker).rows, "conns": (*leaker).conns}
	for name, leak := range ways {
		for _, byContext := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, context ends first %t", name, byContext), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					db := overNoop(t, WithMaxSessions(20), weir.WithMaxWait(300*time.Millisecond))
					line := leak(leaks(t, db), 20)
					ctx, waits := t.Context(), 300*time.Millisecond
					if byContext {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
						defer cancel()
						waits = 100 * time.Millisecond
					}
					began := time.Now()
					_, err := db.QueryContext(ctx, "SELECT 1")
					if took := time.Since(began); took != waits {
						t.Errorf("refused after %v, want %v", took, waits)
					}
					e, ok := errors.AsType[*SessionLimitError](err)
					if !ok || !errors.Is(err, weir.ErrExhausted) || !errors.Is(err, context.DeadlineExceeded) {
						t.Fatalf("%v: want a SessionLimitError that matches ErrExhausted and DeadlineExceeded", err)
					}
					if e.Limit != 20 || e.Waited != waits || len(e.Held) != 1 || e.Held[0].Site != line || e.Held[0].Age != waits {
						t.Errorf("%+v, want 20 held at %s for %v", e, line, waits)
					}
					for _, part := range []string{"all 20 sessions are in use (WithMaxSessions)", line + " for " + waits.String()} {
						if !strings.Contains(err.Error(), part) {
							t.Errorf("%q lacks %q", err, part)
						}
					}
					if s := connectorOf(db).Sessions(); s.InUse != 20 || s.MaxSessions != 20 || s.Refused != 1 || s.Waiting != 0 || s.OldestAge != waits {
						t.Errorf("in use %d of %d for %v, refused %d, waiting %d, want 20 of 20 for %v, 1, 0",
							s.InUse, s.MaxSessions, s.OldestAge, s.Refused, s.Waiting, waits)
					}
				})
			})
		}
	}
}

func TestSessionThatIsGivenBackGoesToWhoWaitsLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := overNoop(t, WithMaxSessions(1), weir.WithMaxWait(time.Minute))
		first, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var order []int
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				ctx, cancel := t.Context(), func() {}
				if i == 2 {
					ctx, cancel = context.WithTimeout(ctx, time.Second)
				}
				defer cancel()
				conn, err := db.Conn(ctx)
				if (err != nil) != (i == 2) {
					t.Errorf("caller %d: %v", i, err)
				}
				if err == nil {
					order = append(order, i)
					time.Sleep(time.Second)
					conn.Close()
				}
			})
			synctest.Wait()
		}
		if n := connectorOf(db).Sessions().Waiting; n != 5 {
			t.Errorf("%d wait, want 5", n)
		}
		time.Sleep(2 * time.Second)
		first.Close()
		all.Wait()
		if got, want := fmt.Sprint(order), "[0 1 3 4]"; got != want {
			t.Errorf("served in the order %s, want %s", got, want)
		}
	})
}

// Idle sessions, which database/sql keeps to itself, do not keep others from being made, and who comes later does not overtake by one.
func TestManyCallersAreServedByFewSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := overNoop(t, WithMaxSessions(4), weir.WithMaxWait(time.Minute))
		c := connectorOf(db)
		var most int
		var mu sync.Mutex // guards most
		var all sync.WaitGroup
		for i := range 300 {
			all.Go(func() {
				time.Sleep(time.Duration(i%7) * time.Millisecond)
				conn, err := db.Conn(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Duration(1+i%3) * time.Millisecond)
				mu.Lock()
				most = max(most, c.Sessions().InUse)
				mu.Unlock()
				conn.Close()
			})
		}
		all.Wait()
		if s := c.Sessions(); most != 4 || s.InUse != 0 || s.Waiting != 0 || s.Refused != 0 {
			t.Errorf("%d in use at a time, want 4; left: in use %d, waiting %d, refused %d", most, s.InUse, s.Waiting, s.Refused)
		}
	})
}

// Who has waited for a session waits for a backend only as long as is left of MaxWait.
func TestMaxWaitBoundsBothWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := overNoop(t, WithMaxSessions(2), weir.WithMaxOpen(1), weir.WithMaxWait(time.Second), WithMode(SessionMode))
		holder, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer holder.Close()
		if err := holder.PingContext(t.Context()); err != nil { // keeps the backend
			t.Fatal(err)
		}
		other, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(600*time.Millisecond, func() { other.Close() })
		began := time.Now()
		err = db.PingContext(t.Context())
		if took := time.Since(began); took != time.Second || !errors.Is(err, weir.ErrExhausted) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v, want ErrExhausted after 1s", err, took)
		}
	})
}

func TestLeakedSessionsAreNamedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &logbook{}
		db := overNoop(t, weir.WithLeakThreshold(time.Minute), book.option())
		c, l := connectorOf(db), leaks(t, db)
		rows := l.rows(3)
		time.Sleep(30 * time.Second)
		conn := l.conns(1)
		for range 100 { // what others do meanwhile does not matter
			if err := db.PingContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if got := book.with("leak"); len(got) != 0 || c.Sessions().Leaks != 0 {
			t.Errorf("before the threshold: %q", got)
		}
		time.Sleep(21 * time.Second)
		first := book.with("session is in use for longer than LeakThreshold")
		if len(first) != 1 || !strings.Contains(first[0], "sessions=3") || !strings.Contains(first[0], "checked_out_at="+rows) {
			t.Errorf("logged %q, want one line for the 3 of %s", first, rows)
		}
		time.Sleep(10 * time.Minute)
		both := book.with("session is in use for longer than LeakThreshold")
		if len(both) != 2 || !strings.Contains(both[1], "sessions=1") || !strings.Contains(both[1], "checked_out_at="+conn) {
			t.Errorf("logged %q, want one line more for that of %s", both, conn)
		}
		s := c.Sessions()
		if s.Leaks != 4 || s.LeaksReturned != 0 || len(s.Longest) != 2 || s.Longest[0].Site != rows || s.Longest[1].Site != conn {
			t.Errorf("%d leaks, %d returned, longest %v, want 4, 0, %s and %s", s.Leaks, s.LeaksReturned, s.Longest, rows, conn)
		}
		l.close()
		if got := book.with("leaked session was returned after all"); len(got) != 4 || c.Sessions().LeaksReturned != 4 {
			t.Errorf("logged %q, want 4 returns", got)
		}
	})
}

func TestCloseTellsOfSessionsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := overNoop(t)
		l := leaks(t, db)
		rows, conns := l.rows(2), l.conns(1)
		err := db.Close()
		e, ok := errors.AsType[*SessionsInUseError](err)
		if !ok || e.Sessions != 3 || len(e.Held) != 2 || e.Held[0].Site != rows || e.Held[1].Site != conns {
			t.Errorf("%v, want 3 sessions of %s and %s", err, rows, conns)
		}
		l.close()
		if err := db.Close(); err != nil {
			t.Errorf("once they are given back: %v", err)
		}
	})
}

func TestCloseWaitsForWhoIsJustGivingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := overNoop(t)
		l := leaks(t, db)
		l.rows(2)
		given := make(chan struct{})
		time.AfterFunc(50*time.Millisecond, func() { l.close(); close(given) })
		began := time.Now()
		if err := db.Close(); err != nil || time.Since(began) != 50*time.Millisecond {
			t.Errorf("%v after %v, want nothing after 50ms", err, time.Since(began))
		}
		<-given
	})
}

func TestCloseRefusesWhoWaitsForASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := overNoop(t, WithMaxSessions(1))
		l := leaks(t, db)
		l.rows(1)
		refused := make(chan error, 1)
		go func() { refused <- db.PingContext(t.Context()) }()
		synctest.Wait()
		db.Close()
		if err := <-refused; !errors.Is(err, weir.ErrClosed) {
			t.Errorf("%v, want ErrClosed", err)
		}
	})
}

// Whatever meets at one moment (a place that is given, a caller who leaves, Close), no place is lost and none is given twice.
func TestPlacesOfSessionsAreNeitherLostNorDoubled(t *testing.T) {
	const limit, callers = 3, 16
	c := connectorOf(overNoop(t, WithMaxSessions(limit), weir.WithMaxWait(time.Minute)))
	l := c.checkouts
	var out, most atomic.Int32
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			o := new(checkout)
			for n := range 500 {
				ctx, cancel := context.WithCancel(t.Context())
				if (n+i)%3 == 0 {
					go cancel()
				}
				if n%2 == 0 || l.again(o) != nil {
					if l.wait(ctx, o) != nil {
						cancel()
						continue
					}
				}
				for now := out.Add(1); now > most.Load(); {
					most.Store(now)
				}
				runtime.Gosched()
				out.Add(-1)
				l.remove(o)
				l.remove(o) // once more does nothing
				cancel()
			}
		})
	}
	all.Wait()
	if s := c.Sessions(); s.InUse != 0 || s.Waiting != 0 || most.Load() > limit {
		t.Errorf("in use %d, waiting %d, want none; %d were in use at a time, want %d at most", s.InUse, s.Waiting, most.Load(), limit)
	}
}

func TestMaxSessionsMustBePositive(t *testing.T) {
	for _, n := range []int{0, -1} {
		_, _, err := readSettings("test", []Option{WithMaxSessions(n)})
		if want := fmt.Sprintf("WithMaxSessions: %d: limit is at least 1", n); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}
