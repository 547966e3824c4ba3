package weir_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// queue lets n callers ask again and again until the test's end, each for MaxWait.
func queue(t *testing.T, p *weir.Pool[*thing], n int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	t.Cleanup(func() { stop(); all.Wait() })
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				if l, err := p.Acquire(ctx); err == nil {
					time.Sleep(time.Millisecond)
					l.Release()
				}
			}
		})
	}
}

func TestCallersAreServedSoonAfterAServerThatRefusedIsBack(t *testing.T) {
	wrongRole := fmt.Errorf("read only: %w", weir.ErrWrongRole)
	cases := map[string]struct {
		takes time.Duration
		err   error
	}{
		"refused":    {0, errRefused},
		"reset":      {2 * time.Millisecond, errors.New("connection reset by peer")},
		"wrong role": {30 * time.Millisecond, wrongRole},
	}
	for name, c := range cases {
		for _, away := range []time.Duration{200 * time.Millisecond, 5 * time.Second, time.Minute} {
			t.Run(fmt.Sprintf("%s for %v", name, away), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := &maker{openTakes: c.takes}
					m.failOpens(c.err)
					p := newPool(t, m, weir.WithMaxOpen(16))
					queue(t, p, 40)
					time.Sleep(away)
					tries := len(m.started())
					m.failOpens(nil)
					back := time.Now()
					served(t, ask(t.Context(), p)).lease.Release()
					wantTook(t, time.Since(back), 0, 100*time.Millisecond+2*c.takes)
					// 16 at first, 8 while the pauses grow, then one in 50 to 100 ms.
					if most := 24 + int(away/(50*time.Millisecond+c.takes)); tries > most {
						t.Errorf("%d opens in %v, want %d at most", tries, away, most)
					}
				})
			})
		}
	}
}

func TestPausesAfterRefusalsDoubleToAHundredMilliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		m.failOpens(errRefused)
		p := newPool(t, m, weir.WithMaxOpen(1), weir.WithMaxWait(10*time.Second))
		queue(t, p, 3)
		time.Sleep(time.Second)
		starts := m.started()
		if len(starts) < 12 {
			t.Fatalf("%d opens in a second", len(starts))
		}
		pause, same := 5*time.Millisecond, 0
		for i := 1; i < len(starts); i++ {
			got := starts[i].Sub(starts[i-1])
			wantTook(t, got, pause/2, pause)
			if got == pause || got == pause/2 {
				same++
			}
			pause = min(2*pause, 100*time.Millisecond)
		}
		if same > 3 {
			t.Errorf("%d of %d pauses were not jittered", same, len(starts)-1)
		}
		if m.most() != 1 {
			t.Errorf("%d opens ran at a time, want 1", m.most())
		}
	})
}

// What takes long to fail, or will not get better by itself, is not tried more often than before.
func TestOtherFailuresKeepTheLongPause(t *testing.T) {
	cases := map[string]struct {
		takes time.Duration
		err   error
	}{
		"fails slowly":   {300 * time.Millisecond, errRefused},
		"wrong password": {0, fmt.Errorf("access denied: %w", weir.ErrPermanent)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{openTakes: c.takes}
				m.failOpens(c.err)
				p := newPool(t, m, weir.WithMaxOpen(1))
				queue(t, p, 3)
				time.Sleep(20 * time.Second)
				starts := m.started()
				last := starts[len(starts)-1].Sub(starts[len(starts)-2])
				if want := c.takes + 250*time.Millisecond; last != want {
					t.Errorf("the last open began %v after the one before, want %v", last, want)
				}
			})
		})
	}
}
