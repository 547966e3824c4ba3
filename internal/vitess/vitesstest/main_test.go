package vitesstest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/vitess"
)

// cluster is what all tests that do it no harm have in common.
var cluster *vitess.Cluster

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	cluster, err = vitess.Start(context.Background(), vitess.Config{})
	if errors.Is(err, vitess.ErrNoVitess) || errors.Is(err, lab.ErrNoMySQL) {
		fmt.Fprintf(os.Stderr, "SKIPPED, nothing was tried over Vitess: %v\n", err)
		return 0
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := cluster.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
