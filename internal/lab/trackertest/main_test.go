package trackertest_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

func TestMain(m *testing.M) {
	code := labtest.Main(m)
	if err := stopServer(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var must = labtest.Must

// The package has one server, started by the first test that needs it.
var shared struct {
	mu     sync.Mutex // guards the fields below, and is held while the server starts
	server *lab.Server
	err    error
}

// server starts a server of this process's family with the instruments on that show
// a session from outside: its metadata locks, user variables and prepared
// statements. No statement can write files where they are in the way.
func server(t testing.TB) *lab.Server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = lab.Start(context.Background(), lab.Config{
			Kind: labtest.Kind(),
			Args: append([]string{"--performance-schema=1"}, own().args...),
		})
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

func stopServer() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil {
		return nil
	}
	return shared.server.Close()
}
