package benchmarks

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/weirpool/weir/benchmarks/internal/report"
)

// The test runs itself with every benchmark on, once each: none may rot between the runs that measure. It says nothing
// about speed.
func TestEveryBenchmarkRunsAndIsReadByTheReport(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^$", "-test.bench=.", "-test.benchtime=1x")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("benchmarks: %v\n%s", err, out)
	}
	raw, err := report.Read(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, s := range raw.Series {
		got[s.Group] = append(got[s.Group], s.Name)
	}
	var all, limited []string
	for _, p := range Peers() {
		all = append(all, p.Name)
		if !p.Unlimited {
			limited = append(limited, p.Name)
		}
	}
	for group, want := range map[string][]string{
		"W1Alone":                          all,
		"W2Parallel":                       all,
		"W3Contention/body=gosched":        all,
		"W4AloneLimited":                   limited,
		"W4ContentionLimited/body=gosched": limited,
		"W6Expiry":                         limited,
		"Floor":                            {"mutex_pair", "CAS_pair", "channel_hand-off", "time.Now", "context.WithTimeout"},
	} {
		if !slices.Equal(got[group], want) {
			t.Errorf("%s: got %q, want %q", group, got[group], want)
		}
	}
	if len(got["W11Features"]) == 0 {
		t.Error("no benchmark of W11Features ran")
	}
}
