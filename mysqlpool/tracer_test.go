package mysqlpool

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// traceThrough stands for the frames between a statement and its program.
//
//go:noinline
func traceThrough(depth int, t *tracer, text string, exactly bool) *weir.CallSite {
	if depth > 0 {
		return traceThrough(depth-1, t, text, exactly)
	}
	return t.siteOf(text, exactly)
}

const framesBetween = 3 // what siteOf leaves out, besides itself

func TestWhereThereAreFewStatementsEachLineIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTracer(time.Minute)
		for range 10 {
			for range traceMost / 2 {
				a, here := traceThrough(framesBetween-1, tr, "SELECT 1", false), lineHere(0)
				if a.Line() != here {
					t.Fatalf("%s, want %s", a.Line(), here)
				}
				b, here := traceThrough(framesBetween-1, tr, "SELECT 1", false), lineHere(0)
				if b.Line() != here {
					t.Fatalf("%s, want %s", b.Line(), here)
				}
			}
			time.Sleep(traceTick)
		}
	})
}

// run1 and run2 run the same text on two lines.
func run1(tr *tracer, text string) (*weir.CallSite, string) {
	return traceThrough(framesBetween-1, tr, text, false), lineHere(0)
}

func run2(tr *tracer, text string) (*weir.CallSite, string) {
	return traceThrough(framesBetween-1, tr, text, false), lineHere(0)
}

// Beyond that the text tells, until it is found to run on another line, too.
func TestWhereThereAreManyStatementsTheirTextTellsTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTracer(time.Minute)
		for i := range 1000 {
			if site, want := run1(tr, "SELECT 1"); site.Line() != want {
				t.Fatalf("statement %d: %s, want %s", i, site.Line(), want)
			}
		}
		wrong := 0
		for range 1000 {
			if site, want := run2(tr, "SELECT 1"); site.Line() != want {
				wrong++
			}
		}
		if wrong >= traceEvery {
			t.Errorf("the other line was not seen in %d statements, want %d at most", wrong, traceEvery)
		}
		for i := range 1000 {
			if i%(traceSeveral/2) == 0 {
				time.Sleep(traceTick)
			}
			for _, run := range []func(*tracer, string) (*weir.CallSite, string){run1, run2} {
				if site, want := run(tr, "SELECT 1"); site.Line() != want {
					t.Fatalf("statement %d: %s, want %s", i, site.Line(), want)
				}
			}
		}
	})
}

// A text that runs seldom, on several lines, has its lines however many others run.
func TestTextThatRunsSeldomHasItsLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTracer(time.Minute)
		for _, run := range []func(*tracer, string) (*weir.CallSite, string){run1, run2} {
			run(tr, "SELECT SLEEP(1)")
			run(tr, "SELECT 1")
			time.Sleep(traceTick)
		}
		for range 100 {
			for range 1000 {
				run1(tr, "SELECT 1")
				run2(tr, "SELECT 1")
			}
			for _, run := range []func(*tracer, string) (*weir.CallSite, string){run1, run2, run2, run1} {
				if site, want := run(tr, "SELECT SLEEP(1)"); site.Line() != want {
					t.Fatalf("%s, want %s", site.Line(), want)
				}
			}
			time.Sleep(traceTick)
		}
	})
}

// A text of its own for each statement costs a stack each, and is right at once.
func TestEachNewTextIsTraced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTracer(time.Minute)
		for i := range 3000 {
			if site, want := run1(tr, fmt.Sprintf("SELECT %d", i)); site.Line() != want {
				t.Fatalf("%s, want %s", site.Line(), want)
			}
		}
	})
}

// What will hold its backend for long has its own line, however many others there are.
func TestWhatStaysHasItsOwnLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTracer(time.Minute)
		for range 1000 {
			run1(tr, "BEGIN")
		}
		site, want := traceThrough(framesBetween-1, tr, "BEGIN", true), lineHere(0)
		if site.Line() != want {
			t.Errorf("%s, want %s", site.Line(), want)
		}
	})
}

func TestTracingTheSameLineAgainAllocatesNothing(t *testing.T) {
	tr := newTracer(time.Minute)
	if n := testing.AllocsPerRun(1000, func() { traceThrough(framesBetween-1, tr, "SELECT 1", false) }); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestWithoutLeakNamingNothingIsTraced(t *testing.T) {
	tr := newTracer(0)
	if site, _ := run1(tr, "SELECT 1"); site != nil || tr.here(time.Now()) != nil {
		t.Errorf("%s is recorded", site.Line())
	}
}
