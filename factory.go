package weir

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// A Factory tells a pool how to make, judge and unmake its resources. Open and Close are required.
//
// The pool calls each function from goroutines of its own, Probe and Dirty excepted, and never while it holds its lock.
// A function that panics is an error of that call; a function that ignores its deadline is left behind and costs
// one resource, not the pool.
type Factory[T any] struct {
	// Open makes one resource. Its context ends after [WithOpenTimeout] and when the pool is closed; a caller who
	// gives up waiting does not end it. An error that matches [ErrPermanent] makes [New] give up at once.
	Open func(context.Context) (T, error)

	// Close unmakes one resource, at most once. It may be called while Check still hangs on the same resource.
	Close func(T) error

	// Check finds out, usually by one round trip, whether the resource may be lent. It runs when the resource was
	// opened, when a caller wants one that has not been checked inside [WithCheckWindow], and periodically while
	// it is idle. Nil: resources are never checked.
	Check func(context.Context, T) error

	// Probe looks at the resource without a round trip, in the borrower's goroutine, each time it is lent. It must
	// not block. Nil: no such look.
	Probe func(T) error

	// Dirty finds out, without a round trip, whether a resource that was given back has to be cleaned before it is lent again. It runs
	// in the goroutine that gives it back, and must not block. Nil: every resource has to be, if there is a Clean.
	Dirty func(T) bool

	// Clean makes a resource that was given back what its next holder may have; the Holder is who gave it back. Its context ends after
	// 5 s and when the pool is closed. Meanwhile the resource counts as being checked, and callers are given others. After an error it
	// is closed, as after a panic in Dirty or Clean. Nil: resources are lent on as they come back.
	Clean func(context.Context, T, Holder) error

	// Classify says what an error of a use means for the resource; [Pool.Do] and [Lease.Finish] ask it.
	// Nil: every error keeps the resource, except one that matches [ErrBroken].
	Classify func(error) Verdict
}

func (f Factory[T]) check() error {
	var errs []error
	if f.Open == nil {
		errs = append(errs, errors.New("Factory.Open is nil: a function is required"))
	}
	if f.Close == nil {
		errs = append(errs, errors.New("Factory.Close is nil: a function is required"))
	}
	if f.Dirty != nil && f.Clean == nil {
		errs = append(errs, errors.New("Factory.Dirty is given and Factory.Clean is nil: a function is required"))
	}
	return errors.Join(errs...)
}

func (f Factory[T]) verdict(err error, log *slog.Logger) (v Verdict) {
	switch {
	case err == nil:
		return Keep
	case errors.Is(err, ErrExhausted) && !errors.Is(err, ErrBroken):
		return Keep // another pool's, whose last open error may match ErrWrongRole: it says nothing of this resource
	case errors.Is(err, ErrWrongRole):
		return Demoted
	case errors.Is(err, ErrBroken):
		return Discard
	case f.Classify == nil:
		return Keep
	}
	defer func() {
		if x := recover(); x != nil {
			log.Error("weir: Factory.Classify panicked; the resource is discarded", "panic", fmt.Sprint(x))
			v = Discard
		}
	}()
	return f.Classify(err)
}

// A Verdict says what becomes of a resource after an error.
type Verdict uint8

const (
	// Keep: the error says nothing against the resource.
	Keep Verdict = iota
	// Discard: the resource is broken; it is closed.
	Discard
	// Demoted: the resource works, but whatever it leads to seems to have lost the wanted role. It is closed, and every
	// other one must pass its check before it is lent again. The first check or open that fails with [ErrWrongRole] moves the
	// generation: what was opened before is closed on its next occasion. Where the error itself is an ErrWrongRole, or
	// resources are not checked on acquire, the generation moves at once.
	Demoted
)

// String returns the verdict's name in lower case.
func (v Verdict) String() string {
	switch v {
	case Keep:
		return "keep"
	case Discard:
		return "discard"
	case Demoted:
		return "demoted"
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}
