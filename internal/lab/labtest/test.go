package labtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
)

// Must ends the test if there is an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Within is the test's context with a limit, so that what hangs ends with a name.
func Within(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	Begin(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, fmt.Errorf("the test's limit of %v has passed", limit))
	t.Cleanup(cancel)
	return ctx
}

// Until waits, as [lab.Until] does, until cond answers true. What names it in the error.
func Until(ctx context.Context, t testing.TB, what string, cond func() bool) {
	t.Helper()
	Must(t, lab.Until(ctx, what, func(context.Context) (bool, error) { return cond(), nil }))
}
