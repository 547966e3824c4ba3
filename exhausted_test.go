package weir_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// lineHere is the number of its caller's line.
func lineHere() int {
	_, _, n, _ := runtime.Caller(1)
	return n
}

func wantText(t *testing.T, err error, want string) {
	t.Helper()
	if got := err.Error(); got != want {
		t.Errorf("error text\n got %s\nwant %s", got, want)
	}
}

func TestMaxWaitErrorTellsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 100 * time.Millisecond}
		p := newPool(t, m, weir.WithName("billing"), weir.WithMaxOpen(2), weir.WithMaxWait(900*time.Millisecond))
		defer hold(t, p).Release()
		m.failOpens(errRefused)
		e, _ := exhausted(t, ask(t.Context(), p))
		wantText(t, e, fmt.Sprintf(`weir: acquire: pool "billing" exhausted: nothing to lend within MaxWait, waited 900ms `+
			`(open 1 of 2: idle 0, in use 1, checking 0, closing 0; opening %d; waiting 0); `+
			`last open error: connection refused; held longest: unrecorded call site for 900ms`, e.Opening))
		wantIs(t, e, errRefused)
		if e.Pool != "billing" || e.Open != 1 || e.InUse != 1 || e.MaxOpen != 2 || e.LastOpenError != errRefused {
			t.Errorf("fields %+v", e)
		}
	})
}

func TestContextErrorTellsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		defer hold(t, p).Release()
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Microsecond)
		defer cancel()
		e, _ := exhausted(t, ask(ctx, p))
		wantText(t, e, `weir: acquire: pool "test" exhausted: context deadline exceeded after 2ms `+
			`(open 1 of 1: idle 0, in use 1, checking 0, closing 0; opening 0; waiting 0); held longest: unrecorded call site for 2ms`)
		if e.Waited != 1500*time.Microsecond {
			t.Errorf("Waited is %v, want it exact", e.Waited)
		}
		gone, leave := context.WithCancel(t.Context())
		caller := ask(gone, p)
		time.Sleep(200 * time.Microsecond)
		leave()
		e, _ = exhausted(t, caller)
		if got := e.Error(); !strings.Contains(got, "exhausted: context canceled after 200µs (") {
			t.Errorf("text is %s", got)
		}
	})
}

func TestPausedErrorSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(2), weir.WithMaxOpen(3))
		p.Pause()
		e, _ := exhausted(t, ask(t.Context(), p))
		wantText(t, e, `weir: acquire: pool "test" exhausted: nothing to lend within MaxWait, waited 1s `+
			`(open 2 of 3: idle 2, in use 0, checking 0, closing 0; opening 0; waiting 0); paused`)
		p.Resume()
	})
}

func TestMaxWaitersErrorTellsHowManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWaiters(1))
		defer hold(t, p).Release()
		time.Sleep(2 * time.Second)
		waiter := ask(t.Context(), p)
		e, _ := exhausted(t, ask(t.Context(), p))
		wantText(t, e, `weir: acquire: pool "test" exhausted: MaxWaiters reached `+
			`(open 1 of 1: idle 0, in use 1, checking 0, closing 0; opening 0; waiting 1); held longest: unrecorded call site for 2s`)
		exhausted(t, waiter)
	})
}

func TestFailFastErrorTellsTheLastOpenError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 50 * time.Millisecond}
		p := newPool(t, m, weir.WithFailFast(), weir.WithMaxOpening(1))
		m.failOpens(errRefused)
		var all []<-chan answer
		for range 3 {
			all = append(all, ask(t.Context(), p))
		}
		for i, c := range all {
			e, _ := exhausted(t, c)
			wantText(t, e, fmt.Sprintf(`weir: acquire: pool "test" exhausted: nothing is open and opening fails `+
				`(open 0 of 10: idle 0, in use 0, checking 0, closing 0; opening 0; waiting %d); last open error: connection refused`, 2-i))
		}
	})
}

func TestErrorNamesTheFiveLongestHoldersWithTheirLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(7), weir.WithLeakThreshold(time.Hour))
		line := lineHere() + 1
		one, err := p.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		rest := holdMany(t, p, 6)
		e, _ := exhausted(t, ask(t.Context(), p))
		if len(e.Holders) != 5 {
			t.Fatalf("%d holders, want 5", len(e.Holders))
		}
		h := e.Holders[0]
		if h.Age != 1100*time.Millisecond || h.Resource != one.ID() {
			t.Errorf("the longest is resource %d for %v", h.Resource, h.Age)
		}
		if want := fmt.Sprintf("; held longest: exhausted_test.go:%d for 1.1s, caller_test.go:", line); !strings.Contains(e.Error(), want) {
			t.Errorf("text %s lacks %s", e, want)
		}
		if stack := h.Stack(); !strings.Contains(stack, fmt.Sprintf("exhausted_test.go:%d\n", line)) || strings.Contains(stack, ".(*Pool[") {
			t.Errorf("stack is\n%swant the borrower's line %d and none of the pool's frames", stack, line)
		}
		if got, want := h.String(), fmt.Sprintf("exhausted_test.go:%d for 1.1s", line); got != want {
			t.Errorf("holder is %q, want %q", got, want)
		}
		releaseAll(append(rest, one))
	})
}

func TestHoldersWithoutRecordingHaveNoSite(t *testing.T) {
	var h weir.Holder
	if h.Site() != "" || h.Stack() != "" || h.String() != "unrecorded call site for 0s" {
		t.Errorf("site %q, stack %q, text %q", h.Site(), h.Stack(), h)
	}
}

func TestCloseErrorText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := weir.New(t.Context(), (&maker{}).factory(), weir.WithName("test"), quiet())
		if err != nil {
			t.Fatal(err)
		}
		hold(t, p)
		time.Sleep(time.Second)
		hold(t, p)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("shutdown is overdue"))
		defer cancel()
		err = p.Close(ctx)
		if err == nil {
			t.Fatal("two leases are out, yet Close is content")
		}
		wantText(t, err, `weir: close: pool "test": 2 lent resources closed by force, 0 calls still running: shutdown is overdue`+
			`; held longest: unrecorded call site for 2s, unrecorded call site for 1s`)
	})
}

func TestPanicErrorNamesTheFunction(t *testing.T) {
	e := &weir.PanicError{Func: "Open", Value: errRefused}
	wantText(t, e, "weir: Factory.Open panicked: connection refused")
	wantIs(t, e, errRefused)
	if got := (&weir.PanicError{Value: 7}).Unwrap(); got != nil {
		t.Errorf("unwraps to %v, want nil: the value was no error", got)
	}
}

func TestNamesOfValues(t *testing.T) {
	for _, c := range []struct {
		value fmt.Stringer
		want  string
	}{
		{weir.LimitMaxWait, "MaxWait"}, {weir.LimitContext, "context"}, {weir.LimitMaxWaiters, "MaxWaiters"},
		{weir.LimitFailFast, "FailFast"}, {weir.Limit(9), "limit(9)"},
		{weir.OnOpen, "open"}, {weir.OnAcquire, "acquire"}, {weir.WhileIdle, "idle"}, {weir.Moment(9), "moment(9)"},
		{weir.Keep, "keep"}, {weir.Discard, "discard"}, {weir.Demoted, "demoted"}, {weir.Verdict(9), "verdict(9)"},
		{weir.RetiredLifetime, "lifetime"}, {weir.RetiredIdle, "idle"}, {weir.RetiredError, "error"}, {weir.RetiredRole, "role"},
		{weir.RetiredEvicted, "evicted"}, {weir.RetiredResized, "resized"}, {weir.RetiredClosed, "closed"},
		{weir.RetiredLeaked, "leaked"}, {weir.Reason(99), "reason(99)"},
		{weir.EventOpened, "opened"}, {weir.EventOpenFailed, "open failed"}, {weir.EventChecked, "checked"},
		{weir.EventCheckFailed, "check failed"}, {weir.EventRetired, "retired"}, {weir.EventCloseFailed, "close failed"},
		{weir.EventLeaked, "leaked"}, {weir.EventReturned, "returned"}, {weir.EventMisused, "misused"},
		{weir.EventDemoted, "demoted"}, {weir.EventKind(0), "event(0)"}, {weir.EventKind(99), "event(99)"},
	} {
		if got := c.value.String(); got != c.want {
			t.Errorf("%T is called %q, want %q", c.value, got, c.want)
		}
	}
}
