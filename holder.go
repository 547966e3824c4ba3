package weir

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// maxFrames is how much of a borrower's stack is kept: enough to leave the frameworks behind.
const maxFrames = 16

// A callSite is a borrower's stack as program counters; turning them into text is left to whoever prints it.
type callSite [maxFrames]uintptr

// A Holder describes a lease that is out.
type Holder struct {
	Resource uint64        // the resource's number, counted from 1 in the pool
	Age      time.Duration // since it was lent

	site *callSite // nil: not recorded
}

// Site is the line outside this module that borrowed, as "file.go:12", or "" when [WithLeakThreshold] is off.
func (h Holder) Site() string {
	for _, f := range h.frames() {
		return fmt.Sprintf("%s:%d", base(f.File), f.Line)
	}
	return ""
}

// Stack is the borrower's stack, innermost first, one "function file:line" a line, or "" when [WithLeakThreshold] is off.
func (h Holder) Stack() string {
	var b strings.Builder
	for _, f := range h.frames() {
		fmt.Fprintf(&b, "%s %s:%d\n", f.Function, f.File, f.Line)
	}
	return b.String()
}

// String is the site and the age.
func (h Holder) String() string {
	site := h.Site()
	if site == "" {
		site = "unrecorded call site"
	}
	return fmt.Sprintf("%s for %v", site, exact(h.Age))
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
		if f.PC != 0 && (len(out) > 0 || !ours(f.Function)) {
			out = append(out, f)
		}
		if !more {
			return out
		}
	}
}

// ours reports whether a function belongs to the pool or to an adapter on top of it, tests excepted.
func ours(function string) bool {
	for _, prefix := range []string{"github.com/weirpool/weir.", "github.com/weirpool/weir/mysqlpool."} {
		if rest, ok := strings.CutPrefix(function, prefix); ok {
			return strings.HasPrefix(rest, "(*Pool[") || strings.HasPrefix(rest, "(*Pool)") || strings.HasPrefix(rest, "Lease[")
		}
	}
	return false
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
