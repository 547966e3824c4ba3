package mysqlpool

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/weirpool/weir"
)

// A Checkout is a line of the program that has checked sessions out and not given them back.
type Checkout struct {
	Site string        // the line, as "file.go:12": see [weir.CallSite.Line]; "" if it is not known
	Age  time.Duration // of the longest of these sessions
}

// String is the line and the age.
func (c Checkout) String() string {
	return fmt.Sprintf("%s for %v", cmp.Or(c.Site, "unrecorded call site"), rounded(c.Age))
}

// A SessionLimitError says that as many sessions as [WithMaxSessions] allows were in use, and none of them was given back within MaxWait,
// or before the context ended. It matches [weir.ErrExhausted] and [context.DeadlineExceeded] or, if the context ended first, its error.
type SessionLimitError struct {
	Limit  int           // so many sessions are in use
	Waited time.Duration // how long the caller waited
	Held   []Checkout    // the lines that have held sessions for longest, longest first, at most five
	Cause  error         // the context's error, or context.DeadlineExceeded for MaxWait

	pool      string
	byContext bool
}

// Error tells the limit, the wait and who holds sessions.
func (e *SessionLimitError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mysqlpool: pool %q: all %d sessions are in use (WithMaxSessions)", e.pool, e.Limit)
	if e.byContext {
		fmt.Fprintf(&b, ", %v after %v", e.Cause, rounded(e.Waited))
	} else {
		fmt.Fprintf(&b, ", none was given back within MaxWait, waited %v", rounded(e.Waited))
	}
	writeHeld(&b, e.Held)
	b.WriteString("; close each *sql.Rows and *sql.Conn, and end each *sql.Tx")
	return b.String()
}

// Unwrap returns what the error matches.
func (e *SessionLimitError) Unwrap() []error { return []error{weir.ErrExhausted, e.Cause} }

// A SessionsInUseError is returned by [Connector.Close], and so by sql.DB.Close, when sessions are still in use: somebody forgot to close a
// *sql.Rows or a *sql.Conn, to end a *sql.Tx, or has not done so yet. Their backends are closed all the same.
type SessionsInUseError struct {
	Sessions int        // so many are in use
	Held     []Checkout // the lines that have held them for longest, longest first, at most five

	pool string
}

// Error tells how many sessions are in use, and whose.
func (e *SessionsInUseError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mysqlpool: close: pool %q: %d sessions are still in use", e.pool, e.Sessions)
	writeHeld(&b, e.Held)
	return b.String()
}

func writeHeld(b *strings.Builder, held []Checkout) {
	sep := "; held longest: "
	for _, c := range held {
		b.WriteString(sep)
		b.WriteString(c.String())
		sep = ", "
	}
}

func rounded(d time.Duration) time.Duration {
	if d < time.Millisecond {
		return d.Round(time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// A held session is one that is out, as it is listed.
type held struct {
	site *weir.CallSite
	age  time.Duration
}

// longest lists the lines that have held sessions for longest. A session whose line is not known is listed if there is no other: which ones
// are known is a matter of chance, and those that leak are many.
func (l *checkouts) longest() []Checkout {
	const mostLines, mostSessions = 5, 64
	var seen [mostSessions]held
	n := 0
	l.mu.Lock()
	now := time.Now()
	for o := l.front; o != nil && n < len(seen); o = o.next {
		if site := o.site.Load(); site != nil || n == 0 {
			seen[n] = held{site, now.Sub(o.since)}
			n++
		}
	}
	l.mu.Unlock()
	if n > 1 && seen[0].site == nil {
		copy(seen[:], seen[1:n])
		n--
	}
	return byLine(seen[:n], mostLines)
}

// byLine turns call sites into lines, each once.
func byLine(sessions []held, most int) []Checkout {
	stacks := map[weir.CallSite]bool{}
	lines := map[string]bool{}
	var out []Checkout
	for _, h := range sessions {
		if len(out) == most {
			break
		}
		if h.site != nil {
			if stacks[*h.site] {
				continue
			}
			stacks[*h.site] = true
		}
		if line := h.site.Line(); !lines[line] {
			lines[line] = true
			out = append(out, Checkout{Site: line, Age: h.age})
		}
	}
	return out
}

// leakSweep is the least time between two looks for leaks, after the first.
const leakSweep = time.Second

func (l *checkouts) armLocked(d time.Duration) {
	l.armed = true
	if l.sweep == nil {
		l.sweep = time.AfterFunc(d, l.nameLeaks)
		return
	}
	l.sweep.Reset(d)
}

// nameLeaks names sessions that are out for longer than LeakThreshold, each once: one line of the log for each line of the program.
func (l *checkouts) nameLeaks() {
	l.mu.Lock()
	l.armed = false
	if l.closed {
		l.mu.Unlock()
		return
	}
	now := time.Now()
	var found []held
	for l.unnamed != nil && now.Sub(l.unnamed.since) >= l.leakAt {
		o := l.unnamed
		o.leaked, l.unnamed = true, o.next
		found = append(found, held{o.site.Load(), now.Sub(o.since)})
	}
	l.leaks += uint64(len(found))
	out := l.len
	if l.unnamed != nil {
		l.armLocked(max(l.leakAt-now.Sub(l.unnamed.since), min(leakSweep, l.leakAt)))
	}
	l.mu.Unlock()
	for _, group := range byStack(found) {
		l.log.Warn("mysqlpool: leak: session is in use for longer than LeakThreshold", "pool", l.pool, "sessions", group.n, "age", rounded(group.age),
			"checked_out_at", cmp.Or(group.site.Line(), "unrecorded call site"), "in_use", out, "limit", l.limit, "stack", group.site.Stack())
	}
}

// A heldGroup are sessions that were checked out by the same stack.
type heldGroup struct {
	held     // the longest of them
	n    int // how many
}

func byStack(sessions []held) []*heldGroup {
	groups := map[weir.CallSite]*heldGroup{}
	var out []*heldGroup
	for _, h := range sessions {
		var key weir.CallSite
		if h.site != nil {
			key = *h.site
		}
		if groups[key] == nil {
			groups[key] = &heldGroup{held: h}
			out = append(out, groups[key])
		}
		groups[key].n++
	}
	return out
}

// inUseGrace is how long Close waits for who is just about to give a session back.
const inUseGrace = 100 * time.Millisecond

// left waits a moment for the sessions that are out, and returns an error that names those that still are.
func (l *checkouts) left(ctx context.Context) error {
	l.mu.Lock()
	if l.len == 0 {
		l.mu.Unlock()
		return nil
	}
	if l.emptied == nil {
		l.emptied = make(chan struct{})
	}
	emptied := l.emptied
	l.mu.Unlock()
	late := time.NewTimer(inUseGrace)
	defer late.Stop()
	select {
	case <-emptied:
		return nil
	case <-late.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	n := l.len
	l.mu.Unlock()
	if n == 0 {
		return nil
	}
	return &SessionsInUseError{Sessions: n, Held: l.longest(), pool: l.pool}
}

// tell fills in what the statistics say of sessions in use.
func (l *checkouts) tell(s *SessionStats) {
	s.MaxSessions = l.limit
	s.Longest = l.longest()
	l.mu.Lock()
	defer l.mu.Unlock()
	s.InUse, s.Waiting = l.len, len(l.queue)
	s.Leaks, s.LeaksReturned, s.Refused = l.leaks, l.returned, l.refused
	if l.front != nil {
		s.OldestAge = time.Since(l.front.since)
	}
}
