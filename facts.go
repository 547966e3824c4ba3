package weir

import "time"

// maxHolders is how many holders an error names.
const maxHolders = 5

// facts are what an [ExhaustedError] tells of the pool; one gathering serves all callers refused at that moment.
type facts ExhaustedError

func (p *Pool[T]) factsLocked(now int64) *facts {
	return &facts{
		Pool:          p.opts.name,
		Open:          len(p.all) + p.lists[closing].len,
		Idle:          p.lists[idle].len,
		InUse:         p.lists[inUse].len,
		Checking:      p.lists[checking].len,
		Closing:       p.lists[closing].len,
		Opening:       p.opens.len,
		Waiting:       p.queue.len,
		MaxOpen:       p.maxOpen,
		Paused:        p.paused,
		LastOpenError: p.stats.LastOpenError,
		Holders:       p.holdersLocked(now),
	}
}

func (f *facts) explain(by Limit, waited int64) *ExhaustedError {
	e := ExhaustedError(*f)
	e.Limit, e.Waited = by, time.Duration(max(waited, 0)) // a caller may have come since the time was read
	return &e
}

// holdersLocked describes the leases that are out longest.
func (p *Pool[T]) holdersLocked(now int64) []Holder {
	out := make([]Holder, 0, min(maxHolders, p.lists[inUse].len))
	for r := p.lists[inUse].front; r != nil && len(out) < maxHolders; r = r.next {
		out = append(out, r.holder(now))
	}
	return out
}

func (r *resource[T]) holder(now int64) Holder { return r.holderOf(r.seq, now) }

// holderOf describes the holder of that lease, which is the last one.
func (r *resource[T]) holderOf(seq uint64, now int64) Holder {
	h := Holder{Resource: r.id, Age: time.Duration(now - r.lentAt)}
	if r.trace == nil {
		return h
	}
	if r.trace.sited == seq {
		h.site = r.trace.site
		if h.site == &r.trace.own {
			site := r.trace.own // the next lease overwrites it
			h.site = &site
		}
	}
	if r.trace.noted == seq {
		h.Note = r.trace.note
	}
	return h
}
