package labtest

import (
	"testing"

	"github.com/weirpool/weir/internal/lab"
)

// StartPair starts a primary and its replica for one test, of the family that [Kind] says.
func StartPair(t testing.TB) *lab.Cluster {
	t.Helper()
	Begin(t)
	pair, err := lab.StartPair(t.Context(), Kind())
	Must(t, err)
	t.Cleanup(func() { Must(t, pair.Close()) })
	return pair
}
