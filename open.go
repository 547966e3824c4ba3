package weir

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// hookGrace is what a function of the factory gets beyond its deadline to notice it, before it is left behind.
const hookGrace = 50 * time.Millisecond

// beyond returns when a function with that limit is left behind, [NoLimit] for one without.
func beyond(limit time.Duration) time.Duration {
	if limit > NoLimit-hookGrace {
		return NoLimit
	}
	return limit + hookGrace
}

func (p *Pool[T]) startOpenLocked(now int64) {
	ctx, cancel := context.WithCancelCause(context.Background()) // shut cancels it: a common parent would keep traces of each
	o := &opening{started: now, gen: p.gen, doubts: p.doubts, cancel: cancel}
	p.opens.add(o)
	p.tasks.Go(func() { p.open(ctx, o) })
}

// open makes a resource in a goroutine of the pool. If the factory does not keep to a deadline the open counts as failed, and
// what it still returns is closed.
func (p *Pool[T]) open(ctx context.Context, o *opening) {
	defer o.cancel(nil)
	var none T
	limit := p.opts.openTimeout
	guard := p.guard(beyond(limit), &o.ended, func() {
		p.openEnded(o, none, fmt.Errorf("weir: open: %w: Factory.Open ignores its deadline of %v", ErrTimeout, limit), nil)
	})
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	value, err := p.callOpen(ctx)
	var news []Event
	if err == nil && p.opts.checks[OnOpen] && p.factory.Check != nil {
		if news, err = p.checkOnOpen(ctx, o, value); err != nil {
			p.closeOpened(o, value)
		}
	}
	guard.Stop()
	if err != nil && context.Cause(ctx) == errGaveWay {
		err = fmt.Errorf("weir: open: %w: %w", errGaveWay, err)
	}
	if !p.openEnded(o, value, err, news) && err == nil {
		p.closeOpened(o, value)
	}
}

// closeOpened closes, once, what was opened in vain. A failure of that adds nothing to why.
func (p *Pool[T]) closeOpened(o *opening, value T) {
	p.mu.Lock()
	first := !o.closed
	o.closed = true
	p.mu.Unlock()
	if first {
		p.callClose(value)
	}
}

// guard calls late when a function of the factory has run for longer than limit, unless what it was called for has ended, which
// mu guards. While late runs the pool is not done.
func (p *Pool[T]) guard(limit time.Duration, ended *bool, late func()) *time.Timer {
	return time.AfterFunc(limit, func() {
		p.mu.Lock()
		if *ended {
			p.mu.Unlock()
			return
		}
		p.tasks.Add(1) // never from zero: the goroutine that is late still counts
		p.mu.Unlock()
		defer p.tasks.Done()
		late()
	})
}

// openEnded books the end of an open, and returns false if that had been done before. news is what there is to tell besides.
func (p *Pool[T]) openEnded(o *opening, value T, err error, news []Event) bool {
	p.mu.Lock()
	if o.ended {
		p.mu.Unlock()
		return false
	}
	o.ended = true
	p.opens.remove(o)
	now := p.clock.exact()
	took := now - o.started
	e := Event{Kind: EventOpened, Pool: p.opts.name, Took: time.Duration(took)}
	if err != nil {
		e.Kind, e.Err = EventOpenFailed, err
		news = append(news, p.openFailedLocked(o, now, err)...)
	} else {
		e.Resource = p.openSucceededLocked(o, now, value)
	}
	p.warmLocked(err)
	p.pumpLocked()
	p.drainLocked()
	n := p.governor.failures
	quiet := p.closed || n&(n-1) != 0 // in a long outage each doubling is said, not each failure
	p.mu.Unlock()
	if err != nil && !quiet {
		p.opts.log.Warn("weir: opening failed", "pool", p.opts.name, "err", err, "took", exact(e.Took), "failures_in_a_row", n)
	}
	p.tell(append(news, e)...)
	return true
}

func (p *Pool[T]) openSucceededLocked(o *opening, now int64, value T) (id uint64) {
	took := now - o.started
	p.stats.Opened++
	p.stats.OpenTime.observe(time.Duration(took), 1)
	p.stats.LastOpenError = nil
	p.governor.opened(took)
	r := p.bornLocked(value, o, now)
	switch asked := p.opts.checks[OnOpen]; {
	case asked:
		p.disputed = p.disputed && o.doubts < p.doubts
		p.acceptLocked(r)
	case p.disputed || p.opts.checkWindow == 0: // having been opened is no proof
		r.cleared = min(r.cleared, max(p.doubts, 1)-1)
		p.offerLocked(r)
	default:
		p.acceptLocked(r)
	}
	return r.id
}

func (p *Pool[T]) openFailedLocked(o *opening, now int64, err error) (news []Event) {
	if p.disputed && o.doubts == p.doubts && errors.Is(err, ErrWrongRole) {
		news = p.roleLostLocked(0, err)
	}
	p.stats.OpenFails++
	p.stats.LastOpenError = err
	p.governor.backOff(o.started, now, err, &p.opts)
	p.governor.broken = p.governor.broken || len(p.all) == 0
	if p.brokenLocked() {
		f := p.factsLocked(now)
		p.refuseAllLocked(func(w *waiter[T]) error {
			p.stats.Shed++
			f.Waiting = p.queue.len
			return f.explain(LimitFailFast, now-w.since)
		})
	}
	return news
}

// bornLocked puts a new resource into the books, as one that is being checked: offerLocked takes it from there.
func (p *Pool[T]) bornLocked(value T, o *opening, now int64) *resource[T] {
	p.ids++
	r := &resource[T]{value: value, pool: p, id: p.ids, gen: o.gen, born: now, idleSince: now, checked: now, cleared: o.doubts, expires: math.MaxInt64}
	if p.opts.maxLifetime < NoLimit-time.Duration(now) {
		r.expires = now + int64(p.opts.maxLifetime)
		if p.opts.lifeJitter > 0 {
			r.expires -= int64(rand.N(p.opts.lifeJitter))
		}
	}
	r.index = len(p.all)
	p.all = append(p.all, r)
	if len(p.all) > p.maxOpen { // it was lowered meanwhile
		p.newTermsLocked()
	}
	r.state = checking
	p.lists[checking].pushBack(r)
	return r
}

// warmUp opens MinIdle resources and waits for them as the start policy says.
func (p *Pool[T]) warmUp(ctx context.Context) error {
	if p.opts.startWait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.opts.startWait)
		defer cancel()
	}
	warming := make(chan error, 1)
	p.mu.Lock()
	p.governor.filling = p.minIdle > 0
	if !p.opts.background {
		p.warming = warming
		p.warmLocked(nil)
	} else {
		warming <- nil
	}
	p.pumpLocked()
	p.mu.Unlock()
	select {
	case err := <-warming:
		return p.abandon(err)
	default: // only who waits minds a ctx that is done
	}
	select {
	case err := <-warming:
		return p.abandon(err)
	case <-ctx.Done():
	}
	last := p.Stats().LastOpenError
	return p.abandon(errors.Join(fmt.Errorf("MinIdle was not reached: %w", context.Cause(ctx)), last))
}

// warmLocked tells New, if it waits, what the end of an open means for it.
func (p *Pool[T]) warmLocked(err error) {
	if p.warming == nil {
		return
	}
	failed := err != nil && (p.opts.startWait == 0 && !p.opts.background || errors.Is(err, ErrPermanent))
	if failed || len(p.all) >= p.minIdle {
		p.warming <- err
		p.warming = nil
	}
}

// abandon closes a pool that could not start. What ignores its cancellation is left to end by itself.
func (p *Pool[T]) abandon(err error) error {
	if err == nil {
		return nil
	}
	p.shut()
	select {
	case <-p.joined:
	case <-time.After(2 * hookGrace):
	}
	return err
}

// The functions of the factory, with panics turned into errors.

func (p *Pool[T]) callOpen(ctx context.Context) (value T, err error) {
	defer p.call()()
	defer recovered("Open", &err)
	return p.factory.Open(ctx)
}

func (p *Pool[T]) callClose(value T) (err error) {
	defer p.call()()
	defer recovered("Close", &err)
	return p.factory.Close(value)
}

func (p *Pool[T]) callCheck(ctx context.Context, value T) (err error) {
	defer p.call()()
	defer recovered("Check", &err)
	return p.factory.Check(ctx, value)
}

func (p *Pool[T]) callProbe(value T) (err error) {
	returned := false
	defer func() { // recover has its price, and this is the way of every acquire
		if !returned {
			err = panicked("Probe", recover())
		}
	}()
	err = p.factory.Probe(value)
	returned = true
	return err
}

// call counts a call that may not return.
func (p *Pool[T]) call() (returned func()) {
	p.running.Add(1)
	return func() { p.running.Add(-1) }
}

func recovered(name string, err *error) {
	if x := recover(); x != nil {
		*err = panicked(name, x)
	}
}

func panicked(name string, x any) error {
	return &PanicError{Func: name, Value: x, Stack: debug.Stack()}
}
