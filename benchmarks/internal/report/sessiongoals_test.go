package report

import (
	"fmt"
	"strings"
	"testing"
)

// sessionRun is the lines of one round, with weir's numbers where they are given.
func sessionRun(t *testing.T, lines ...string) *Raw {
	t.Helper()
	raw, err := Read(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func sessionGoalOf(t *testing.T, raw *Raw, workload, words string) Goal {
	t.Helper()
	for _, g := range SessionGoals(raw) {
		if g.Workload == workload && strings.Contains(g.Words, words) {
			return g
		}
	}
	t.Fatalf("no goal of %s speaks of %q", workload, words)
	return Goal{}
}

func TestSessionGoalsAreJudgedByTheirBounds(t *testing.T) {
	const (
		near  = "S1Lookup/way=loopback/goroutines=8"
		exec  = "S3Overhead/call=exec/goroutines=1"
		query = "BenchmarkS1Lookup/way=loopback/goroutines=8/pool="
	)
	for _, c := range []struct {
		workload, words, said string
		weir, other           string
		want                  Verdict
	}{
		{near, "2 × database/sql", "2 × (2.00..2.00; 200 ops/s against 100 ops/s of database/sql)", query + "weir\t1\t200 ops/s", query + "database/sql\t1\t100 ops/s", Met},
		{near, "2 × database/sql", "1.99 ×", query + "weir\t1\t199 ops/s", query + "database/sql\t1\t100 ops/s", Missed},
		{near, "0.75 × raw driver", "0.75 ×", query + "weir\t1\t75 ops/s", query + "raw_driver\t1\t100 ops/s", Met},
		{"S2Held", "p99", "0.25 ×", "BenchmarkS2Held/pool=weir\t1\t25 call-p99-ns", "BenchmarkS2Held/pool=database/sql\t1\t100 call-p99-ns", Met},
		{"S2Held", "p99", "0.26 ×", "BenchmarkS2Held/pool=weir\t1\t26 call-p99-ns", "BenchmarkS2Held/pool=database/sql\t1\t100 call-p99-ns", Missed},
		{exec, "beyond", "400 ns (700 ns against 300 ns of database/sql)", "Benchmark" + exec + "/pool=weir\t1\t700 ns/op", "Benchmark" + exec + "/pool=database/sql\t1\t300 ns/op", Met},
		{exec, "beyond", "401 ns", "Benchmark" + exec + "/pool=weir\t1\t701 ns/op", "Benchmark" + exec + "/pool=database/sql\t1\t300 ns/op", Missed},
		{"S4Cancel/of=sleep", "still running", "0 still running; database/sql 50 still running", "BenchmarkS4Cancel/of=sleep/pool=weir\t1\t0 still-running", "BenchmarkS4Cancel/of=sleep/pool=database/sql\t1\t50 still-running", Met},
	} {
		t.Run(fmt.Sprintf("%s %s %s", c.workload, c.words, c.want), func(t *testing.T) {
			got := sessionGoalOf(t, sessionRun(t, c.weir, c.other), c.workload, c.words)
			if got.Verdict != c.want || !strings.HasPrefix(got.Measured, c.said) {
				t.Errorf("got %s, %q, want %s, %q", got.Verdict, got.Measured, c.want, c.said)
			}
		})
	}
}

func TestOneRoundAboveABoundMissesASessionGoal(t *testing.T) {
	raw := sessionRun(t,
		"BenchmarkS4Cancel/of=sleep/pool=weir\t1\t0 still-running", "BenchmarkS4Cancel/of=sleep/pool=weir\t1\t0 still-running",
		"BenchmarkS4Cancel/of=sleep/pool=weir\t1\t1 still-running")
	if got := sessionGoalOf(t, raw, "S4Cancel/of=sleep", "still running"); got.Verdict != Missed || got.Measured != "1 still running" {
		t.Errorf("got %s, %q, want it missed by one", got.Verdict, got.Measured)
	}
}

func TestFailedRoundMissesASessionGoal(t *testing.T) {
	raw := sessionRun(t, "BenchmarkS4Cancel/of=sleep/pool=weir\t1\t0 still-running", "failed: S4Cancel/of=sleep/pool=weir")
	if got := sessionGoalOf(t, raw, "S4Cancel/of=sleep", "still running"); got.Verdict != Missed {
		t.Errorf("got %s, want it missed", got.Verdict)
	}
}

func TestSessionGoalWithoutBothSidesIsNotMeasured(t *testing.T) {
	raw := sessionRun(t, "BenchmarkS2Held/pool=weir\t1\t25 call-p99-ns")
	if got := sessionGoalOf(t, raw, "S2Held", "p99"); got.Verdict != NotMeasured {
		t.Errorf("got %s, %q, want it not measured", got.Verdict, got.Measured)
	}
}
