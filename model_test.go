package weir_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/puddle/v2"

	"github.com/weirpool/weir"
)

var (
	histories = flag.Int("weir.histories", 300, "how many random histories each test of the model runs")
	fromSeed  = flag.Uint64("weir.seed", 0, "the seed of the first history; 0 takes a random one")
)

const stepsEach = 60

// eachHistory runs one subtest's worth of histories and names the seed of the one that failed.
func eachHistory(t *testing.T, run func(t *testing.T, d *dice) (steps int)) {
	t.Helper()
	first := *fromSeed
	if first == 0 {
		first = rand.Uint64()
	}
	steps, done := 0, 0
	for seed := first; done < *histories && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("repeat with -run '^%s$' -weir.histories 1 -weir.seed %d", t.Name(), seed)
				}
			}()
			steps += run(t, &dice{rng: rand.New(rand.NewPCG(seed, 0))})
		})
		done++
	}
	t.Logf("%d histories, %d steps, first seed %d", done, steps, first)
}

// A dice makes the choices of a history: at random, or from the bytes a fuzzer found.
type dice struct {
	rng   *rand.Rand
	bytes []byte
}

// roll returns a number below n, and zeros when the bytes have run out.
func (d *dice) roll(n int) int {
	if d.rng != nil {
		return d.rng.IntN(n)
	}
	if len(d.bytes) == 0 {
		return 0
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return int(b) % n
}

func (d *dice) over() bool { return d.rng == nil && len(d.bytes) == 0 }

// A subject is a pool that a history drives: weir, or puddle as the oracle. Resources are numbers in the order in which
// they were made. Both are told the same; what they say is compared after each step.
type subject interface {
	acquire(ctx context.Context) (id int, err error)
	tryAcquire() (id int, ok bool)
	release(id int)
	destroy(id int)
	evictAll()
	close()      // returns when the pool is closed
	held() []int // what is lent, in order
	gauges() gauges
	audit() error
}

type gauges struct{ Total, Idle, InUse, Opening int }

// A workshop makes the numbers, and counts.
type workshop struct {
	Opens, Made, Unmade int

	mu   sync.Mutex // guards all fields
	fail bool
}

func (w *workshop) unmake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Unmade++
}

func (w *workshop) failing(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = yes
}

func (w *workshop) make(context.Context) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Opens++
	if w.fail {
		return 0, errRefused
	}
	w.Made++
	return w.Made, nil
}

type weirSubject struct {
	t      *testing.T
	pool   *weir.Pool[int]
	leases map[int]weir.Lease[int]
}

func newWeirSubject(t *testing.T, w *workshop, maxOpen int) *weirSubject {
	f := weir.Factory[int]{Open: w.make, Close: func(int) error { w.unmake(); return nil }}
	p, err := weir.New(t.Context(), f, quiet(), weir.WithMaxOpen(maxOpen), weir.WithMaxWait(weir.NoLimit),
		weir.WithMaxLifetime(weir.NoLimit), weir.WithIdleTimeout(weir.NoLimit))
	if err != nil {
		t.Fatal(err)
	}
	return &weirSubject{t: t, pool: p, leases: map[int]weir.Lease[int]{}}
}

func (s *weirSubject) acquire(ctx context.Context) (int, error) {
	lease, err := s.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	s.leases[lease.Value()] = lease
	return lease.Value(), nil
}

func (s *weirSubject) tryAcquire() (int, bool) {
	lease, ok := s.pool.TryAcquire()
	if !ok {
		return 0, false
	}
	s.leases[lease.Value()] = lease
	return lease.Value(), true
}

func (s *weirSubject) release(id int) { take(s.leases, id).Release() }
func (s *weirSubject) destroy(id int) { take(s.leases, id).Discard() }
func (s *weirSubject) evictAll()      { s.pool.EvictAll() }
func (s *weirSubject) held() []int    { return slices.Sorted(maps.Keys(s.leases)) }
func (s *weirSubject) audit() error   { return weir.AuditSettled(s.pool) }

func (s *weirSubject) close() {
	if err := s.pool.Close(context.Background()); err != nil {
		s.t.Error(err)
	}
}

func (s *weirSubject) gauges() gauges {
	g := s.pool.Stats()
	return gauges{Total: g.Open + g.Opening, Idle: g.Idle, InUse: g.InUse, Opening: g.Opening}
}

type puddleSubject struct {
	pool  *puddle.Pool[int]
	taken map[int]*puddle.Resource[int]
}

func newPuddleSubject(t *testing.T, w *workshop, maxOpen int) *puddleSubject {
	p, err := puddle.NewPool(&puddle.Config[int]{Constructor: w.make, Destructor: func(int) { w.unmake() }, MaxSize: int32(maxOpen)})
	if err != nil {
		t.Fatal(err)
	}
	return &puddleSubject{pool: p, taken: map[int]*puddle.Resource[int]{}}
}

func (s *puddleSubject) acquire(ctx context.Context) (int, error) {
	r, err := s.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	s.taken[r.Value()] = r
	return r.Value(), nil
}

func (s *puddleSubject) tryAcquire() (int, bool) {
	r, err := s.pool.TryAcquire(context.Background())
	if err != nil {
		return 0, false
	}
	s.taken[r.Value()] = r
	return r.Value(), true
}

func (s *puddleSubject) release(id int) { take(s.taken, id).Release() }
func (s *puddleSubject) destroy(id int) { take(s.taken, id).Destroy() }
func (s *puddleSubject) evictAll()      { s.pool.Reset() }
func (s *puddleSubject) held() []int    { return slices.Sorted(maps.Keys(s.taken)) }
func (s *puddleSubject) close()         { s.pool.Close() }
func (s *puddleSubject) audit() error   { return nil }

func (s *puddleSubject) gauges() gauges {
	g := s.pool.Stat()
	return gauges{int(g.TotalResources()), int(g.IdleResources()), int(g.AcquiredResources()), int(g.ConstructingResources())}
}

func take[V any](m map[int]V, id int) V {
	v := m[id]
	delete(m, id)
	return v
}

// An outcome is what became of one call of acquire, in words both pools share.
type outcome struct {
	ID      int
	Waiting bool
	Failed  string
}

func outcomeOf(id int, err error) outcome {
	switch {
	case err == nil:
		return outcome{ID: id}
	case errors.Is(err, errRefused):
		return outcome{Failed: "open failed"}
	case errors.Is(err, context.DeadlineExceeded):
		return outcome{Failed: "deadline"}
	case errors.Is(err, context.Canceled):
		return outcome{Failed: "canceled"}
	case errors.Is(err, weir.ErrClosed), errors.Is(err, puddle.ErrClosedPool):
		return outcome{Failed: "closed"}
	}
	return outcome{Failed: err.Error()}
}

// A stage is one subject with everything that can be seen of it. Only its exported fields are compared.
type stage struct {
	Calls  map[int]*outcome // those whose end has not been compared
	Tries  []int            // what TryAcquire brought in this step
	Closed bool             // Close has returned
	Shop   *workshop
	Held   []int
	Gauges gauges

	subject subject
	calls   int // so far
	cancels map[int]context.CancelFunc
}

// call starts an acquire.
func (g *stage) call(ctx context.Context, cancel context.CancelFunc) {
	o := &outcome{Waiting: true}
	g.calls++
	g.Calls[g.calls], g.cancels[g.calls] = o, cancel
	go func() {
		*o = outcomeOf(g.subject.acquire(ctx))
		cancel()
	}()
}

// see settles the pool and takes its picture.
func (g *stage) see(t *testing.T) {
	t.Helper()
	synctest.Wait()
	g.Held, g.Gauges = g.subject.held(), g.subject.gauges()
	if err := g.subject.audit(); err != nil {
		t.Fatal(err)
	}
}

// waiting lists the calls that wait, oldest first.
func (g *stage) waiting() []int {
	return slices.Sorted(maps.Keys(g.Calls))
}

// forget drops what has been compared.
func (g *stage) forget() {
	g.Tries = nil
	maps.DeleteFunc(g.Calls, func(_ int, o *outcome) bool { return !o.Waiting })
}

// TestHistoriesAgreeWithPuddle drives weir and puddle through the same histories. The oracle is not asked where the
// promises differ:
//   - how an open that fails is retried: here each caller gives up before a second attempt, which puddle never makes;
//   - callers who wait while the pool is closed, or come while it closes under leases: puddle does not wake them;
//   - a second end of a lease: in puddle it makes two owners or panics;
//   - destructors and constructors that take time: puddle keeps the place meanwhile, and binds the caller to its own open;
//   - wait limits, checks, ages, pauses and sizes that change: puddle has none.
func TestHistoriesAgreeWithPuddle(t *testing.T) {
	eachHistory(t, func(t *testing.T, d *dice) int {
		h := newDuel(t, 1+d.roll(5))
		for h.steps < stepsEach && !h.closing {
			h.step(d)
			h.compare()
		}
		h.finish()
		return h.steps
	})
}

// A duel is one history played on both stages.
type duel struct {
	t       *testing.T
	stages  [2]*stage
	closing bool
	steps   int
	log     []string
}

func newDuel(t *testing.T, maxOpen int) *duel {
	h := &duel{t: t}
	for i := range h.stages {
		h.stages[i] = &stage{Shop: &workshop{}, Calls: map[int]*outcome{}, cancels: map[int]context.CancelFunc{}}
	}
	h.stages[0].subject = newWeirSubject(t, h.stages[0].Shop, maxOpen)
	h.stages[1].subject = newPuddleSubject(t, h.stages[1].Shop, maxOpen)
	t.Cleanup(func() { // after a failure something may be out
		for _, g := range h.stages {
			for _, id := range g.subject.held() {
				g.subject.release(id)
			}
			g.subject.close()
		}
	})
	time.Sleep(offBeat)
	return h
}

// both lets each pool do something, one after the other.
func (h *duel) both(what string, do func(g *stage)) {
	h.t.Helper()
	h.log = append(h.log, what)
	for _, g := range h.stages {
		do(g)
		g.see(h.t)
	}
}

func (h *duel) step(d *dice) {
	h.steps++
	waiting := h.stages[0].waiting()
	switch d.roll(20) {
	case 0, 1, 2, 3, 4:
		h.both("acquire", func(g *stage) { g.call(context.WithCancel(h.t.Context())) })
	case 5:
		h.both("acquire with a deadline that has passed", func(g *stage) { g.call(context.WithTimeout(h.t.Context(), 0)) })
	case 6:
		h.both("acquire for 1 ms", func(g *stage) {
			g.call(context.WithTimeout(h.t.Context(), time.Millisecond))
			time.Sleep(2 * time.Millisecond)
		})
	case 7, 8:
		h.both("try", func(g *stage) { h.try(g) })
	case 9, 10, 11, 12:
		h.giveBack(d, "release", subject.release)
	case 13, 14:
		h.giveBack(d, "destroy", subject.destroy)
	case 15:
		h.both("evict all", func(g *stage) { g.subject.evictAll() })
	case 16, 17:
		if len(waiting) > 0 {
			n := waiting[d.roll(len(waiting))]
			h.both(fmt.Sprint("cancel call ", n), func(g *stage) { g.cancels[n]() })
		}
	case 18:
		h.failingOpen(waiting)
	case 19:
		if d.roll(10) == 0 {
			h.close(waiting)
		}
	}
}

func (h *duel) try(g *stage) {
	id, ok := g.subject.tryAcquire()
	if !ok {
		id = 0
	}
	g.Tries = append(g.Tries, id)
}

func (h *duel) giveBack(d *dice, what string, end func(subject, int)) {
	held := h.stages[0].Held
	if len(held) == 0 {
		return
	}
	id := held[d.roll(len(held))]
	h.both(fmt.Sprint(what, " ", id), func(g *stage) { end(g.subject, id) })
}

// failingOpen lets one caller meet an open that fails, and both pools forget about it. Who waits already would be served
// by a later open of weir's.
func (h *duel) failingOpen(waiting []int) {
	if len(waiting) > 0 {
		return
	}
	h.both("acquire while opening fails", func(g *stage) {
		g.Shop.failing(true)
		g.call(context.WithTimeout(h.t.Context(), time.Millisecond))
		time.Sleep(2 * time.Millisecond)
		g.Shop.failing(false)
		time.Sleep(10 * time.Second) // weir's longest back-off is 5 s
	})
}

func (h *duel) close(waiting []int) {
	for _, n := range waiting {
		h.both(fmt.Sprint("cancel call ", n), func(g *stage) { g.cancels[n]() })
	}
	h.closing = true
	h.both("close", func(g *stage) {
		go func() {
			g.subject.close()
			g.Closed = true
		}()
	})
}

// compare compares everything that can be seen.
func (h *duel) compare() {
	h.t.Helper()
	exported := cmpopts.IgnoreUnexported(stage{}, workshop{})
	if diff := cmp.Diff(h.stages[1], h.stages[0], exported); diff != "" {
		h.t.Fatalf("step %d: puddle (-) and weir (+) differ:\n%s\nafter %q", h.steps, diff, h.log)
	}
	for _, g := range h.stages {
		g.forget()
	}
}

// finish closes both pools under their leases and gives these back.
func (h *duel) finish() {
	if !h.closing {
		h.close(h.stages[0].waiting())
		h.compare()
	}
	for len(h.stages[0].Held) > 0 {
		h.giveBack(&dice{}, "release", subject.release)
		h.compare()
	}
	h.both("acquire from a closed pool", func(g *stage) { g.call(context.WithCancel(h.t.Context())) })
	h.both("try a closed pool", func(g *stage) { h.try(g) })
	h.compare()
	if g := h.stages[0]; !g.Closed || g.Shop.Made != g.Shop.Unmade {
		h.t.Fatalf("closed %t, made %d, unmade %d, after %q", g.Closed, g.Shop.Made, g.Shop.Unmade, h.log)
	}
}
