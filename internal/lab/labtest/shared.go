package labtest

import (
	"context"
	"sync"
	"testing"

	"github.com/weirpool/weir/internal/lab"
)

// shared is the server of all tests that do it no harm.
var shared struct {
	start sync.Once
	srv   *lab.Server
	err   error
}

// Shared returns the server that the tests of this process have in common. The first test that asks starts it, as the lab does by
// default; [Main] closes it.
func Shared(t testing.TB) *lab.Server {
	t.Helper()
	shared.start.Do(func() {
		if shared.srv, shared.err = lab.Start(context.Background(), lab.Config{Kind: Kind()}); shared.err == nil {
			share(shared.srv)
		}
	})
	Must(t, shared.err)
	return shared.srv
}

func closeShared() error {
	if shared.srv == nil {
		return nil
	}
	return shared.srv.Close()
}
