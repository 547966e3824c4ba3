package weir

import (
	"errors"
	"runtime"
)

var (
	errHeldTooLong = errors.New("lease is out for longer than LeakThreshold")
	errDropped     = errors.New("lease was dropped without Release")
)

// A token goes with a lease while leak naming is on, and back to the resource when the lease ends. When nobody can reach
// it any more, while it is out, every copy of the lease has been dropped.
type token struct {
	_ *byte // not nothing, and no plain bytes: small ones share a block, and are cleaned up only when all of it is dropped
}

func (r *resource[T]) takeToken() *token {
	tk := r.token
	r.token = nil
	if tk == nil {
		tk = new(token)
		runtime.AddCleanup(tk, func(r *resource[T]) { r.pool.drop(r) }, r)
	}
	return tk
}

// keepSite keeps a copy of here or, if there is one, known.
func (r *resource[T]) keepSite(here, known *CallSite) {
	t := r.trace
	if t == nil {
		t = new(trace)
		r.trace = t
	}
	if t.site = known; known == nil {
		t.own, t.site = *here, &t.own
	}
	t.sited = r.seq
}

// drop runs in the runtime's cleanup goroutine, which others wait for: the sweep does the rest. Once the pool is closed
// there is no sweep, and nobody will end that lease: Close need not wait for it.
func (p *Pool[T]) drop(r *resource[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case r.state != inUse:
	case p.closed:
		p.takeBackLocked(r, errDropped)
	default:
		r.dropped = true
		p.dropped = append(p.dropped, r)
	}
}

// takeBackLocked ends a lease by force.
func (p *Pool[T]) takeBackLocked(r *resource[T], why error) {
	p.usedLocked(r, p.clock.coarse())
	r.revoked.Store(true)
	p.retireLocked(r, RetiredLeaked, why)
}

// findLeaks names leases that are out for too long or were dropped, each once, and takes back what is to be reclaimed.
func (p *Pool[T]) findLeaks() {
	if p.opts.leakAfter == 0 {
		return
	}
	p.mu.Lock()
	now := p.clock.exact()
	var news []Event
	for _, r := range p.dropped {
		if r.state == inUse && !r.leaked {
			news = append(news, p.leakedLocked(r, now, errDropped))
		}
	}
	p.dropped = nil
	var next *resource[T]
	for r := p.lists[inUse].front; r != nil && now-r.lentAt >= int64(p.opts.leakAfter); r = next {
		next = r.next
		if !r.leaked {
			news = append(news, p.leakedLocked(r, now, errHeldTooLong))
		}
		if p.opts.reclaimAfter > 0 && now-r.lentAt >= int64(p.opts.reclaimAfter) {
			p.takeBackLocked(r, errHeldTooLong)
		}
	}
	p.pumpLocked()
	p.mu.Unlock()
	for _, e := range news {
		about := append(e.Holder.attributes(p.opts.name), "stack", e.Holder.Stack())
		p.opts.log.Warn("weir: leak: "+e.Err.Error(), about...)
	}
	p.tell(news...)
}

func (p *Pool[T]) leakedLocked(r *resource[T], now int64, why error) Event {
	r.leaked = true
	r.disown()
	p.stats.Leaks++
	h := r.holder(now)
	return Event{Kind: EventLeaked, Pool: p.opts.name, Resource: r.id, Err: why, Took: h.Age, Holder: h}
}

func (p *Pool[T]) returnedAfterAll(r *resource[T], h Holder) {
	p.opts.log.Info("weir: leaked lease was returned after all", h.attributes(p.opts.name)...)
	p.tell(Event{Kind: EventReturned, Pool: p.opts.name, Resource: r.id, Took: h.Age, Holder: h})
}

// misuse reports a lease that was ended twice, with the line that did it.
func (p *Pool[T]) misuse(r *resource[T], err error) {
	var h Holder
	h.site = new(CallSite)
	h.site.Record(1)
	p.opts.log.Warn(err.Error(), "pool", p.opts.name, "resource", r.id, "at", h.Site())
	p.tell(Event{Kind: EventMisused, Pool: p.opts.name, Resource: r.id, Err: err, Holder: h})
}
