package weir

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// maxFrames is how much of a borrower's stack is kept: enough to leave database/sql and a mapper on top of it behind.
const maxFrames = 24

// A callSite is a borrower's stack as program counters; turning them into text is left to whoever prints it.
type callSite [maxFrames]uintptr

// A trace is what is known of a resource's holder besides the time. It is made once for a resource, when there is something to keep.
type trace struct {
	site  callSite
	sited uint64 // the seq of the lease the site is of: when that has ended, there is none
	note  string
	noted uint64 // the same for the note
}

// A Holder describes a lease that is out.
type Holder struct {
	Resource uint64        // the resource's number, counted from 1 in the pool
	Age      time.Duration // since it was lent
	Note     string        // what the holder said it uses it for, see [Lease.Note]; "" if it said nothing

	site *callSite // nil: not recorded
}

// Site is the line that borrowed, as "file.go:12", or "" when [WithLeakThreshold] is off. It is the innermost one
// outside the pool, mysqlpool and database/sql that is the program's own; if there is none, that of a module it uses.
func (h Holder) Site() string {
	frames := h.frames()
	for _, f := range frames {
		if !dependency(f.File) {
			return fmt.Sprintf("%s:%d", base(f.File), f.Line)
		}
	}
	for _, f := range frames {
		return fmt.Sprintf("%s:%d", base(f.File), f.Line)
	}
	return ""
}

// dependency reports whether a source file belongs to a module that the program uses, and not to the program: such files stand in the
// module cache, or in a vendor directory, and -trimpath leaves them their version.
func dependency(file string) bool {
	return strings.Contains(file, "@v") || strings.Contains(file, "/vendor/")
}

// Stack is the borrower's stack, innermost first, one "function file:line" a line, or "" when [WithLeakThreshold] is off.
func (h Holder) Stack() string {
	var b strings.Builder
	for _, f := range h.frames() {
		fmt.Fprintf(&b, "%s %s:%d\n", f.Function, f.File, f.Line)
	}
	return b.String()
}

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

// frames leaves out the pool's own frames at the inner end, so that the first one is the borrower's.
func (h Holder) frames() []runtime.Frame {
	if h.site == nil {
		return nil
	}
	n := 0
	for n < len(h.site) && h.site[n] != 0 {
		n++
	}
	var out []runtime.Frame
	iter := runtime.CallersFrames(h.site[:n])
	for {
		f, more := iter.Next()
		if f.PC != 0 && (len(out) > 0 || !ours(f)) {
			out = append(out, f)
		}
		if !more {
			return out
		}
	}
}

// ours reports whether a frame belongs to the pool, to an adapter on top of it or to database/sql on top of that, tests excepted.
func ours(f runtime.Frame) bool {
	if rest, ok := strings.CutPrefix(f.Function, "github.com/weirpool/weir."); ok {
		return strings.HasPrefix(rest, "(*Pool[") || strings.HasPrefix(rest, "Lease[")
	}
	if strings.HasPrefix(f.Function, "github.com/weirpool/weir/mysqlpool.") {
		return !strings.HasSuffix(f.File, "_test.go")
	}
	return strings.HasPrefix(f.Function, "database/sql.")
}

func base(file string) string {
	return file[strings.LastIndexByte(file, '/')+1:]
}

func writeHolders(b *strings.Builder, holders []Holder) {
	sep := "; held longest: "
	for _, h := range holders {
		b.WriteString(sep)
		b.WriteString(h.String())
		sep = ", "
	}
}
