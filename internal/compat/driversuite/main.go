// Command driversuite runs go-sql-driver/mysql's own tests twice on a MariaDB server and twice on a MySQL server: as they are, and
// with every connection of theirs going through a connector of package mysqlpool. It prints the counts and exits with 1 unless the two
// runs on a server differ exactly as the tables in differ.go say.
//
// The tests come from the module cache, in the version that weir is built with. They are copied to a temporary directory, changed
// there (see rewrite.go), and removed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/weirpool/weir/internal/lab"
)

const (
	exitFailed = 1
	exitUsage  = 2
)

// bound ends a run that hangs. The two runs on a server take about a minute on two cores.
const bound = 20 * time.Minute

type request struct {
	server  string // a family of servers, or everyServer
	run     string // which tests, as go test -run
	stock   bool   // run the tests as they are
	through bool   // run them over the connector
	race    bool
	keep    bool   // leave the copies where they are
	log     string // where the tests' whole output goes
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	req := request{stock: true, through: true}
	flag.StringVar(&req.server, "server", everyServer, "the family of servers to test on: mariadb, mysql or all")
	flag.StringVar(&req.run, "run", "", "run only the tests that match, as go test -run does; then a test that did not run is no surprise")
	flag.BoolVar(&req.stock, "stock", true, "run the tests as they are")
	flag.BoolVar(&req.through, "through", true, "run the tests over the connector")
	flag.BoolVar(&req.race, "race", true, "run under the race detector")
	flag.BoolVar(&req.keep, "keep", false, "keep the copies, and say where they are")
	flag.StringVar(&req.log, "log", "", "write the tests' whole output to this file")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "driversuite: unexpected argument %q\n", flag.Arg(0))
		os.Exit(exitUsage)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, bound, fmt.Errorf("the limit of %v has passed", bound))
	defer cancel()
	if err := suite(ctx, req, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "driversuite: %v\n", err)
		os.Exit(exitFailed)
	}
}

// suite does what the command is for; what it prints goes to out.
func suite(ctx context.Context, req request, out io.Writer) (err error) {
	kinds, err := kindsOf(req.server)
	if err != nil {
		return err
	}
	log, err := openLog(req.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	for test, why := range leftOut {
		fmt.Fprintf(out, "left out: %s: %s\n", test, why)
	}
	var failures []error
	for _, kind := range kinds {
		if err := lab.Available(kind); errors.Is(err, lab.ErrNoMySQL) && req.server == everyServer {
			fmt.Fprintf(out, "\n  NOTHING WAS TRIED on %v: %v\n\n", kind, err)
			continue
		}
		if err := suiteOn(ctx, kind, req, out, log); err != nil {
			failures = append(failures, fmt.Errorf("on %v: %w", kind, err))
		}
	}
	return errors.Join(failures...)
}

// suiteOn runs both on a server of the kind.
func suiteOn(ctx context.Context, kind lab.Kind, req request, out, log io.Writer) (err error) {
	srv, err := startServer(ctx, kind)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.close()) }()
	fmt.Fprintf(out, "go-sql-driver/mysql's own tests on %v %s\n", kind, srv.version)

	var stock, through results
	if req.stock {
		if stock, err = runCopy(ctx, req, srv, nil, log); err != nil {
			return fmt.Errorf("without the connector: %w", err)
		}
		fmt.Fprintf(out, "without the connector: %s\n", stock)
	}
	if req.through {
		if through, err = runCopy(ctx, req, srv, rewrites, log); err != nil {
			return fmt.Errorf("with the connector: %w", err)
		}
		fmt.Fprintf(out, "with the connector:    %s\n", through)
	}
	if !req.stock || !req.through {
		return nil
	}
	return report(out, judge(stock, through, expectedOn(kind), req.run == ""))
}

func openLog(path string) (*os.File, error) {
	if path == "" {
		path = os.DevNull
	}
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
}

// report prints what differs, and returns an error if anything differs that should not.
func report(out io.Writer, v verdict) error {
	if len(v.explained) > 0 {
		fmt.Fprintf(out, "%d tests differ as expected:\n", len(v.explained))
	}
	for _, d := range v.explained {
		fmt.Fprintf(out, "  %s\n    %s\n", d.test, d.why)
	}
	if len(v.surprises) == 0 {
		return nil
	}
	return fmt.Errorf("%d surprises:\n%s", len(v.surprises), strings.Join(v.surprises, "\n"))
}
