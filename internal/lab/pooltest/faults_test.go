package pooltest_test

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"testing"
	"time"
)

// rage breaks something every now and then, for d, and restarts the server once in the middle. It returns how often.
func (s *storm) rage(ctx context.Context, t *testing.T, d time.Duration) int {
	t.Helper()
	faults := []func(context.Context) error{
		s.kill, s.reset, s.blackHole, s.stall, s.latency, s.flip, s.resize, s.evictAll, s.evictSome, s.pause, s.freeze, s.rest, s.rest, s.rest,
	}
	begun, restarted, n := time.Now(), false, 0
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for time.Since(begun) < d {
		n++
		if !restarted && time.Since(begun) > d/2 {
			restarted = true
			must(t, s.srv.Restart(ctx))
			continue
		}
		must(t, faults[rand.N(len(faults))](ctx))
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal(context.Cause(ctx))
		}
	}
	return n
}

// heal ends whatever is broken.
func (s *storm) heal(ctx context.Context, t *testing.T) {
	t.Helper()
	must(t, s.srv.SetReadOnly(ctx, false))
	s.pool.Resume()
	must(t, s.pool.Resize(2, 16))
}

// forAMoment keeps a fault up for at most 300 ms.
func forAMoment(ctx context.Context) {
	moment := time.NewTimer(20*time.Millisecond + rand.N(280*time.Millisecond))
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-ctx.Done():
	}
}

func (s *storm) kill(ctx context.Context) error {
	_, err := s.srv.KillConnections(ctx, "app")
	return err
}

func (s *storm) reset(context.Context) error {
	s.proxy.ResetAll()
	return nil
}

func (s *storm) blackHole(ctx context.Context) error {
	s.proxy.BlackHole(true)
	defer s.proxy.BlackHole(false)
	forAMoment(ctx)
	return nil
}

func (s *storm) stall(ctx context.Context) error {
	s.proxy.Stall(true)
	defer s.proxy.Stall(false)
	forAMoment(ctx)
	return nil
}

func (s *storm) latency(ctx context.Context) error {
	s.proxy.SetLatency(rand.N(20 * time.Millisecond))
	defer s.proxy.SetLatency(0)
	forAMoment(ctx)
	return nil
}

func (s *storm) flip(ctx context.Context) error {
	if err := s.srv.SetReadOnly(ctx, true); err != nil {
		return err
	}
	forAMoment(ctx)
	return s.srv.SetReadOnly(ctx, false)
}

func (s *storm) resize(context.Context) error {
	maxOpen := 1 + rand.N(16)
	return s.pool.Resize(rand.N(maxOpen+1), maxOpen)
}

func (s *storm) evictAll(context.Context) error {
	s.pool.EvictAll()
	return nil
}

func (s *storm) evictSome(context.Context) error {
	s.pool.Evict(func(*sql.Conn) bool { return rand.N(2) == 0 })
	return nil
}

func (s *storm) pause(ctx context.Context) error {
	s.pool.Pause()
	defer s.pool.Resume()
	forAMoment(ctx)
	return nil
}

// rest leaves the pool without callers, so that it looks after what is idle.
func (s *storm) rest(ctx context.Context) error {
	s.lull.Lock()
	defer s.lull.Unlock()
	forAMoment(ctx)
	return nil
}

func (s *storm) freeze(ctx context.Context) error {
	if err := s.srv.Pause(ctx); err != nil {
		return err
	}
	forAMoment(ctx)
	return s.srv.Continue()
}
