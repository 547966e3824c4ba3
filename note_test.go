package weir_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirpool/weir"
)

// notes returns what the holders, longest first, are told to use their resources for.
func notes(t *testing.T, p *weir.Pool[*thing]) []string {
	t.Helper()
	e, _ := exhausted(t, ask(t.Context(), p))
	var out []string
	for _, h := range e.Holders {
		out = append(out, h.Note)
	}
	return out
}

func TestNoteIsToldWhileTheLeaseLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(2), weir.WithMaxWait(time.Millisecond))
		leases := holdMany(t, p, 2)
		leases[0].Note("transaction")
		want := []string{"transaction", ""}
		if diff := cmp.Diff(want, notes(t, p)); diff != "" {
			t.Errorf("notes (-want +got):\n%s", diff)
		}
		leases[0].Note("rows")
		leases[1].Note("pin")
		leases[1].Note("")
		want = []string{"rows", ""}
		if diff := cmp.Diff(want, notes(t, p)); diff != "" {
			t.Errorf("notes after a change (-want +got):\n%s", diff)
		}
		releaseAll(leases)
		releaseAll(holdMany(t, p, 2)) // it goes with its lease
		leases = holdMany(t, p, 2)
		want = []string{"", ""}
		if diff := cmp.Diff(want, notes(t, p)); diff != "" {
			t.Errorf("notes of later holders (-want +got):\n%s", diff)
		}
		releaseAll(leases)
	})
}

func TestNoteGoesWithALeaseThatIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		l := hold(t, p)
		l.Note("transaction")
		next := ask(t.Context(), p)
		l.Release()
		l = served(t, next).lease
		if diff := cmp.Diff([]string{""}, notes(t, p)); diff != "" {
			t.Errorf("notes of the next holder (-want +got):\n%s", diff)
		}
		l.Release()
	})
}

func TestNoteOnALeaseThatHasEndedDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		old := hold(t, p)
		old.Release()
		l := hold(t, p)
		l.Note("mine")
		old.Note("stale")
		lease{}.Note("nothing")
		if diff := cmp.Diff([]string{"mine"}, notes(t, p)); diff != "" {
			t.Errorf("notes (-want +got):\n%s", diff)
		}
		if n := p.Stats().Misuses; n != 0 {
			t.Errorf("%d misuses, want none", n)
		}
		l.Release()
	})
}

func TestHolderTellsSiteAgeAndNote(t *testing.T) {
	for name, opts := range map[string][]weir.Option{"unnamed": nil, "named": {weir.WithLeakThreshold(time.Hour)}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, &maker{}, append(opts, weir.WithMaxOpen(1))...)
				l := hold(t, p)
				l.Note("transaction")
				time.Sleep(4 * time.Minute)
				e, _ := exhausted(t, ask(t.Context(), p))
				h := e.Holders[0]
				site := "unrecorded call site"
				if name == "named" {
					site = h.Site()
				}
				want := site + " for 4m1s (transaction)"
				if h.String() != want || !strings.Contains(e.Error(), "held longest: "+want) {
					t.Errorf("got %q, in %q; want %q", h.String(), e, want)
				}
				l.Release()
			})
		})
	}
}

func TestLeakLogTellsTheNote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen, book := &recorder{}, &logbook{}
		p := newPool(t, &maker{}, weir.WithLeakThreshold(time.Second), weir.WithObserver(seen), book.option())
		noted, plain := hold(t, p), hold(t, p)
		noted.Note("transaction")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		noted.Release()
		plain.Release()
		if told, all := book.with("note=transaction"), book.with("borrowed_at="); len(told) != 2 || len(all) != 4 {
			t.Errorf("logged %q, want a leak and a return with the note and as many without", all)
		}
		if got := book.with("note="); len(got) != 2 {
			t.Errorf("logged %q, want no empty note", got)
		}
		for _, kind := range []weir.EventKind{weir.EventLeaked, weir.EventReturned} {
			events := seen.of(kind)
			if len(events) != 2 || events[0].Holder.Note+events[1].Holder.Note != "transaction" {
				t.Errorf("events %+v, want two, one with the note", events)
			}
		}
	})
}

func TestCloseErrorTellsTheNote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		hold(t, p).Note("transaction")
		e, ok := errors.AsType[*weir.CloseError](closeNow(p))
		if !ok || len(e.Holders) != 1 || e.Holders[0].Note != "transaction" {
			t.Errorf("got %+v, want one holder with its note", e)
		}
	})
}

// The first note on a resource makes room for those that follow.
func TestNoteAllocatesNothingTheSecondTime(t *testing.T) {
	leavesNothing(t)
	p := newPool(t, &maker{}, weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithCheckWindow(time.Hour))
	got := testing.AllocsPerRun(1000, func() {
		l := hold(t, p)
		l.Note("transaction")
		l.Release()
	})
	if got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}

func TestFramesBetweenTheBorrowerAndThePoolAreLeftOut(t *testing.T) {
	tests := []struct {
		function, file string
		want           bool
	}{
		{"github.com/weirpool/weir.(*Pool[...]).Acquire", "pool.go", true},
		{"github.com/weirpool/weir.Lease[...].Again", "affinity.go", true},
		{"github.com/weirpool/weir.Options", "adapter.go", false},
		{"github.com/weirpool/weir_test.hold", "caller_test.go", false},
		{"github.com/weirpool/weir/mysqlpool.(*Pool).Acquire", "pool.go", true},
		{"github.com/weirpool/weir/mysqlpool.(*session).QueryContext", "session.go", true},
		{"github.com/weirpool/weir/mysqlpool.Open.func1", "open.go", true},
		{"github.com/weirpool/weir/mysqlpool.TestOpen", "/home/me/weir/mysqlpool/open_test.go", false},
		{"github.com/weirpool/weir/mysqlpool_test.TestOpen", "open_test.go", false},
		{"github.com/weirpool/weir/mysqlpool/other.Run", "run.go", false},
		{"github.com/weirpool/weir/weirprom.(*Collector).Collect", "collector.go", false},
		{"database/sql.(*DB).QueryContext.func1", "sql.go", true},
		{"database/sql/driver.IsValue", "driver.go", false},
		{"example.org/database/sql.Query", "sql.go", false},
		{"gorm.io/gorm.(*DB).First", "finisher_api.go", false},
		{"main.report", "report.go", false},
	}
	for _, tt := range tests {
		if got := weir.Ours(tt.function, tt.file); got != tt.want {
			t.Errorf("%s in %s is left out: %t, want %t", tt.function, tt.file, got, tt.want)
		}
	}
}

func TestLinesOfModulesAreNotTheProgramsOwn(t *testing.T) {
	for file, want := range map[string]bool{
		"/home/me/go/pkg/mod/gorm.io/gorm@v1.31.2/callbacks.go": true,
		"gorm.io/gorm@v1.31.2/callbacks.go":                     true, // with -trimpath
		"/src/shop/vendor/gorm.io/gorm/callbacks.go":            true,
		"/src/shop/internal/report.go":                          false,
		"example.com/shop/internal/report.go":                   false,
	} {
		if got := weir.Dependency(file); got != want {
			t.Errorf("%s: of a module = %v, want %v", file, got, want)
		}
	}
}
