package mysqlpool

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/weirpool/weir"
)

// A tracer tells on which line of the program a statement runs, for errors and logs about who holds a backend. A stack costs 1 µs or
// more, a lookup by primary key 50, so not every statement's is recorded: where there are many, the line is that of a statement of the
// same text before. Of a text that runs on several lines more stacks are recorded, and all while it runs seldom.
type tracer struct {
	off   bool // leak naming is
	epoch time.Time
	seed  maphash.Seed

	tick     atomic.Int64  // the last one in which a stack was due
	compared atomic.Int64  // the last one in which two were compared
	traced   atomic.Uint32 // stacks that were due in it
	skips    atomic.Uint32 // that were not due
	known    [1024]atomic.Pointer[traced]
}

const (
	traceTick  = 10 * time.Millisecond
	traceMost  = 32 // in a tick each of so many stacks is recorded
	traceEvery = 64 // and one in so many after that

	traceSeveral = 96 // the same for texts that run on several lines,
	traceFew     = 4  // and for each of those
)

// A traced text is one whose call site is known.
type traced struct {
	text    uint64 // its hash
	site    weir.CallSite
	several bool // it was run on another line before

	tick atomic.Int64 // the last one in which it ran, if it runs on several
	runs atomic.Uint32
}

// seldom reports whether the text has hardly run in this tick.
func (k *traced) seldom(tick int64) bool {
	if k.tick.Load() != tick {
		k.tick.Store(tick)
		k.runs.Store(0)
	}
	return k.runs.Load() < traceFew && k.runs.Add(1) <= traceFew
}

func newTracer(leakThreshold time.Duration) *tracer {
	return &tracer{off: leakThreshold == 0, epoch: time.Now(), seed: maphash.MakeSeed()}
}

// due reports whether the stack of whoever asks is to be recorded.
func (t *tracer) due(at time.Time) bool {
	if now := int64(at.Sub(t.epoch)/traceTick) + 1; t.tick.Load() != now {
		t.tick.Store(now)
		t.traced.Store(0)
	}
	return t.traced.Load() < traceMost && t.traced.Add(1) <= traceMost || t.skips.Add(1)%traceEvery == 0
}

// dueOfSeveral reports the same for a text that runs on several lines, where due has said no.
func (t *tracer) dueOfSeveral(text *traced) bool {
	return text.seldom(t.tick.Load()) || t.traced.Load() < traceSeveral && t.traced.Add(1) <= traceSeveral
}

// here is where the caller of the function that asks stands, if that is due, or nil.
func (t *tracer) here(now time.Time) *weir.CallSite {
	if t.off || !t.due(now) {
		return nil
	}
	site := new(weir.CallSite)
	site.Record(2)
	return site
}

// siteOf is where the statement runs that the caller of the function that asks is about to run. exactly is for what will hold its backend
// for longer.
func (t *tracer) siteOf(text string, exactly bool) *weir.CallSite {
	if t.off {
		return nil
	}
	hash := maphash.String(t.seed, text)
	place := &t.known[hash%uint64(len(t.known))]
	before := place.Load()
	if before != nil && before.text != hash {
		before = nil
	}
	if due := t.due(time.Now()) || exactly; before != nil && !due && !(before.several && t.dueOfSeveral(before)) {
		return &before.site
	}
	var here weir.CallSite
	here.Record(4)
	if before != nil && here == before.site {
		return &before.site
	}
	now := &traced{text: hash, site: here}
	switch {
	case before == nil:
		place.Store(now)
	case !before.several && t.compares():
		now.several = before.site.Line() != now.site.Line()
		place.Store(now)
	}
	return &now.site
}

// compares reports whether two stacks may be turned into text, which takes some 10 µs: once in a tick.
func (t *tracer) compares() bool {
	now := t.tick.Load()
	return t.compared.Swap(now) != now
}
