package weir_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// leavesNothing asserts, when the test ends, that no goroutine of a pool is left that was not there when leavesNothing was called. It
// is for tests outside of bubbles: synctest asserts the same at the end of each bubble.
func leavesNothing(t *testing.T) {
	before := poolGoroutines()
	t.Cleanup(func() {
		deadline := time.After(5 * time.Second)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			left := slices.DeleteFunc(poolGoroutines(), func(g goroutine) bool {
				return slices.ContainsFunc(before, func(b goroutine) bool { return b.number == g.number })
			})
			if len(left) == 0 {
				return
			}
			select {
			case <-tick.C:
			case <-deadline:
				t.Errorf("goroutines of a pool are left:\n%v", left)
				return
			}
		}
	})
}

type goroutine struct{ number, stack string }

// poolGoroutines are the goroutines of all pools. A stack begins "goroutine 7 [running]:".
func poolGoroutines() []goroutine {
	buf := make([]byte, 1<<20)
	var found []goroutine
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "weir.(*Pool[") {
			found = append(found, goroutine{strings.Fields(stack)[1], stack})
		}
	}
	return found
}
