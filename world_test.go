package weir_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirpool/weir"
)

// A part is a resource that knows who holds it: a second holder, a check or a close under the holder is noticed at once.
type part struct {
	n      int       // in the order in which opens began
	made   time.Time // when Open returned, or the check on open: what counts as its birth
	proved bool
	holder atomic.Int64 // the call's number, 0 nobody
	last   atomic.Int64 // the last holder, 0 if it was checked since
	closed atomic.Int32
	doomed atomic.Bool // evicted: not to be lent any more
	sick   atomic.Bool // what Probe says
}

// A mill is a factory of parts with faults that a history switches on and off.
type mill struct {
	t *testing.T

	mu      sync.Mutex // guards the fields below
	faults  faults
	healed  chan struct{} // closed when what hangs is let go
	begun   int
	running int // opens
	parts   []*part
	forced  bool // closing under a holder is expected from now on
}

type faults struct {
	openTakes, closeTakes, checkTakes time.Duration

	openFails, openHangs, openPanics  bool
	checkFails, checkHangs, wrongRole bool
	closeFails, closeHangs            bool
}

func newMill(t *testing.T) *mill { return &mill{t: t, healed: make(chan struct{})} }

func (m *mill) factory(probe bool) weir.Factory[*part] {
	f := weir.Factory[*part]{Open: m.open, Close: m.close, Check: m.check}
	if probe {
		f.Probe = m.probe
	}
	return f
}

// set replaces the faults. What hung is let go.
func (m *mill) set(f faults) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = f
	close(m.healed)
	m.healed = make(chan struct{})
}

func (m *mill) now() (faults, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.faults, m.healed
}

func (m *mill) open(ctx context.Context) (*part, error) {
	m.mu.Lock()
	m.begun++
	m.running++
	pt := &part{n: m.begun}
	f, healed := m.faults, m.healed
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.running--
	}()
	if f.openHangs {
		<-healed
	} else if err := wait(ctx, f.openTakes); err != nil {
		return nil, err
	}
	if f.openPanics {
		panic("open")
	}
	if f.openFails {
		return nil, errRefused
	}
	pt.made = time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parts = append(m.parts, pt)
	return pt, nil
}

func (m *mill) check(ctx context.Context, pt *part) error {
	m.untouched("checked", pt)
	pt.last.Store(0)
	f, healed := m.now()
	if f.checkHangs {
		<-healed
	} else if err := wait(ctx, f.checkTakes); err != nil {
		return err
	}
	switch {
	case f.wrongRole:
		return fmt.Errorf("read only: %w", weir.ErrWrongRole)
	case f.checkFails:
		return errRefused
	}
	if !pt.proved {
		pt.made, pt.proved = time.Now(), true
	}
	return nil
}

func (m *mill) probe(pt *part) error {
	if pt.sick.Load() {
		return errRefused
	}
	return nil
}

func (m *mill) close(pt *part) error {
	m.mu.Lock()
	f, healed, forced := m.faults, m.healed, m.forced
	m.mu.Unlock()
	if !forced {
		m.untouched("closed", pt)
	}
	if n := pt.closed.Add(1); n != 1 {
		m.t.Errorf("part %d: closed %d times", pt.n, n)
	}
	if f.closeHangs {
		<-healed
	}
	time.Sleep(f.closeTakes)
	if f.closeFails {
		return errRefused
	}
	return nil
}

func (m *mill) untouched(what string, pt *part) {
	if h := pt.holder.Load(); h != 0 {
		m.t.Errorf("part %d: %s while call %d holds it", pt.n, what, h)
	}
	if pt.closed.Load() != 0 {
		m.t.Errorf("part %d: %s after it was closed", pt.n, what)
	}
}

func (m *mill) expectForce() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forced = true
}

// seen returns how many opens began, and the parts that came of them.
func (m *mill) seen() (begun int, parts []*part) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.begun, append([]*part(nil), m.parts...)
}

// existing counts what a server would see: parts whose Close has not begun, and opens under way.
func (m *mill) existing() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.running
	for _, pt := range m.parts {
		if pt.closed.Load() == 0 {
			n++
		}
	}
	return n
}

// A call is one caller of Acquire.
type call struct {
	n        int
	began    time.Time
	limit    time.Duration // of its context, 0: none
	cancel   context.CancelFunc
	canceled bool
	told     chan result // holds one

	result      // once it has been told
	ended, seen bool
}

type result struct {
	end   time.Time
	lease weir.Lease[*part]
	part  *part
	err   error
}

func (c *call) run(ctx context.Context, w *world) {
	lease, err := w.pool.AcquirePreferring(ctx, uint64(c.n%3), nil) // one in three has no preference
	lease.Label(uint64(c.n % 4))
	r := result{end: time.Now(), lease: lease, err: err}
	if err == nil {
		r.part = w.hold(lease, c.n)
	}
	c.told <- r
}

// listen takes in the call's end, if it has come.
func (c *call) listen() {
	select {
	case c.result = <-c.told:
		c.ended = true
	default:
	}
}

// A possession is a lease that the history holds, or held.
type possession struct {
	lease  weir.Lease[*part]
	part   *part
	holder int
	ended  bool
	tidy   bool // ended by something after which another end is no misuse
}

// hold takes a part for a call, which must be the only one.
func (w *world) hold(lease weir.Lease[*part], n int) *part {
	pt := lease.Value()
	if !pt.holder.CompareAndSwap(0, int64(n)) {
		w.t.Errorf("part %d: lent to call %d while call %d holds it", pt.n, n, pt.holder.Load())
	}
	pt.last.Store(int64(n))
	if pt.closed.Load() != 0 || pt.doomed.Load() {
		w.t.Errorf("part %d: lent although closed %d times, evicted %t", pt.n, pt.closed.Load(), pt.doomed.Load())
	}
	if age := time.Since(pt.made); age > w.conf.lifetime && age-w.conf.lifetime > 10*time.Millisecond {
		w.t.Errorf("part %d: lent at the age of %v, limit %v", pt.n, age, w.conf.lifetime)
	}
	return pt
}
