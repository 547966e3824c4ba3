package weir_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// TestHistoriesKeepThePromises drives weir alone through random histories with everything it has: waiters, opens that
// fail, hang or panic, checks that fail or hang, roles, pauses, sizes, evictions, time and Close. After each step the books
// are audited and what callers saw is judged.
func TestHistoriesKeepThePromises(t *testing.T) {
	eachHistory(t, func(t *testing.T, d *dice) int {
		return playHistory(t, d, stepsEach)
	})
}

func playHistory(t *testing.T, d *dice, most int) (steps int) {
	w := newWorld(t, d)
	for w.steps < most && !w.closing && !d.over() && !t.Failed() {
		w.step(d)
		w.judge()
	}
	w.finish()
	return w.steps
}

// conf is what a world's pool was made with, as far as it matters to a judge.
type conf struct {
	maxWait, lifetime, reclaim time.Duration
	maxOpen                    int
	maxWaiters                 int
	failFast, strict, probe    bool
}

// A world is a pool with all its callers.
type world struct {
	t    *testing.T
	pool *weir.Pool[*part]
	mill *mill
	conf conf

	calls     []*call
	leases    []*possession
	tried     int // leases by TryAcquire and Again
	failed    map[weir.Limit]int
	misuses   int
	paused    bool
	closing   bool
	closed    chan error
	mark      int // parts whose opening began before this are evicted
	turn      int // parts that may be older than the present generation
	gen       uint64
	total     int // resources at the step before
	begun     int // opens at the step before
	justMoved bool
	hung      bool // something has hung: a strict limit holds no more
	steps     int
	log       []string
}

func pick[V any](d *dice, from ...V) V { return from[d.roll(len(from))] }

func newWorld(t *testing.T, d *dice) *world {
	const ms = time.Millisecond
	c := conf{
		maxWait:    pick(d, 5*ms, 50*ms, time.Second),
		lifetime:   pick(d, weir.NoLimit, weir.NoLimit, time.Second, 200*ms),
		maxOpen:    1 + d.roll(6),
		maxWaiters: pick(d, -1, -1, 0, 1, 3),
		failFast:   d.roll(4) == 0,
		strict:     d.roll(4) == 0,
		probe:      d.roll(4) == 0,
	}
	opts := []weir.Option{
		quiet(), weir.WithMaxOpen(c.maxOpen), weir.WithMinIdle(d.roll(c.maxOpen + 1)), weir.WithMaxWait(c.maxWait),
		weir.WithMaxLifetime(c.lifetime), weir.WithIdleTimeout(pick(d, 100*ms, weir.NoLimit)), weir.WithSweepEvery(pick(d, 10*ms, 100*ms, time.Second)),
		weir.WithCheckWindow(pick(d, 0, 20*ms, 500*ms)), weir.WithCheckIdleEvery(pick(d, 30*ms, time.Second)),
		weir.WithOpenTimeout(100 * ms), weir.WithCloseTimeout(50 * ms), weir.WithMaxOpening(1 + d.roll(c.maxOpen)),
		weir.WithCheckTimeout(weir.OnAcquire, 30*ms), weir.WithCheckTimeout(weir.WhileIdle, 40*ms),
	}
	if c.maxWaiters >= 0 {
		opts = append(opts, weir.WithMaxWaiters(c.maxWaiters))
	}
	if c.failFast {
		opts = append(opts, weir.WithFailFast())
	}
	if c.strict {
		opts = append(opts, weir.WithStrictMaxOpen())
	}
	switch d.roll(4) {
	case 0:
		c.reclaim = 300 * ms
		opts = append(opts, weir.WithLeakThreshold(100*ms), weir.WithReclaimAfter(c.reclaim))
	case 1:
		opts = append(opts, weir.WithLeakThreshold(100*ms))
	}
	w := &world{t: t, mill: newMill(t), conf: c, failed: map[weir.Limit]int{}, closed: make(chan error, 1)}
	if c.reclaim > 0 {
		w.mill.expectForce()
	}
	p, err := weir.New(t.Context(), w.mill.factory(c.probe), opts...)
	if err != nil {
		t.Fatal(err)
	}
	w.pool = p
	t.Cleanup(w.leave)
	time.Sleep(offBeat)
	return w
}

// leave ends what a failed history left behind, so that the bubble can end.
func (w *world) leave() {
	w.mill.expectForce()
	w.mill.set(faults{})
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	w.pool.Close(ctx)
	if w.t.Failed() {
		w.t.Logf("config %+v\nhistory %q", w.conf, w.log)
	}
}

func (w *world) did(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) step(d *dice) {
	w.steps++
	switch d.roll(26) {
	case 0, 1, 2, 3:
		w.acquire(0)
	case 4: // one behind the other, and nobody looks meanwhile
		for range 4 {
			w.acquire(0)
			synctest.Wait()
		}
	case 5, 6:
		w.acquire(time.Duration(1+d.roll(40)) * time.Millisecond)
	case 7:
		w.acquire(w.conf.maxWait) // both limits at the same moment
	case 8, 9:
		w.try()
	case 10, 11, 12, 13:
		w.giveBack(d, "release", true, weir.Lease[*part].Release)
	case 14:
		w.giveBack(d, "discard", false, weir.Lease[*part].Discard)
	case 15:
		w.demote(d)
	case 16:
		w.endAgain(d)
	case 17:
		w.cancel(d)
	case 18, 19:
		d := pick(d, 1, 3, 7, 20, 60, 250)
		w.did("%d ms pass", d)
		time.Sleep(time.Duration(d) * time.Millisecond)
	default:
		w.operate(d)
	}
}

// operate is what operators and servers do.
func (w *world) operate(d *dice) {
	w.justMoved = true
	switch d.roll(12) {
	case 0, 1, 2, 3, 4:
		w.fault(d)
	case 5, 6:
		w.paused = !w.paused
		w.did("paused %t", w.paused)
		if w.paused {
			w.pool.Pause()
		} else {
			w.pool.Resume()
		}
	case 7, 8:
		w.resize(d)
	case 9:
		w.evict(d)
	case 10:
		w.did("evict all")
		w.mark, _ = w.mill.seen()
		w.pool.EvictAll()
	case 11:
		if d.roll(4) == 0 {
			w.close(pick(d, 0, 0, 20*time.Millisecond))
		}
	}
}

func (w *world) acquire(limit time.Duration) {
	c := &call{n: len(w.calls) + 1, began: time.Now(), limit: limit, told: make(chan result, 1)}
	w.did("call %d, limit %v", c.n, limit)
	var ctx context.Context
	if ctx, c.cancel = context.WithCancel(w.t.Context()); limit > 0 {
		ctx, c.cancel = context.WithTimeout(w.t.Context(), limit)
	}
	w.calls = append(w.calls, c)
	go c.run(ctx, w)
}

func (w *world) try() {
	waiting := len(w.waiting())
	lease, ok := w.pool.TryAcquire()
	w.did("try: %t", ok)
	if !ok {
		return
	}
	w.took("TryAcquire", lease, waiting)
}

// took books a lease that was given at once, which it must not be while somebody waits.
func (w *world) took(by string, lease weir.Lease[*part], waiting int) *part {
	w.tried++
	n := -w.tried
	pt := w.hold(lease, n)
	if waiting > 0 || w.paused {
		w.t.Errorf("%s was given part %d: %d wait, paused %t", by, pt.n, waiting, w.paused)
	}
	w.leases = append(w.leases, &possession{lease: lease, part: pt, holder: n})
	return pt
}

// again asks for what a lease that has ended had.
func (w *world) again(l *possession) {
	waiting, last := len(w.waiting()), l.part.last.Load()
	lease, ok := l.lease.Again()
	w.did("again for call %d: %t", l.holder, ok)
	if !ok {
		return
	}
	if pt := w.took("Again", lease, waiting); pt != l.part || last != int64(l.holder) {
		w.t.Errorf("Again of call %d was given part %d, used last by %d; it had part %d", l.holder, pt.n, last, l.part.n)
	}
}

// lent picks a lease that is out.
func (w *world) lent(d *dice) *possession {
	var out []*possession
	for _, l := range w.leases {
		if !l.ended {
			out = append(out, l)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return pick(d, out...)
}

func (w *world) giveBack(d *dice, what string, keep bool, end func(weir.Lease[*part])) *part {
	l := w.lent(d)
	if l == nil {
		return nil
	}
	w.did("%s of call %d", what, l.holder)
	l.ended, l.tidy = true, !keep
	if !l.lease.Valid() {
		w.misuses++ // it was reclaimed
		l.tidy = false
		end(l.lease)
		return nil
	}
	pt := l.part
	if !pt.holder.CompareAndSwap(int64(l.holder), 0) {
		w.t.Errorf("part %d: held by call %d, returned by call %d", pt.n, pt.holder.Load(), l.holder)
	}
	end(l.lease)
	return pt
}

func (w *world) demote(d *dice) {
	begun, _ := w.mill.seen()
	before := w.pool.Stats().Generation
	pt := w.giveBack(d, "demotion", false, func(l weir.Lease[*part]) { l.Finish(fmt.Errorf("1290: %w", weir.ErrWrongRole)) })
	moved := w.pool.Stats().Generation != before
	if moved && !w.hung {
		w.mark = begun
	}
	if pt != nil && !moved && pt.n > w.turn {
		w.t.Errorf("demotion of part %d did not move the generation", pt.n)
	}
}

// endAgain ends a lease whose end has come, and reads the books to see that nobody else's changed.
func (w *world) endAgain(d *dice) {
	var ended []*possession
	for _, l := range w.leases {
		if l.ended {
			ended = append(ended, l)
		}
	}
	if len(ended) == 0 {
		return
	}
	l := pick(d, ended...)
	before := w.pool.Stats()
	w.did("second end of call %d", l.holder)
	l.lease.Release()
	after := w.pool.Stats()
	w.misuses += int(after.Misuses - before.Misuses)
	if !l.tidy && after.Misuses == before.Misuses {
		w.t.Errorf("call %d ended its lease twice and was not told", l.holder)
	}
	before.Misuses = after.Misuses
	if before != after {
		w.t.Errorf("a second end changed the books: %+v, before %+v", after, before)
	}
	w.again(l)
}

func (w *world) cancel(d *dice) {
	if waiting := w.waiting(); len(waiting) > 0 {
		c := pick(d, waiting...)
		w.did("cancel call %d", c.n)
		c.canceled = true
		c.cancel()
	}
}

func (w *world) fault(d *dice) {
	const ms = time.Millisecond
	f := faults{
		openTakes:  pick(d, 0, 0, 2*ms, 30*ms, 200*ms),
		checkTakes: pick(d, 0, 0, ms, 10*ms, 100*ms),
		closeTakes: pick(d, 0, 0, 10*ms, 100*ms),
	}
	switch d.roll(14) {
	case 0, 1:
		f.openFails = true
	case 2:
		f.openHangs = true
	case 3:
		f.openPanics = true
	case 4, 5:
		f.checkFails = true
	case 6:
		f.checkHangs = true
	case 7:
		f.wrongRole = true
	case 8:
		f.closeFails = true
	case 9:
		f.closeHangs = true
	}
	if d.roll(3) == 0 {
		for i, l := range w.leases {
			if !l.ended && i%2 == 0 {
				l.part.sick.Store(true)
			}
		}
	}
	w.hung = w.hung || f.openHangs || f.closeHangs || f.closeTakes > 50*ms || f.openTakes > 100*ms
	w.did("faults %+v", f)
	w.mill.set(f)
}

func (w *world) resize(d *dice) {
	most := 1 + d.roll(8)
	least := d.roll(most + 1)
	w.did("resize to %d, %d", least, most)
	w.conf.maxOpen = most
	if err := w.pool.Resize(least, most); err != nil {
		w.t.Error(err)
	}
}

// evict takes out every other part. Those that are lent stay with their holders until they come back.
func (w *world) evict(d *dice) {
	odd := d.roll(2)
	w.did("evict those that leave %d", odd)
	before := w.pool.Stats()
	n := w.pool.Evict(func(pt *part) bool {
		if pt.n%2 == odd {
			pt.doomed.Store(true)
			return true
		}
		return false
	})
	if n > before.Open {
		w.t.Errorf("evicted %d of %d", n, before.Open)
	}
}

func (w *world) close(limit time.Duration) {
	w.closing = true
	w.did("close, limit %v", limit)
	ctx, cancel := context.WithCancel(context.Background())
	if limit > 0 {
		w.mill.expectForce()
		ctx, cancel = context.WithTimeout(ctx, limit)
	}
	go func() {
		defer cancel()
		w.closed <- w.pool.Close(ctx)
	}()
}

// finish heals the world, sees that the pool works again, and closes it.
func (w *world) finish() {
	w.did("heal")
	w.mill.set(faults{})
	if w.t.Failed() {
		return // leave ends it
	}
	if !w.closing {
		w.recover()
		w.close(0)
	}
	time.Sleep(time.Second)
	w.judge()
	for w.lent(&dice{}) != nil {
		w.giveBack(&dice{}, "release", true, weir.Lease[*part].Release)
	}
	select {
	case err := <-w.closed:
		w.checkEnd(err)
	case <-time.After(time.Minute):
		w.t.Errorf("Close does not return: %+v", w.pool.Stats())
	}
}

// recover sees that a healed pool lends everything it may, to callers who come in turn.
func (w *world) recover() {
	w.paused = false
	w.pool.Resume()
	time.Sleep(20 * time.Second) // the longest back-off, the ends of all waits and of what hung
	w.judge()
	for w.lent(&dice{}) != nil {
		w.giveBack(&dice{}, "release", true, weir.Lease[*part].Release)
	}
	time.Sleep(time.Second)
	_, parts := w.mill.seen()
	for _, pt := range parts {
		pt.sick.Store(false)
	}
	for range w.conf.maxOpen {
		err := w.ask()
		if err != nil { // the governor may count on returns that do not come, but who leaves prepares for the next
			err = w.ask()
		}
		if err != nil {
			w.t.Errorf("a healed pool: %v", err)
		}
	}
}

func (w *world) ask() error {
	w.acquire(0)
	w.judge()
	c := w.calls[len(w.calls)-1]
	for !c.ended && !w.t.Failed() {
		time.Sleep(time.Millisecond)
		w.judge()
	}
	return c.err
}

func (w *world) checkEnd(err error) {
	var forced *weir.CloseError
	if err != nil && (!errors.As(err, &forced) || forced.Forced+forced.Running == 0) {
		w.t.Errorf("close: %v", err)
	}
	time.Sleep(time.Second) // for calls that Close did not wait for
	synctest.Wait()
	if err := weir.AuditSettled(w.pool); err != nil {
		w.t.Error(err)
	}
	if s := w.pool.Stats(); s.Open+s.Opening+s.Waiting != 0 || !s.Closed {
		w.t.Errorf("after Close: %+v", s)
	}
	_, parts := w.mill.seen()
	for _, pt := range parts {
		if n := pt.closed.Load(); n != 1 {
			w.t.Errorf("part %d: closed %d times, want once", pt.n, n)
		}
	}
}
