package report_test

import (
	"strings"
	"testing"

	"github.com/weirpool/weir/benchmarks/internal/report"
)

const crowded = `BenchmarkW3Contention/goroutines=64/body=gosched/pool=`

func goalsOf(t *testing.T, lines string) map[string]report.Goal {
	t.Helper()
	raw, err := report.Read(strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	byWords := map[string]report.Goal{}
	for _, g := range report.Goals(raw, []string{"weir", "puddle", "channel"}) {
		key := g.Workload + ": " + g.Words
		if _, ok := byWords[key]; ok {
			t.Errorf("two goals are called %q", key)
		}
		byWords[key] = g
	}
	return byWords
}

const someMetSomeMissed = `BenchmarkFloor/of=mutex_pair 1 20 ns/op
BenchmarkFloor/of=mutex_pair_in_parallel 1 40 ns/op
BenchmarkW1Alone/pool=weir 1 30 ns/op 0 allocs/op
BenchmarkW1Alone/pool=weir 1 90 ns/op 0 allocs/op
BenchmarkW1Alone/pool=weir 1 40 ns/op 0 allocs/op
BenchmarkW1Alone/pool=puddle 1 99 ns/op
BenchmarkW2Parallel/pool=weir 1 100 ns/op 1 allocs/op
` + crowded + `weir 1 1000 ns/op 1.1 max/min 1000 p50-ns 5001 max-ns
` + crowded + `channel 1 1000 ns/op
` + crowded + `puddle 1 2000 ns/op
` + crowded + `mutex+slice 1 10 ns/op
BenchmarkW4AloneLimited/pool=weir 1 60 ns/op
BenchmarkW4AloneLimited/pool=channel 1 700 ns/op
BenchmarkW4AloneLimited/pool=puddle 1 500 ns/op
BenchmarkW5cFailingOpens/pool=weir 1 200000000 ns/op 49 served
BenchmarkW5cFailingOpens/pool=puddle 1 150000000 ns/op 5 served
BenchmarkW6Expiry/pool=weir 1 5 ns/op 0 goroutines-kept 65536 kept-B
BenchmarkW7Memory/of=idle_resource/pool=weir 1 0 ns/op 201 B/idle
BenchmarkW9Growth/waiters=10/pool=weir 1 1000 ns/op
BenchmarkW9Growth/waiters=10000/pool=weir 1 1199 ns/op
BenchmarkW10MySQL/query=select1/goroutines=256/pool=weir 1 100000 ns/op 4000000 p99-ns
BenchmarkW10MySQL/query=select1/goroutines=256/pool=database/sql 1 99000 ns/op 9000000 p99-ns
BenchmarkW10MySQL/query=select1/goroutines=256/pool=weir_without_checks 1 99000 ns/op
`

func TestGoalsAreJudgedByMediansOfTheSameRun(t *testing.T) {
	got := goalsOf(t, someMetSomeMissed)
	const w3 = "W3Contention/goroutines=64/body=gosched: "
	const w10 = "W10MySQL/query=select1/goroutines=256: "
	for key, want := range map[string]struct {
		measured string
		verdict  report.Verdict
	}{
		"W1Alone: time at most 2 × the mutex pair":                 {"2 × (40.0 ns against 20.0 ns of mutex pair)", report.Met},
		"W1Alone: time at most 0.4 × puddle":                       {"0.404 × (40.0 ns against 99.0 ns of puddle)", report.Missed},
		"W1Alone: time at most 0.4 × smartconnpool":                {"–", report.NotMeasured},
		"W1Alone: allocations at most 0":                           {"0", report.Met},
		"W2Parallel: time at most 2 × the mutex pair in parallel":  {"2.5 × (100 ns against 40.0 ns of mutex pair in parallel); mutex pair 20.0 ns", report.Missed},
		"W2Parallel: allocations at most 0":                        {"1", report.Missed},
		w3 + "time at most 1 × the best pool that serves in order": {"1 × (1000 ns against 1000 ns of channel)", report.Met},
		w3 + "time at most 0.6 × puddle":                           {"0.5 × (1000 ns against 2000 ns of puddle)", report.Met},
		w3 + "most uses of a goroutine / fewest at most 1.2":       {"1.1", report.Met},
		w3 + "longest wait at most 5 × the median wait":            {"5 × (5001 ns against 1000 ns)", report.Missed},
		"W4AloneLimited: time at most 0.1 × the best peer with its context": {
			"0.12 × (60.0 ns against 500 ns of puddle)", report.Missed,
		},
		"W5cFailingOpens: served of 50 at least 50":                             {"49; puddle 5", report.Missed},
		"W5Spike: opens at most 2":                                              {"–", report.NotMeasured},
		"W6Expiry: time at most 1 × the best peer":                              {"–", report.NotMeasured},
		"W6Expiry: goroutines kept at most 0":                                   {"0", report.Met},
		"W6Expiry: bytes kept at most 65536":                                    {"65536", report.Met},
		"W7Memory/of=idle_resource: bytes per idle resource at most 200":        {"201", report.Missed},
		"W9Growth/waiters=10000: time with 10000 waiters at most 1.2 × with 10": {"1.2 × (1199 ns against 1000 ns in W9Growth/waiters=10)", report.Met},
		w10 + "time at most 1 × database/sql":                                   {"1.01 × (100.0 µs against 99.0 µs of database/sql)", report.Missed},
		w10 + "time with checks at most 1.02 × without":                         {"1.01 × (100.0 µs against 99.0 µs of weir without checks)", report.Met},
		w10 + "p99 of a call at most 0.5 × database/sql":                        {"0.444 × (4ms against 9ms of database/sql)", report.Met},
	} {
		g, ok := got[key]
		if !ok {
			t.Errorf("no goal %q", key)
		}
		if g.Measured != want.measured || g.Verdict != want.verdict {
			t.Errorf("%s: got %q, %s, want %q, %s", key, g.Measured, g.Verdict, want.measured, want.verdict)
		}
	}
}

func TestNoGoalIsMetByAnEmptyRun(t *testing.T) {
	got := goalsOf(t, "")
	if len(got) < 40 {
		t.Errorf("got %d goals, want those of all workloads", len(got))
	}
	for key, g := range got {
		if g.Verdict != report.NotMeasured {
			t.Errorf("%s: got %s, want %s", key, g.Verdict, report.NotMeasured)
		}
	}
}

func TestGoalsAreWrittenAsATable(t *testing.T) {
	goals := []report.Goal{
		{Workload: "W1Alone", Words: "allocations at most 0", Measured: "0", Verdict: report.Met},
		{Workload: "W5Spike", Words: "opens at most 2", Measured: "3", Verdict: report.Missed},
	}
	var got strings.Builder
	if err := report.WriteGoals(&got, goals); err != nil {
		t.Fatal(err)
	}
	want := `### Goals

1 met, 1 missed, 0 not measured.

| workload | goal | measured | |
|---|---|---|---|
| W1Alone | allocations at most 0 | 0 | met |
| W5Spike | opens at most 2 | 3 | **missed** |
`
	if got.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
}
