package benchmarks

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"testing"

	"github.com/weirpool/weir/internal/lab"
)

// serverFlag is the kind of server that the sessions are measured on.
var serverFlag = func() *lab.Kind {
	kind := new(lab.Kind)
	flag.TextVar(kind, "server", lab.MariaDB, "the server that TestSessionRounds measures on, mariadb or mysql")
	return kind
}()

// BenchmarkSessions is every case of the sessions, as `go test -bench Sessions/S1Lookup`. With -short it is their small form. All
// of them are lines of the results: see TestSessionRounds.
func BenchmarkSessions(b *testing.B) {
	cases, done := SessionCases(*serverFlag, !testing.Short())
	b.Cleanup(func() {
		if err := done(); err != nil {
			b.Error(err)
		}
	})
	for _, c := range cases {
		b.Run(c.Name(), c.Run)
	}
}

// TestSessionRounds measures the sessions in rounds, as TestRounds does the pools, and with its flags. It is what cmd/sessions
// runs.
func TestSessionRounds(t *testing.T) {
	if *roundsFlag == 0 {
		t.Skip("this measures, and tests nothing: it runs with -rounds N only")
	}
	which, err := regexp.Compile(*casesFlag)
	if err != nil {
		t.Fatal(err)
	}
	cases, done := SessionCases(*serverFlag, !testing.Short())
	cases = slices.DeleteFunc(cases, func(c Case) bool { return *quickFlag && !c.Quick || !which.MatchString(lineName(c)) })
	if len(cases) == 0 {
		t.Fatalf("no case is called %q", *casesFlag)
	}
	out, end := openResults(t, *outFlag)
	if err := writeServerFact(out); err != nil {
		t.Fatal(err)
	}
	r := &runner{t: t, out: out}
	for n := range *roundsFlag {
		r.round(n, groupsOf(cases))
	}
	for _, err := range []error{done(), end(nil)} {
		if err != nil {
			t.Error(err)
		}
	}
	for _, why := range r.failed {
		t.Error("failed: " + why)
	}
}

// writeServerFact says which server it was. It starts one for that: those of the cases begin when they are asked for.
func writeServerFact(out io.Writer) error {
	server, err := freshServer(*serverFlag, 0)
	if err != nil {
		return err
	}
	defer server.Close()
	var version string
	var watched int
	if err := server.Admin().QueryRow("SELECT VERSION(), @@performance_schema").Scan(&version, &watched); err != nil {
		return err
	}
	name, err := serverFlag.MarshalText()
	fmt.Fprintf(out, "%s: %s, performance_schema=%d, on the same processors\n", name, version, watched)
	return err
}
