package labtest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/weirpool/weir/internal/lab"
)

// serverFlag picks one family, by its name.
var serverFlag = flag.String("weir.server", "", "run the tests on one kind of server only: mariadb or mysql (both)")

// families are what the tests run on.
var families = []lab.Kind{lab.MariaDB, lab.MySQL}

// Main is a package's TestMain: os.Exit(labtest.Main(m)). It runs the tests on each family of servers, side by side, each in a process of
// its own, which is this program with -weir.server. What they print comes family by family. With -weir.server the tests run
// on that one in this process. Where MySQL is missing its tests are skipped, which the output says; without MariaDB all fails.
func Main(m *testing.M) int {
	flag.Parse()
	if *serverFlag == "" && sharesOneProcess() {
		*serverFlag = families[0].String()
	}
	if *serverFlag == "" {
		return onEach()
	}
	kind, err := parseFamily(*serverFlag)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if !sharesOneProcess() {
		// Now, and not within a test's time. What fails here fails again in the tests that start a server.
		_ = lab.Prepare(context.Background(), kind)
	}
	code := m.Run()
	if err := closeShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// sharesOneProcess reports whether the program is not to run tests, but to list or to fuzz them.
func sharesOneProcess() bool {
	for _, name := range []string{"test.list", "test.fuzz", "test.fuzzworker"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != f.DefValue {
			return true
		}
	}
	return false
}

func parseFamily(name string) (lab.Kind, error) {
	for _, kind := range families {
		if strings.EqualFold(name, kind.String()) {
			return kind, nil
		}
	}
	return 0, fmt.Errorf("-weir.server=%q: must be mariadb or mysql", name)
}

// Kind is the family that the tests of this process run on.
func Kind() lab.Kind {
	kind, err := parseFamily(*serverFlag)
	if err != nil {
		panic(err) // the package's TestMain is not Main
	}
	return kind
}

// Only skips a test that has nothing to show on the other family, and says why.
func Only(t testing.TB, kind lab.Kind, why string) {
	t.Helper()
	if Kind() != kind {
		t.Skipf("on %v only: %s", kind, why)
	}
}

// onEach runs this program once for each family, side by side, and returns the exit code of all. The first family's output comes as it
// is written, the others' after it.
func onEach() int {
	var (
		runs  sync.WaitGroup
		codes = make([]int, len(families))
		later = make([]bytes.Buffer, len(families))
	)
	for i, kind := range families {
		runs.Go(func() {
			if i == 0 {
				codes[i] = onOne(kind, os.Stdout)
			} else {
				codes[i] = onOne(kind, &later[i])
			}
		})
	}
	runs.Wait()
	for i := range later {
		os.Stdout.Write(later[i].Bytes()) // there is nobody to tell that it fails
	}
	return slices.Max(codes)
}

func onOne(kind lab.Kind, out io.Writer) int {
	err := lab.Available(kind)
	if errors.Is(err, lab.ErrNoMySQL) {
		fmt.Fprintf(out, "*** NOT TRIED on %v: %v\n", kind, err)
		return 0
	}
	if err == nil {
		fmt.Fprintf(out, "*** on %v\n", kind)
		err = lab.Run(childOf(kind, out))
	}
	if err != nil {
		fmt.Fprintf(out, "*** FAIL on %v: %v\n", kind, err)
		return 1
	}
	return 0
}

// childOf is this program on one family. go test's record of the files that a test reads has one writer.
func childOf(kind lab.Kind, out io.Writer) *exec.Cmd {
	args := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(arg string) bool {
		return strings.HasPrefix(strings.TrimLeft(arg, "-"), "test.testlogfile=")
	})
	cmd := exec.Command(os.Args[0], append([]string{"-weir.server=" + strings.ToLower(kind.String())}, args...)...)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd
}
