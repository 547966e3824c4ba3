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
	code := m.Run()
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

// server starts MariaDB with the instruments on that show a session from outside:
// its metadata locks, user variables and prepared statements. No statement can
// write files where they are in the way.
func server(t testing.TB) *lab.Server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = lab.Start(context.Background(), lab.Config{Args: []string{
			"--performance-schema=1",
			"--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON",
			"--secure-file-priv=data/mysql", // by the server's working directory
			"--max-allowed-packet=64M",
			"--innodb-file-per-table=0", "--innodb-stats-persistent=0", // so that the schema is soon made anew
		}})
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
