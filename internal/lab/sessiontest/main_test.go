package sessiontest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

// historyFor is how long the random history runs; the proof takes 10m.
var historyFor = flag.Duration("weir.history", historyDefault, "how long the random history of sessions runs")

const historyDefault = 5 * time.Second

// shared is the server of all tests that do it no harm.
var shared *lab.Server

// sharedMySQL is the same of MySQL's, started by the first test that needs it.
var sharedMySQL struct {
	start sync.Once
	srv   *lab.Server
	err   error
}

// mysqlServer returns the shared MySQL server. Without MySQL the test is skipped.
func mysqlServer(t testing.TB) *lab.Server {
	t.Helper()
	sharedMySQL.start.Do(func() {
		sharedMySQL.srv, sharedMySQL.err = lab.Start(context.Background(), lab.Config{Kind: lab.MySQL})
		if sharedMySQL.err == nil {
			labtest.Share(sharedMySQL.srv)
		}
	})
	if errors.Is(sharedMySQL.err, lab.ErrNoMySQL) {
		t.Skip(sharedMySQL.err)
	}
	must(t, sharedMySQL.err)
	return sharedMySQL.srv
}

func TestMain(m *testing.M) {
	flag.Parse()
	srv, err := lab.Start(context.Background(), lab.Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared = srv
	labtest.Share(srv)
	code := m.Run()
	for _, srv := range []*lab.Server{srv, sharedMySQL.srv} {
		if srv == nil {
			continue
		}
		if err := srv.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
