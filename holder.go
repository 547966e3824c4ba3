package weir

import (
	"fmt"
	"strings"
	"time"
)

// A trace is what is known of a resource's holder besides the time. It is made once for a resource, when there is something to keep.
type trace struct {
	own   CallSite  // room for a site that the pool has recorded itself
	site  *CallSite // where it was borrowed: own, or one that stays as it is
	sited uint64    // the seq of the lease the site is of: when that has ended, there is none
	note  string
	noted uint64 // the same for the note
}

// A Holder describes a lease that is out.
type Holder struct {
	Resource uint64        // the resource's number, counted from 1 in the pool
	Age      time.Duration // since it was lent
	Note     string        // what the holder said it uses it for, see [Lease.Note]; "" if it said nothing

	site *CallSite // nil: not recorded
}

// Site is the line that borrowed, as "file.go:12", or "" when [WithLeakThreshold] is off. See [CallSite.Line].
func (h Holder) Site() string { return h.site.Line() }

// Stack is the borrower's stack, innermost first, one "function file:line" a line, or "" when [WithLeakThreshold] is off.
func (h Holder) Stack() string { return h.site.Stack() }

// String is the site, the age and the note, as "report.go:88 for 4m12s (transaction)".
func (h Holder) String() string {
	site := h.Site()
	if site == "" {
		site = "unrecorded call site"
	}
	if h.Note != "" {
		return fmt.Sprintf("%s for %v (%s)", site, exact(h.Age), h.Note)
	}
	return fmt.Sprintf("%s for %v", site, exact(h.Age))
}

// attributes are what a log tells of it.
func (h Holder) attributes(pool string) []any {
	out := []any{"pool", pool, "resource", h.Resource, "age", exact(h.Age), "borrowed_at", h.Site()}
	if h.Note != "" {
		out = append(out, "note", h.Note)
	}
	return out
}

func writeHolders(b *strings.Builder, holders []Holder) {
	sep := "; held longest: "
	for _, h := range holders {
		b.WriteString(sep)
		b.WriteString(h.String())
		sep = ", "
	}
}
