package pooltest_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// A storm is many callers that use a pool in every way while its server and the way to it are being broken.
type storm struct {
	pool  *mysqlpool.Pool
	srv   *lab.Server
	proxy *lab.Proxy
	calm  chan struct{} // closed when the trouble is over
	lull  sync.RWMutex  // held through a turn; and, for writing, through a lull

	owners    sync.Map // *sql.Conn to true, while lent
	leases    atomic.Uint64
	good, bad atomic.Uint64
	misuses   atomic.Uint64
	doubles   atomic.Uint64 // connections lent to two callers at a time
	strange   sync.Map      // texts of errors nobody expects
}

func TestChaosLeavesTheBooksBalancedAndNothingBehind(t *testing.T) {
	const callers = 200
	ctx := within(t, *chaosFor+120*time.Second)
	srv := start(t, lab.Config{})
	exec(ctx, t, srv.Admin(), schema)
	proxy, dsn := through(t, srv)
	pool, err := mysqlpool.New(ctx, dsn, quiet([]mysqlpool.Option{
		mysqlpool.WithRole(mysqlpool.Primary), weir.WithMaxOpen(16), weir.WithMinIdle(2), weir.WithMaxWait(400 * time.Millisecond),
		weir.WithOpenTimeout(time.Second), weir.WithCheckWindow(50 * time.Millisecond), weir.WithCheckIdleEvery(60 * time.Millisecond),
		weir.WithMaxLifetime(500 * time.Millisecond), weir.WithIdleTimeout(50 * time.Millisecond), weir.WithSweepEvery(20 * time.Millisecond),
		weir.WithLeakThreshold(time.Minute)})...)
	must(t, err)
	s := &storm{pool: pool, srv: srv, proxy: proxy, calm: make(chan struct{})}
	var all sync.WaitGroup
	for range callers {
		all.Go(func() { s.call(ctx) })
	}
	faults := s.rage(ctx, t, *chaosFor)
	s.heal(ctx, t)
	good := s.good.Load()
	until(ctx, t, "the callers are at work again", func() bool { return s.good.Load() >= good+2*callers })
	close(s.calm)
	all.Wait()

	s.balanced(t)
	closePool(t, pool)
	s.closed(t)
	wantNoGoroutine(ctx, t)
	must(t, proxy.Close()) // it holds the server's ends of what its black holes swallowed
	untilNoConnection(ctx, t, srv)
	st := pool.Stats()
	t.Logf("%d callers, %v, %d faults: %d good turns, %d bad; %d leases, %d opened, %d opens failed, retired %v, checks %v failed %v, %d timeouts, %d canceled, %d double releases",
		callers, *chaosFor, faults, s.good.Load(), s.bad.Load(), s.leases.Load(), st.Opened, st.OpenFails, st.Retired, st.Checks, st.CheckFails, st.Timeouts, st.Canceled, st.Misuses)
}

// call uses the pool in one way after another.
func (s *storm) call(ctx context.Context) {
	ways := []func(context.Context) error{s.do, s.do, s.do, s.hold, s.impatient, s.try, s.discard, s.releaseTwice, s.panics, s.abandoned}
	for {
		select {
		case <-s.calm:
			return
		case <-ctx.Done():
			return
		default:
		}
		s.lull.RLock()
		err := ways[rand.N(len(ways))](ctx)
		s.lull.RUnlock()
		if err != nil {
			s.bad.Add(1)
			s.judge(err)
		} else {
			s.good.Add(1)
		}
	}
}

// judge keeps errors that no fault explains.
func (s *storm) judge(err error) {
	class := mysqlpool.Classify(err)
	switch {
	case errors.Is(err, weir.ErrExhausted), class == mysqlpool.Canceled, class == mysqlpool.Unknown,
		class == mysqlpool.NotSent, class == mysqlpool.ServerDemoted:
	case labtest.Kind() == lab.MySQL && class == mysqlpool.GoingAway: // it says so at its restart; MariaDB hangs up
	default:
		s.strange.Store(err.Error(), true)
	}
}

// own notes that a connection is lent, until the returned function is called.
func (s *storm) own(conn *sql.Conn) (disown func()) {
	s.leases.Add(1)
	if _, lent := s.owners.LoadOrStore(conn, true); lent {
		s.doubles.Add(1)
	}
	return func() { s.owners.Delete(conn) }
}

func (s *storm) use(ctx context.Context, conn *sql.Conn, f func(context.Context, *sql.Conn) error) error {
	defer s.own(conn)()
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	return f(ctx, conn)
}

func insertRow(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "INSERT INTO entries (writer, seq) VALUES (?, ?)", 1, 1)
	return err
}

func shortWork(ctx context.Context, conn *sql.Conn) error {
	return serverWorks(ctx, conn, rand.N(10*time.Millisecond))
}

func (s *storm) do(ctx context.Context) error {
	return s.pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error { return s.use(ctx, conn, insertRow) })
}

func (s *storm) hold(ctx context.Context) error {
	return s.pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error { return s.use(ctx, conn, shortWork) })
}

// impatient waits for a moment only.
func (s *storm) impatient(ctx context.Context) error {
	moment := rand.N(20 * time.Millisecond)
	if rand.N(2) == 0 {
		ctx, cancel := context.WithTimeout(ctx, moment)
		defer cancel()
		return s.do(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(moment, cancel).Stop()
	return s.do(ctx)
}

func (s *storm) try(ctx context.Context) error {
	lease, ok := s.pool.TryAcquire()
	if !ok {
		return s.hold(ctx)
	}
	err := s.use(ctx, lease.Value(), selectOne)
	lease.Finish(err)
	return err
}

func (s *storm) discard(ctx context.Context) error {
	lease, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer lease.Release()
	s.own(lease.Value())()
	if rand.N(4) == 0 {
		lease.Discard()
	}
	return nil
}

func (s *storm) releaseTwice(ctx context.Context) error {
	lease, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	s.own(lease.Value())()
	lease.Release()
	lease.Release()
	s.misuses.Add(1)
	return nil
}

func (s *storm) panics(ctx context.Context) error {
	if rand.N(20) > 0 {
		return s.hold(ctx)
	}
	defer func() { _ = recover() }() // the panic below
	return s.pool.Do(ctx, func(_ context.Context, conn *sql.Conn) error {
		s.own(conn)()
		panic("a caller's bug")
	})
}

// abandoned leaves a statement running on the server.
func (s *storm) abandoned(ctx context.Context) error {
	if rand.N(20) > 0 {
		return s.do(ctx)
	}
	err := s.pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		return s.use(ctx, conn, func(ctx context.Context, conn *sql.Conn) error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
			defer cancel()
			return serverWorks(ctx, conn, 100*time.Millisecond)
		})
	})
	if mysqlpool.Classify(err) == mysqlpool.Canceled {
		return nil
	}
	return err
}

// balanced checks the books when every lease is back.
func (s *storm) balanced(t *testing.T) {
	t.Helper()
	st := s.pool.Stats()
	if st.InUse != 0 || st.Waiting != 0 || st.Open != st.Idle+st.InUse+st.Checking+st.Closing || st.Open-st.Closing+st.Opening > st.MaxOpen {
		t.Errorf("at rest: %+v", st)
	}
	if st.Acquired != s.leases.Load() {
		t.Errorf("%d leases counted, %d were given", st.Acquired, s.leases.Load())
	}
	if st.Misuses != s.misuses.Load() {
		t.Errorf("%d misuses counted, %d were committed", st.Misuses, s.misuses.Load())
	}
	if n := s.doubles.Load(); n > 0 {
		t.Errorf("%d times a connection had two holders", n)
	}
	if st.CloseFails > 0 {
		t.Errorf("%d connections failed to close", st.CloseFails)
	}
	s.strange.Range(func(text, _ any) bool {
		t.Errorf("a caller got %v", text)
		return true
	})
}

// closed checks the books when nothing is open any more.
func (s *storm) closed(t *testing.T) {
	t.Helper()
	st := s.pool.Stats()
	retired := uint64(0)
	for _, n := range st.Retired {
		retired += n
	}
	if st.Opened != retired || st.Open != 0 || st.Opening != 0 {
		t.Errorf("opened %d, retired %d, still open %d, opening %d", st.Opened, retired, st.Open, st.Opening)
	}
}
