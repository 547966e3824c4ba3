package weir_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// longUses counts the uses that are in buckets for more than 10 ms, the finest bound below 20.
func longUses(h weir.Histogram) (n uint64) {
	for i, bound := range weir.HistogramBounds() {
		if bound >= 10*time.Millisecond {
			n += h.Buckets[i+1]
		}
	}
	return n
}

// Whatever lies between them, each long use is counted once, and no short one counts as long.
func TestEachLongUseIsCountedByItself(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dice := rand.New(rand.NewPCG(seed, 58))
				p := newPool(t, &maker{}, weir.WithMaxOpen(50), weir.WithMaxWait(time.Minute), weir.WithoutCheck(weir.OnAcquire))
				var long, all uint64
				var sum time.Duration
				var slow sync.WaitGroup
				for range 20_000 {
					l := hold(t, p)
					all++
					switch dice.IntN(400) {
					case 0:
						long++
						took := 20*time.Millisecond + time.Duration(dice.Int64N(int64(2*time.Second)))
						sum += took
						slow.Go(func() {
							time.Sleep(took)
							l.Release()
						})
					case 1, 2, 3:
						time.Sleep(time.Duration(dice.Int64N(int64(4 * time.Millisecond))))
						l.Release()
					default:
						l.Release()
					}
				}
				slow.Wait()
				s := p.Stats()
				if got := longUses(s.Use); got != long {
					t.Errorf("%d long uses counted, of %d: %v", got, long, s.Use.Buckets)
				}
				if s.Use.Count > all || s.Use.Count+200 < all {
					t.Errorf("%d uses counted, of %d", s.Use.Count, all)
				}
				least, most := sum-time.Duration(long)*5*time.Millisecond, sum+time.Duration(long)*5*time.Millisecond+4*time.Second
				if s.Use.Sum < least || s.Use.Sum > most {
					t.Errorf("all uses took %v, the long ones %v of it", s.Use.Sum, sum)
				}
			})
		})
	}
}

// A lease that is taken back by force was out for long, too.
func TestUseThatEndsByForceIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(2), weir.WithLeakThreshold(time.Second), weir.WithReclaimAfter(2*time.Second))
		hold(t, p).Release()
		hold(t, p)
		time.Sleep(5 * time.Second)
		if s := p.Stats(); s.Retired[weir.RetiredLeaked] != 1 || longUses(s.Use) != 1 {
			t.Errorf("%d leases taken back, %d long uses counted, want 1 of each", s.Retired[weir.RetiredLeaked], longUses(s.Use))
		}
	})
}
