package benchmarks

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirpool/weir/benchmarks/internal/report"
)

// elsewhere are the cases that tests of their own run: they need a server.
const elsewhere = "W10MySQL"

// The test runs itself as cmd/compare does, with every case once, in its small form: none may rot between the runs that
// measure. It says nothing about speed. A peer may fail, some forget callers; weir may not.
func TestEveryCaseRunsAndIsReadByTheReport(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	which := map[string]bool{}
	cases, _ := Cases(false)
	for _, c := range cases {
		if c.Workload != elsewhere {
			want = append(want, lineName(c))
			which[c.Workload] = true
		}
	}
	var names []string
	for name := range which {
		names = append(names, name)
	}
	base := filepath.Join(t.TempDir(), "smoke")
	out, runErr := exec.CommandContext(t.Context(), self, "-test.run=^TestRounds$", "-test.short", "-test.benchtime=1x",
		"-rounds=1", "-out="+base, "-cases=^("+strings.Join(names, "|")+")/").CombinedOutput()
	text, err := os.ReadFile(base + ".txt")
	if err != nil {
		t.Fatalf("%v, %v:\n%s", runErr, err, out)
	}
	raw, err := report.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if (runErr != nil) != (len(raw.Failed) > 0) {
		t.Errorf("the run ended with %v, %q failed:\n%s", runErr, raw.Failed, out)
	}
	got := slices.Clone(raw.Failed)
	for _, s := range raw.Series {
		got = append(got, s.Group+"/"+s.Key+"="+s.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, name := range raw.Failed {
		if peer := Peers()[1:]; !slices.ContainsFunc(peer, func(p Peer) bool { return strings.HasSuffix(name, "/pool="+p.Name) }) {
			t.Errorf("%s failed:\n%s", name, out)
		}
	}
}

func TestBenchmarksAreCalledAsTheCases(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), self, "-test.run=^$", "-test.short", "-test.benchtime=1x",
		"-test.bench=Benchmark/W1Alone/pool=weir").CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if !strings.Contains(string(out), "\nBenchmark/W1Alone/pool=weir") {
		t.Errorf("no line of it:\n%s", out)
	}
}
