package weir_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// FuzzHistory reads a history of calls, faults and operations from bytes, audits the books after each step and judges what
// callers saw.
func FuzzHistory(f *testing.F) {
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, history []byte) {
		synctest.Test(t, func(t *testing.T) {
			playHistory(t, &dice{bytes: history}, 2*stepsEach)
		})
	})
}

// FuzzOptions gives options any values: the pool refuses them with an error, or works within what it says its settings are.
func FuzzOptions(f *testing.F) {
	f.Add("pool", 10, 0, int64(time.Second), int64(time.Minute), int64(time.Hour), uint8(0), uint64(0))
	f.Fuzz(func(t *testing.T, name string, a, b int, x, y, z int64, m uint8, which uint64) {
		opts := someOptions(name, a, b, time.Duration(x), time.Duration(y), time.Duration(z), weir.Moment(m), which)
		s, err := weir.ReadSettings(opts...)
		if err != nil {
			if p, again := weir.New(t.Context(), (&maker{}).factory(), opts...); again == nil {
				t.Errorf("ReadSettings refuses what New takes: %v, %v", err, p.Settings())
			}
			return
		}
		judgeSettings(t, s)
		if s.MinIdle > 100 {
			return // New would open them all
		}
		synctest.Test(t, func(t *testing.T) { useOnce(t, opts) })
	})
}

func someOptions(name string, a, b int, x, y, z time.Duration, m weir.Moment, which uint64) []weir.Option {
	all := []weir.Option{
		weir.WithName(name), weir.WithMaxOpen(a), weir.WithMinIdle(b), weir.WithMaxWait(x), weir.WithMaxWaiters(b),
		weir.WithOpenTimeout(y), weir.WithMaxOpening(b), weir.WithOpenBackoff(x, y), weir.WithFailFast(), weir.WithStrictMaxOpen(),
		weir.WithStartWait(z), weir.WithStartBackground(), weir.WithoutCheck(m), weir.WithCheckTimeout(m, x), weir.WithCheckWindow(z),
		weir.WithCheckIdleEvery(y), weir.WithMaxLifetime(y), weir.WithMaxLifetimeJitter(x), weir.WithIdleTimeout(z),
		weir.WithSweepEvery(x), weir.WithCloseTimeout(z), weir.WithLeakThreshold(x), weir.WithReclaimAfter(y), nil,
		weir.WithObserver(nil), weir.WithLogger(nil),
	}
	opts := []weir.Option{quiet()}
	for i, o := range all {
		if which>>i&1 == 1 {
			opts = append(opts, o)
		}
	}
	return opts
}

func judgeSettings(t *testing.T, s weir.Settings) {
	t.Helper()
	for _, d := range []time.Duration{s.MaxWait, s.OpenTimeout, s.CheckIdleEvery, s.MaxLifetime, s.IdleTimeout, s.SweepEvery} {
		if d <= 0 {
			t.Errorf("a limit of %v: %+v", d, s)
		}
	}
	ok := s.Name != "" && s.MaxOpen >= 1 && s.MinIdle >= 0 && s.MinIdle <= s.MaxOpen && s.MaxOpening >= 1 && s.CheckWindow >= 0 &&
		s.MaxLifetimeJitter >= 0 && s.MaxLifetimeJitter < s.MaxLifetime && s.Logger != nil
	if !ok {
		t.Errorf("settings out of their limits: %+v", s)
	}
}

// useOnce takes a pool from start to end. A background start or a very short limit may leave the caller without a lease.
func useOnce(t *testing.T, opts []weir.Option) {
	m := &maker{}
	p, err := weir.New(t.Context(), m.factory(), opts...)
	if err != nil {
		return // time ran out, as StartWait says
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if lease, err := p.Acquire(ctx); err == nil {
		lease.Release()
	}
	audit(t, p)
	closeAndAudit(t, p, m)
}
