package weir

import (
	"errors"
	"fmt"
	"math"
)

// Audit checks the books of p under its lock: everything that must hold whenever nobody holds the lock. It returns what
// does not balance, joined.
func Audit[T any](p *Pool[T]) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.auditLocked()
}

// AuditSettled checks what must hold besides when no goroutine of the pool has anything left to do at this moment: in a
// bubble, after synctest.Wait.
func AuditSettled[T any](p *Pool[T]) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := auditor[T]{p: p}
	a.errs = append(a.errs, p.auditLocked())
	a.settled()
	return errors.Join(a.errs...)
}

// Broken breaks the books of p in one place, audits them and mends them, all under one lock: for tests of the audit. p
// must have at least two idle and two lent resources.
func Broken[T any](p *Pool[T], what string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	mend := p.breakLocked(what)
	defer mend()
	a := auditor[T]{p: p}
	a.errs = append(a.errs, p.auditLocked())
	a.settled()
	return errors.Join(a.errs...)
}

func (p *Pool[T]) breakLocked(what string) (mend func()) {
	free, lent := &p.lists[idle], &p.lists[inUse]
	switch what {
	case "list length":
		return change(&free.len, free.len+1)
	case "unlinked resource":
		r := free.front
		free.remove(r)
		return func() { free.pushFront(r) }
	case "torn link":
		return change(&free.back.prev, nil)
	case "state":
		return change(&free.front.state, checking)
	case "index":
		return change(&p.all[0].index, 1)
	case "lost resource":
		return change(&p.all, p.all[1:])
	case "sequence of idle":
		return change(&free.front.seq, free.front.seq+1)
	case "sequence of lent":
		return change(&lent.front.seq, lent.front.seq+1)
	case "condemned idle":
		return change(&free.front.condemned, true)
	case "order of idle":
		return change(&free.back.idleSince, math.MaxInt64)
	case "order of lent":
		return change(&lent.back.lentAt, -1)
	case "surplus":
		return change(&p.maxOpen, len(p.all)-1)
	case "aging":
		return change(&p.governor.aging, p.governor.aging+1)
	case "aging of lent":
		flag, count := change(&lent.front.aging, true), change(&p.governor.aging, p.governor.aging+1)
		return func() { flag(); count() }
	case "crowd":
		was := p.crowd.Swap(packed)
		return func() { p.crowd.Store(was) }
	case "waiter left behind":
		p.arrivals.push(&waiter[T]{ready: make(chan struct{}, 1)})
		return func() { p.arrivals.take() }
	case "waiter beside idle":
		w := &waiter[T]{ready: make(chan struct{}, 1)}
		p.queue.insert(w)
		waited, checked := change(&p.stats.Waited, p.stats.Waited+1), change(&free.front.checked, p.clock.exact())
		return func() { p.queue.remove(w); waited(); checked() }
	}
	return p.miscountLocked(what)
}

func (p *Pool[T]) miscountLocked(what string) (mend func()) {
	switch what {
	case "opened":
		return change(&p.stats.Opened, p.stats.Opened+1)
	case "retired":
		return change(&p.stats.Retired[RetiredError], 1)
	case "acquired":
		return change(&p.stats.Acquired, 0)
	case "waits":
		return change(&p.stats.Waited, p.stats.Waited+1)
	case "checks":
		return change(&p.probing, 1)
	case "generation":
		return change(&p.gen, p.gen+1)
	case "end":
		return change(&p.closed, true)
	}
	panic("no such fault: " + what)
}

func change[V any](place *V, to V) (undo func()) {
	was := *place
	*place = to
	return func() { *place = was }
}

type auditor[T any] struct {
	p    *Pool[T]
	errs []error
}

func (a *auditor[T]) expect(ok bool, format string, args ...any) {
	if !ok {
		a.errs = append(a.errs, fmt.Errorf("audit: "+format, args...))
	}
}

func (p *Pool[T]) auditLocked() error {
	a := auditor[T]{p: p}
	for s := range states {
		a.list(s)
	}
	a.index()
	a.counts()
	a.order()
	a.waiters()
	a.end()
	return errors.Join(a.errs...)
}

// list walks one list both ways.
func (a *auditor[T]) list(s state) {
	l := &a.p.lists[s]
	n := 0
	var last *resource[T]
	for r := l.front; r != nil && n <= l.len; r = r.next {
		n++
		a.expect(r.prev == last, "list %d: resource %d: prev does not point back", s, r.id)
		a.resource(r, s)
		last = r
	}
	a.expect(l.back == last, "list %d: back is not the last one", s)
	a.expect(l.len == n, "list %d: length %d, walked %d", s, l.len, n)
}

// resource checks one resource against the list it stands in.
func (a *auditor[T]) resource(r *resource[T], s state) {
	p := a.p
	revoked := r.revoked.Load()
	a.expect(r.pool == p, "resource %d: is of another pool", r.id)
	a.expect(r.state == s, "resource %d: state %d in list %d", r.id, r.state, s)
	a.expect(r.gen <= p.gen, "resource %d: generation %d above the pool's %d", r.id, r.gen, p.gen)
	a.expect(r.seq%2 == 1 == (s == inUse || revoked), "resource %d: sequence %d in list %d, revoked %t", r.id, r.seq, s, revoked)
	a.expect(!revoked || s == closing, "resource %d: revoked, in list %d", r.id, s)
	a.expect(!r.gone, "resource %d: gone, in list %d", r.id, s)
	a.expect(s == inUse || !r.leaked || revoked, "resource %d: leaked, in list %d", r.id, s)
	if s == idle {
		a.expect(!r.condemned, "resource %d: condemned and idle", r.id)
	}
	if s != closing {
		a.expect(r.index >= 0 && r.index < len(p.all) && p.all[r.index] == r, "resource %d: not at its index %d", r.id, r.index)
	}
}

func (a *auditor[T]) index() {
	aging := 0
	for i, r := range a.p.all {
		a.expect(r.index == i, "resource %d: index %d, stands at %d", r.id, r.index, i)
		a.expect(r.state != closing, "resource %d: closing, still among all", r.id)
		if r.aging {
			aging++
			a.expect(r.state != inUse, "resource %d: lent, and counted as soon too old to be idle", r.id)
		}
	}
	a.expect(a.p.governor.aging == aging, "%d count as soon too old, %d are", a.p.governor.aging, aging)
}

func (a *auditor[T]) counts() {
	p := a.p
	s := &p.stats
	open := p.lists[idle].len + p.lists[inUse].len + p.lists[checking].len
	a.expect(len(p.all) == open, "%d resources, %d in the lists", len(p.all), open)
	a.expect(len(p.all) <= p.maxOpen || p.lists[idle].len == 0, "%d of %d open, and %d idle", len(p.all), p.maxOpen, p.lists[idle].len)
	retired := uint64(0)
	for _, n := range s.Retired {
		retired += n
	}
	a.expect(s.Opened == p.ids, "opened %d, numbers given %d", s.Opened, p.ids)
	a.expect(s.Opened == uint64(len(p.all))+retired, "opened %d, retired %d, there are %d", s.Opened, retired, len(p.all))
	a.expect(s.Acquired >= p.handed, "acquired %d, of those after a wait %d", s.Acquired, p.handed)
	a.expect(s.Acquired >= uint64(p.lists[inUse].len), "acquired %d, in use %d", s.Acquired, p.lists[inUse].len)
	a.expect(p.probing >= 0 && p.probing <= p.lists[checking].len, "idle checks %d, checking %d", p.probing, p.lists[checking].len)
	a.expect(p.governor.openCap >= 1, "slow start allows %d opens", p.governor.openCap)
	a.expect(p.opens.len <= p.maxOpening || p.opts.openAll, "opening %d, limit %d", p.opens.len, p.maxOpening)
}

// order checks what is sorted by time. Idle resources that were checked since they became idle may stand higher than
// their age says: the check of a caller who left puts them in front.
func (a *auditor[T]) order() {
	p := a.p
	youngest := int64(math.MaxInt64)
	for r := p.lists[idle].front; r != nil && r != r.next; r = r.next {
		a.expect(r.idleSince <= youngest, "resource %d: idle since %d, below one since %d", r.id, r.idleSince, youngest)
		youngest = r.idleSince
	}
	for _, s := range []state{inUse, checking} {
		last := int64(math.MinInt64)
		for r := p.lists[s].front; r != nil && r != r.next; r = r.next {
			a.expect(r.lentAt >= last, "list %d: resource %d: since %d, behind one since %d", s, r.id, r.lentAt, last)
			last = r.lentAt
		}
	}
	last := int64(math.MinInt64)
	for o := p.opens.front; o != nil; o = o.next {
		a.expect(!o.ended && o.started >= last && o.gen <= p.gen, "an open that has ended or stands in the wrong place")
		last = o.started
	}
}

func (a *auditor[T]) waiters() {
	p := a.p
	q := &p.queue
	n, ticket := 0, uint64(0)
	var last *waiter[T]
	for w := q.front; w != nil && n <= q.len; w = w.next {
		n++
		a.expect(w.queued && w.prev == last, "waiter %d: badly linked", w.ticket)
		a.expect(last == nil || w.ticket > ticket, "waiter %d: stands behind %d", w.ticket, ticket)
		a.expect(w.got == nil && w.err == nil && len(w.ready) == 0, "waiter %d: served, and still in the queue", w.ticket)
		last, ticket = w, w.ticket
	}
	a.expect(q.back == last && q.len == n, "queue: length %d, walked %d", q.len, n)
	crowd := p.crowd.Load()
	a.expect((crowd == quiet) == (q.len == 0), "%d wait, callers are told %d", q.len, crowd)
	a.expect(!p.closed || !p.limit.armed, "closed, and an alarm is set for MaxWait")
	if q.front != nil && p.opts.maxWait < NoLimit {
		a.expect(p.limit.armed && p.limit.at <= q.front.deadline(p.opts.maxWait), "waiter %d: nothing will end its wait", q.front.ticket)
	}
	if q.len == 0 || p.paused || p.closed {
		return
	}
	n = 0
	for r := p.lists[idle].front; r != nil && n < sweepBatch; r = r.next {
		n++
		_, unfit := p.unfitLocked(r)
		a.expect(unfit || p.needsCheckLocked(r), "resource %d: lendable and idle while %d wait", r.id, q.len)
	}
}

func (a *auditor[T]) end() {
	p := a.p
	left := len(p.all) + p.lists[closing].len + p.opens.len
	a.expect(p.drainOK == (p.closed && left == 0), "closed %t, drained %t, left %d", p.closed, p.drainOK, left)
	if p.closed {
		a.expect(p.lists[idle].len == 0 && p.queue.len == 0, "closed, idle %d, waiting %d", p.lists[idle].len, p.queue.len)
	}
}

// settled checks what the pool's goroutines bring about.
func (a *auditor[T]) settled() {
	p := a.p
	ended := p.stats.Wait.Count + uint64(p.queue.len)
	a.expect(p.stats.Waited == ended, "waited %d, ended or still waiting %d", p.stats.Waited, ended)
	a.expect(p.arrivals.top.Load() == nil || p.crowd.Load() == packed, "somebody queued without the lock and was left behind")
	a.expect(p.stats.Wait.Sum >= 0, "waits sum to %v", p.stats.Wait.Sum)
	for r := p.lists[idle].front; r != nil && r != r.next; r = r.next {
		a.expect(r.gen == p.gen, "resource %d: idle, of generation %d, the pool's is %d", r.id, r.gen, p.gen)
	}
	room := p.maxOpen - p.openLocked() - p.opens.len
	if p.queue.len > 0 && !p.paused && !p.closed && room > 0 {
		a.expect(p.look.armed, "%d wait, there is room for %d, and nobody will look again", p.queue.len, room)
	}
	if p.queue.len > 0 && !p.paused && !p.closed && len(p.all)+p.opens.len+p.lists[closing].len == 0 {
		a.expect(p.look.armed, "%d wait for nothing", p.queue.len)
	}
}
