package weir

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
)

// maxFrames is how much of a borrower's stack is kept: enough to leave database/sql and a mapper on top of it behind.
const maxFrames = 24

// A CallSite is a place in a program: the stack of a goroutine, as program counters. Two are equal if they are the same place, called
// in the same way. Turning one into text is left to whoever prints it. The zero CallSite is no place.
type CallSite struct {
	pcs     [maxFrames]uintptr
	starter string // what has started the goroutine, as the runtime tells it, if none of the program's frames are on its stack
}

// Record stores where its caller stands, without as many of the innermost frames as skip says. It costs about 1 µs. On a goroutine that
// the program has started on a method of a pool or of database/sql, as in "go db.Ping()", it costs some 20 µs.
func (s *CallSite) Record(skip int) {
	n := runtime.Callers(skip+2, s.pcs[:])
	clear(s.pcs[n:])
	s.starter = ""
	if n < 2 || n == len(s.pcs) {
		return
	}
	first := runtime.FuncForPC(s.pcs[n-2] - 1) // the last one is the runtime's
	if first != nil && ours(runtime.Frame{Function: first.Name()}) {
		s.starter = starter()
	}
}

// starter is the function that has started the goroutine and, on the next line, where it did so, from the end of the stack as text.
func starter() string {
	text := make([]byte, 16<<10)
	text = text[:runtime.Stack(text, false)]
	_, last, _ := strings.Cut(string(text), "\ncreated by ")
	name, place, _ := strings.Cut(last, "\n")
	name, _, _ = strings.Cut(name, " in goroutine ")
	place, _, _ = strings.Cut(strings.TrimSpace(place), " ")
	return name + "\n" + place
}

// startedBy turns a starter into a frame.
func startedBy(starter string) (f runtime.Frame) {
	name, place, _ := strings.Cut(starter, "\n")
	if colon := strings.LastIndexByte(place, ':'); colon >= 0 {
		f.Function, f.File = name, place[:colon]
		f.Line, _ = strconv.Atoi(place[colon+1:])
	}
	return f
}

// Line is the program's own line, as "file.go:12": the innermost one outside the pool, mysqlpool and database/sql that does not belong to
// a module the program uses. If there is none it is that of such a module, or "".
func (s *CallSite) Line() string {
	frames := s.frames()
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

// Stack is the stack, innermost frame first, one "function file:line" a line.
func (s *CallSite) Stack() string {
	var b strings.Builder
	for _, f := range s.frames() {
		fmt.Fprintf(&b, "%s %s:%d\n", f.Function, f.File, f.Line)
	}
	return b.String()
}

// frames leaves out the pool's own frames at the inner end, so that the first one is the borrower's, and what starts a goroutine at the
// outer end.
func (s *CallSite) frames() []runtime.Frame {
	if s == nil {
		return nil
	}
	n := 0
	for n < len(s.pcs) && s.pcs[n] != 0 {
		n++
	}
	var out []runtime.Frame
	iter := runtime.CallersFrames(s.pcs[:n])
	for {
		f, more := iter.Next()
		if f.PC != 0 && f.Function != "runtime.goexit" && (len(out) > 0 || !ours(f)) {
			out = append(out, f)
		}
		if !more {
			break
		}
	}
	if f := startedBy(s.starter); f.File != "" && !ours(f) {
		out = append(out, f)
	}
	return out
}

// dependency reports whether a source file belongs to a module that the program uses, and not to the program: such files stand in the
// module cache, or in a vendor directory, and -trimpath leaves them their version.
func dependency(file string) bool {
	return strings.Contains(file, "@v") || strings.Contains(file, "/vendor/")
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
