package labtest

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/weirpool/weir/internal/lab"
)

// WantNoGoroutine asserts that nothing of a pool, its adapter or the driver runs any more, and waits for that as [lab.Until] does.
// What is left is an error of the test, with its stacks, and does not end it.
func WantNoGoroutine(ctx context.Context, t testing.TB) {
	t.Helper()
	var left []string
	err := lab.Until(ctx, "no goroutine of the pool is left", func(context.Context) (bool, error) {
		left = slices.DeleteFunc(others(), func(stack string) bool {
			return !strings.Contains(stack, "github.com/weirpool/weir.") && !strings.Contains(stack, "/weir/mysqlpool.") &&
				!strings.Contains(stack, "go-sql-driver/mysql.")
		})
		return len(left) == 0, nil
	})
	if err != nil {
		t.Errorf("%v:\n%s", err, strings.Join(left, "\n\n"))
	}
}

// others returns the stacks of all goroutines but the caller's.
func others() []string {
	buf := make([]byte, 4<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	return stacks[1:]
}
