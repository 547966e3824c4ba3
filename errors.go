package weir

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrClosed is matched by the errors of a pool that is closed or closing.
	ErrClosed = errors.New("weir: pool is closed")

	// ErrExhausted is matched by every [*ExhaustedError].
	ErrExhausted = errors.New("weir: pool is exhausted")

	// ErrNilContext is returned where a nil context was given.
	ErrNilContext = errors.New("weir: context is nil")

	// ErrBroken marks an error of a use after which the resource must not be lent again: wrap it with %w and
	// return it from the function given to [Pool.Do].
	ErrBroken = errors.New("weir: resource is broken")

	// ErrWrongRole marks an error of Open, Check, Probe or of a use which says that the resource leads to the
	// wrong place, such as a replica where the primary is wanted. See [Demoted].
	ErrWrongRole = errors.New("weir: wrong role")

	// ErrPermanent marks an error of Open that trying again will not cure, such as a wrong password. It makes
	// [New] give up at once, whatever its start policy. A running pool continues to retry, because passwords are rotated.
	ErrPermanent = errors.New("weir: permanent failure")

	// ErrTimeout is matched by the error of an open, check or close that the pool gave up on.
	ErrTimeout = errors.New("weir: timed out")
)

// A Limit names what ended a caller's wait.
type Limit uint8

const (
	// LimitMaxWait: the pool's own limit, [WithMaxWait].
	LimitMaxWait Limit = iota + 1
	// LimitContext: the caller's context was canceled or its deadline passed.
	LimitContext
	// LimitMaxWaiters: too many were waiting already, [WithMaxWaiters]; the caller did not wait at all.
	LimitMaxWaiters
	// LimitFailFast: nothing is open and opening fails, [WithFailFast].
	LimitFailFast
)

// String returns the name of the option, or "context".
func (l Limit) String() string {
	switch l {
	case LimitMaxWait:
		return "MaxWait"
	case LimitContext:
		return "context"
	case LimitMaxWaiters:
		return "MaxWaiters"
	case LimitFailFast:
		return "FailFast"
	}
	return fmt.Sprintf("limit(%d)", uint8(l))
}

// An ExhaustedError explains why a caller was given nothing. It matches [ErrExhausted]; when time ran out, the pool's
// or the context's, it matches [context.DeadlineExceeded] too; when the context ended the wait it matches the
// context's error and its cause; with LastOpenError set it matches that as well, except for the contexts' errors in it.
type ExhaustedError struct {
	Pool   string        // the pool's name
	Limit  Limit         // what ended the wait
	Waited time.Duration // how long the caller waited, exactly

	// The pool at that moment. Open is Idle + InUse + Checking + Closing; Waiting does not count the caller.
	// Open may exceed MaxOpen by what is closing.
	Open, Idle, InUse, Checking, Closing, Opening, Waiting, MaxOpen int

	Paused        bool     // the pool was paused
	LastOpenError error    // why the last open failed, if no open succeeded since
	Holders       []Holder // the longest holders, longest first, at most five

	ctxErr, ctxCause error
}

// Error tells all the facts in one line. Durations are exact to the millisecond.
func (e *ExhaustedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "weir: acquire: pool %q exhausted: ", e.Pool)
	switch e.Limit {
	case LimitMaxWait:
		fmt.Fprintf(&b, "nothing to lend within MaxWait, waited %v", exact(e.Waited))
	case LimitContext:
		fmt.Fprintf(&b, "%v after %v", e.ctxErr, exact(e.Waited))
	case LimitMaxWaiters:
		fmt.Fprintf(&b, "MaxWaiters reached")
	case LimitFailFast:
		fmt.Fprintf(&b, "nothing is open and opening fails")
	}
	fmt.Fprintf(&b, " (open %d of %d: idle %d, in use %d, checking %d, closing %d; opening %d; waiting %d)",
		e.Open, e.MaxOpen, e.Idle, e.InUse, e.Checking, e.Closing, e.Opening, e.Waiting)
	if e.Paused {
		b.WriteString("; paused")
	}
	if e.LastOpenError != nil {
		fmt.Fprintf(&b, "; last open error: %v", e.LastOpenError)
	}
	writeHolders(&b, e.Holders)
	return b.String()
}

// Unwrap lists what the error matches, as told at [ExhaustedError].
func (e *ExhaustedError) Unwrap() []error {
	errs := []error{ErrExhausted}
	if e.Limit == LimitMaxWait {
		errs = append(errs, context.DeadlineExceeded)
	}
	for _, err := range []error{e.ctxErr, e.ctxCause} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if e.LastOpenError != nil {
		errs = append(errs, openFailure{e.LastOpenError})
	}
	return errs
}

// An openFailure matches what its error matches, but for the contexts' errors: an open that was cancelled or ran out of time
// does not mean that the caller did.
type openFailure struct{ error }

func (f openFailure) Is(target error) bool {
	return target != context.Canceled && target != context.DeadlineExceeded && errors.Is(f.error, target)
}

func (f openFailure) As(target any) bool { return errors.As(f.error, target) }

// A CloseError is returned by [Pool.Close] when its context ended before every lease came back, or when calls did not return in
// time.
type CloseError struct {
	Pool    string
	Forced  int      // resources closed although they were lent
	Running int      // calls of Open, Check or Close, or observers, that had still not returned
	Holders []Holder // the longest holders, longest first, at most five
	Cause   error    // why the wait ended, see [context.Cause]
}

// Error tells how many resources were closed by force.
func (e *CloseError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "weir: close: pool %q: %d lent resources closed by force, %d calls still running: %v",
		e.Pool, e.Forced, e.Running, e.Cause)
	writeHolders(&b, e.Holders)
	return b.String()
}

// Unwrap returns the cause.
func (e *CloseError) Unwrap() error { return e.Cause }

// A PanicError is what a panic in a function of the [Factory] becomes.
type PanicError struct {
	Func  string // "Open", "Check" and so on
	Value any    // what was panicked with
	Stack []byte // the stack at that moment
}

// Error names the function and the value; the stack is left to whoever logs it.
func (e *PanicError) Error() string {
	return fmt.Sprintf("weir: Factory.%s panicked: %v", e.Func, e.Value)
}

// Unwrap returns the value, if it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// exact rounds to the millisecond from one millisecond up, and not at all below.
func exact(d time.Duration) time.Duration {
	if d < time.Millisecond {
		return d
	}
	return d.Round(time.Millisecond)
}
