package mysqlpool

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// A PinReason is why a session is tied to its backend until it is checked in: something of it lives on the server that cannot be given
// to another backend.
type PinReason uint8

const (
	NotPinned          PinReason = PinReason(sqltext.NoPin)
	PinUserVariable    PinReason = PinReason(sqltext.UserVariable)    // a user variable, read or set: @x
	PinTemporaryTable  PinReason = PinReason(sqltext.TemporaryTable)  // CREATE or DROP TEMPORARY TABLE
	PinLockTables      PinReason = PinReason(sqltext.LockTables)      // LOCK TABLES, UNLOCK TABLES, backup locks
	PinFlushTables     PinReason = PinReason(sqltext.FlushTables)     // FLUSH TABLES WITH READ LOCK or FOR EXPORT
	PinGetLock         PinReason = PinReason(sqltext.GetLock)         // GET_LOCK, RELEASE_LOCK and the like
	PinTextPrepare     PinReason = PinReason(sqltext.TextPrepare)     // PREPARE, EXECUTE, DEALLOCATE as texts
	PinHandler         PinReason = PinReason(sqltext.Handler)         // HANDLER
	PinXA              PinReason = PinReason(sqltext.XA)              // XA
	PinCall            PinReason = PinReason(sqltext.Call)            // CALL: what a procedure does is not seen
	PinMultiStatement  PinReason = PinReason(sqltext.MultiStatement)  // several statements in one text
	PinCalcFoundRows   PinReason = PinReason(sqltext.CalcFoundRows)   // SQL_CALC_FOUND_ROWS
	PinNextTransaction PinReason = PinReason(sqltext.NextTransaction) // SET TRANSACTION for the next transaction only
	PinAutocommitOff   PinReason = PinReason(sqltext.AutocommitOff)   // SET autocommit = 0
	PinUnlistedSet     PinReason = PinReason(sqltext.UnlistedSet)     // SET of a variable, or to an expression, that is not replayed
	PinUnsafeCharset   PinReason = PinReason(sqltext.UnsafeCharset)   // a character set in which texts cannot be read byte by byte
	PinUnknown         PinReason = PinReason(sqltext.Unknown)         // a statement that is not known
	PinRaw             PinReason = PinUnknown + 1                     // the real connection was asked for, below sql.Conn.Raw
	// PinReasons is the number of reasons, [NotPinned] included.
	PinReasons = int(PinRaw) + 1
)

// String returns the reason in lower-case words.
func (r PinReason) String() string {
	switch {
	case r < PinRaw:
		return sqltext.Pin(r).String()
	case r == PinRaw:
		return "raw connection"
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// A Pin is a session that is tied to its backend.
type Pin struct {
	Reason PinReason
	Text   string        // the beginning of the statement that pinned it, with "?" for each literal: see WithFullTexts
	Age    time.Duration // since then
	Site   string        // the program's line that ran it, as "file.go:12": see [weir.CallSite.Line]
}

// String is the reason, the line and the age.
func (p Pin) String() string {
	return fmt.Sprintf("%v at %s for %v", p.Reason, cmp.Or(p.Site, "unrecorded call site"), p.Age.Round(time.Millisecond))
}

// pin is a Pin as it is kept.
type pin struct {
	reason PinReason
	text   string
	since  time.Time
	placed atomic.Bool // it has one of the places
	site   weir.CallSite
}

func (p *pin) show(now time.Time) Pin {
	return Pin{Reason: p.reason, Text: p.text, Age: now.Sub(p.since), Site: p.site.Line()}
}

// A PinError says that a statement would have pinned its session, under [WithStrictPins].
type PinError struct {
	Reason PinReason
	Text   string // the beginning of the statement, with "?" for each literal: see WithFullTexts
}

// Error tells the reason and the statement.
func (e *PinError) Error() string {
	return fmt.Sprintf("mysqlpool: %q would pin its session to one backend (%v), which WithStrictPins forbids", e.Text, e.Reason)
}

// A PinLimitError says that a statement would have pinned its session when as many as [WithMaxPinned] allows were, and none of them was
// checked in within MaxWait, or before the context ended. It matches [weir.ErrExhausted] and what ended the wait: the context's error, or
// [context.DeadlineExceeded].
type PinLimitError struct {
	Reason PinReason
	Limit  int
	Waited time.Duration
	Pins   []Pin // those that are held, longest first, at most five
	Cause  error // the context's, if it ended first

	pool string
}

// Error tells the limit, the wait and who is pinned.
func (e *PinLimitError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mysqlpool: pool %q: no more sessions can be pinned (%v): %d of %d are (WithMaxPinned), waited %v", e.pool, e.Reason, e.Limit, e.Limit,
		rounded(e.Waited))
	sep := "; pinned longest: "
	for _, p := range e.Pins {
		b.WriteString(sep)
		b.WriteString(p.String())
		sep = ", "
	}
	return b.String()
}

// Unwrap lists what the error matches.
func (e *PinLimitError) Unwrap() []error {
	if e.Cause != nil {
		return []error{weir.ErrExhausted, e.Cause}
	}
	return []error{weir.ErrExhausted, context.DeadlineExceeded}
}

// pins bounds how many sessions are pinned and remembers them. Places are given in the order of asking.
type pins struct {
	pool   string
	places chan struct{} // as many as may be pinned
	closed chan struct{}
	wait   time.Duration

	mu   sync.Mutex // guards the fields below
	held map[*session]*pin
	ever [PinReasons]uint64
}

func newPins(pool string, limit int, wait time.Duration) *pins {
	return &pins{pool: pool, places: make(chan struct{}, limit), closed: make(chan struct{}), wait: wait, held: map[*session]*pin{}}
}

// take waits for a place. A session that holds a backend already does not wait, and does without if there is none: it takes no backend from
// anybody, and would keep one from those who have a place while it waits.
func (p *pins) take(ctx context.Context, reason PinReason, holds bool) (placed bool, err error) {
	select {
	case p.places <- struct{}{}:
		return true, nil
	default:
	}
	if holds {
		return false, nil
	}
	began := time.Now()
	late := time.NewTimer(p.wait)
	defer late.Stop()
	e := &PinLimitError{pool: p.pool, Reason: reason, Limit: cap(p.places)}
	select {
	case p.places <- struct{}{}:
		return true, nil
	case <-p.closed:
		return false, fmt.Errorf("mysqlpool: waiting for a pin: %w", weir.ErrClosed)
	case <-ctx.Done():
		e.Cause = ctx.Err()
	case <-late.C:
	}
	e.Waited = time.Since(began)
	e.Pins = p.list(5)
	return false, e
}

// close refuses those who wait for a place.
func (p *pins) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
}

// free gives a pin's place back, once.
func (p *pins) free(made *pin) {
	if made.placed.CompareAndSwap(true, false) {
		<-p.places
	}
}

func (p *pins) add(s *session, made *pin) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[s] = made
	p.ever[made.reason]++
}

func (p *pins) remove(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.held, s)
}

// list describes the pins, longest first, at most that many.
func (p *pins) list(most int) []Pin {
	p.mu.Lock()
	now := time.Now()
	all := make([]*pin, 0, len(p.held))
	for _, made := range p.held {
		all = append(all, made)
	}
	p.mu.Unlock()
	slices.SortFunc(all, func(a, b *pin) int { return a.since.Compare(b.since) })
	out := make([]Pin, min(most, len(all)))
	for i := range out {
		out[i] = all[i].show(now)
	}
	return out
}
