package weir

import "math"

// Whether a resource may be lent depends on a dozen things that seldom change. A resource that was found fit is vouched for:
// it stays fit until a time, its lifetime's end or that of its check's window, unless the terms change before. So the usual acquire
// and release ask two questions. Everything that could make a fit resource unfit must change the terms, for all or for that one.

// vouchedLocked reports that r was found fit and still is. False says nothing: then all must be looked at.
func (p *Pool[T]) vouchedLocked(r *resource[T], now int64) bool {
	return r.terms == p.terms && now < r.goodUntil
}

// vouchLocked is called for a resource that has just been found fit, with no check due.
func (p *Pool[T]) vouchLocked(r *resource[T]) {
	if p.closed || p.paused || r.revoked.Load() || r.leaked {
		return
	}
	r.terms, r.goodUntil = p.terms, r.expires
	if p.factory.Check != nil && p.opts.checks[OnAcquire] && int64(p.opts.checkWindow) < math.MaxInt64-r.checked {
		r.goodUntil = min(r.goodUntil, r.checked+int64(p.opts.checkWindow))
	}
}

// newTermsLocked ends all that was vouched for.
func (p *Pool[T]) newTermsLocked() { p.terms++ }

// disown ends what was vouched for r.
func (r *resource[T]) disown() { r.terms = 0 }
