package sessiontest_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
)

// historyFor is how long the random history runs; the proof takes 10m.
var historyFor = flag.Duration("weir.history", historyDefault, "how long the random history of sessions runs")

const historyDefault = 5 * time.Second

// shared is the server of all tests that do it no harm.
var shared *lab.Server

func TestMain(m *testing.M) {
	flag.Parse()
	srv, err := lab.Start(context.Background(), lab.Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared = srv
	code := m.Run()
	if err := srv.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
