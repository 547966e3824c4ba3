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
BenchmarkW1Alone/pool=puddle 1 120 ns/op
BenchmarkW1Alone/pool=puddle 1 99 ns/op
BenchmarkW1Alone/pool=puddle 1 44.5 ns/op
BenchmarkW2Parallel/pool=weir 1 100 ns/op 1 allocs/op
` + crowded + `weir 1 1000 ns/op 1.1 max/min 5.25 max/median
` + crowded + `channel 1 1000 ns/op
` + crowded + `puddle 1 2000 ns/op
` + crowded + `mutex+slice 1 10 ns/op
BenchmarkW4AloneLimited/pool=weir 1 60 ns/op
BenchmarkW4AloneLimited/pool=channel 1 700 ns/op
BenchmarkW4AloneLimited/pool=puddle 1 500 ns/op
BenchmarkW5cFailingOpens/pool=weir 1 200000000 ns/op 49 served
BenchmarkW5cFailingOpens/pool=puddle 1 150000000 ns/op 5 served
BenchmarkW6Expiry/pool=weir 1 5 ns/op 0 goroutines-kept 65536 kept-B
BenchmarkFloor/of=turn_of_64_that_yield 1 430 ns/op 120 max/median
BenchmarkW5bLongUses/opening=10/pool=weir 1 900000000 ns/op 11 dials-at-once 10 MaxOpening
BenchmarkW7Memory/of=idle_resource/pool=weir 1 0 ns/op 199 B/idle 201 B/idle-of-1000
BenchmarkW7Memory/of=waiter/pool=weir 1 0 ns/op 190 B/waiter 150 B/waiter-of-1000 2048 stack-B/waiter
BenchmarkW7Memory/of=cancellable_waiter/pool=weir 1 0 ns/op 304 B/waiter
BenchmarkW9Growth/waiters=10/pool=weir 1 1000 ns/op
BenchmarkW9Growth/waiters=10/pool=channel 1 500 ns/op
BenchmarkW9Growth/waiters=100/pool=weir 1 1199 ns/op
BenchmarkW9Growth/waiters=1000/pool=weir 1 1100 ns/op
BenchmarkW9Growth/waiters=10000/pool=weir 1 1050 ns/op
BenchmarkW9Growth/waiters=100/pool=channel 1 500 ns/op
BenchmarkW9Growth/waiters=1000/pool=channel 1 750 ns/op
BenchmarkW9Growth/waiters=10000/pool=channel 1 600 ns/op
BenchmarkW9Growth/idle=10/pool=weir 1 50 ns/op
BenchmarkW9Growth/idle=1000/pool=weir 1 50 ns/op
BenchmarkW10MySQL/query=select1/goroutines=64/pool=weir 1 100000 ns/op 0 checks
BenchmarkW10MySQL/query=select1/goroutines=64/pool=weir_without_checks 1 99000 ns/op
BenchmarkW10MySQL/query=select1/goroutines=256/pool=weir 1 100000 ns/op 4000000 p99-ns 7 checks
BenchmarkW10MySQL/query=select1/goroutines=256/pool=database/sql 1 120000 ns/op 9000000 p99-ns
BenchmarkW10MySQL/query=select1/goroutines=256/pool=database/sql_QueryRow 1 99000 ns/op 10000000 p99-ns
BenchmarkW10MySQL/query=select1/goroutines=256/pool=weir_without_checks 1 99000 ns/op
BenchmarkW10MySQL/query=indexed/goroutines=8/pool=weir 1 100 ns/op
BenchmarkW10MySQL/query=indexed/goroutines=8/pool=database/sql 1 200 ns/op
`

func TestGoalsAreJudgedByMediansOfTheSameRun(t *testing.T) {
	got := goalsOf(t, someMetSomeMissed)
	const w3 = "W3Contention/goroutines=64/body=gosched: "
	const w10 = "W10MySQL/query=select1/goroutines=256: "
	for key, want := range map[string]struct {
		measured string
		verdict  report.Verdict
	}{
		"W1Alone: time at most 2 × the mutex pair":                         {"2 × (40.0 ns against 20.0 ns of mutex pair)", report.Met},
		"W1Alone: time at most 0.4 × puddle":                               {"0.404 × (0.25..0.91; 40.0 ns against 99.0 ns of puddle)", report.Missed},
		"W1Alone: time at most 0.4 × smartconnpool":                        {"–", report.NotMeasured},
		"W1Alone: allocations at most 0":                                   {"0", report.Met},
		"W2Parallel: time at most 2 × the mutex pair in parallel":          {"2.5 × (100 ns against 40.0 ns of mutex pair in parallel); mutex pair 20.0 ns", report.Missed},
		"W2Parallel: allocations at most 0":                                {"1", report.Missed},
		w3 + "time at most 1 × the best pool that serves in order":         {"1 × (1000 ns against 1000 ns of channel)", report.Met},
		w3 + "time at most 0.6 × puddle":                                   {"0.5 × (1000 ns against 2000 ns of puddle)", report.Met},
		w3 + "most uses of a goroutine / fewest, worst round, at most 1.2": {"1.1", report.Met},
		w3 + "longest wait / median wait, worst round, at most 5": {
			"5.25; 64 that yield without a pool, on all processors 120", report.Missed,
		},
		"W4AloneLimited: time at most 0.1 × the best peer with its context": {
			"0.12 × (60.0 ns against 500 ns of puddle)", report.Missed,
		},
		"W5bLongUses/opening=10: most opens at once, worst round, at most 1 × MaxOpening": {"1.1 × (11 against 10)", report.Missed},
		"W5cFailingOpens: served of 50, worst round, at least 50":                         {"49; puddle 5", report.Missed},
		"W5Spike: opens, worst round, at most 2":                                          {"–", report.NotMeasured},
		"W6Expiry: time at most 1 × the best peer":                                        {"–", report.NotMeasured},
		"W6Expiry: goroutines kept, worst round, at most 0":                               {"0", report.Met},
		"W6Expiry: heap kept, worst round, at most 65,536 bytes, the runtime's own caches": {
			"65536", report.Met,
		},
		"W7Memory/of=idle_resource: heap bytes per idle resource at most 200": {"201; of 10,000 199, of 1,000 201", report.Missed},
		"W7Memory/of=waiter: heap bytes per waiter whose context cannot end at most 200": {
			"190; of 10,000 190, of 1,000 150, and of stack 2048, heap of one whose context can end 304", report.Met,
		},
		"W9Growth: time with 100, 1000, 10000 waiters, the worst, at most 1.2 × with 10": {
			"1.2 × (1199 ns with waiters=100 against 1000 ns with waiters=10); the channel 1.5 ×", report.Met,
		},
		"W9Growth: time with 1000, 100000 idle, the worst, at most 1.2 × with 10": {"–", report.NotMeasured},
		w10 + "time at most 1 × the faster of database/sql and its QueryRow": {
			"1.01 × (100.0 µs against 99.0 µs of database/sql QueryRow)", report.Missed,
		},
		w10 + "time with checks at most 1.02 × without": {
			"1.01 × (100.0 µs against 99.0 µs of weir without checks); checks 7", report.Met,
		},
		"W10MySQL/query=select1/goroutines=64: time with checks at most 1.02 × without": {"–", report.NotMeasured},
		w10 + "p99 of a call at most 0.5 × the better of database/sql and its QueryRow": {
			"0.444 × (4ms against 9ms of database/sql)", report.Met,
		},
		"W10MySQL/query=indexed/goroutines=8: time at most 1 × the faster of database/sql and its QueryRow": {
			"0.5 × (100 ns against 200 ns of database/sql)", report.Met,
		},
	} {
		verdict(t, got, key, want.measured, want.verdict)
	}
}

// verdict fails the test unless a goal came out so.
func verdict(t *testing.T, got map[string]report.Goal, key, measured string, want report.Verdict) {
	t.Helper()
	g, ok := got[key]
	if !ok {
		t.Errorf("no goal %q", key)
	}
	if g.Measured != measured || g.Verdict != want {
		t.Errorf("%s: got %q, %s, want %q, %s", key, g.Measured, g.Verdict, measured, want)
	}
}

func TestGoalIsMissedWhenWeirFailedInARound(t *testing.T) {
	got := goalsOf(t, `BenchmarkW1Alone/pool=weir 1 40 ns/op 0 allocs/op
BenchmarkW1Alone/pool=puddle 1 200 ns/op
BenchmarkW1Alone/pool=database/sql 1 200 ns/op
failed: W1Alone/pool=weir
failed: W1Alone/pool=puddle
failed: W4AloneLimited/pool=weir
failed: W9Growth/waiters=1000/pool=weir
BenchmarkW2Parallel/pool=weir 1 40 ns/op
BenchmarkW2Parallel/pool=puddle 1 200 ns/op
failed: W2Parallel/pool=puddle
failed: W2Parallel/pool=smartconnpool
`)
	verdict(t, got, "W1Alone: allocations at most 0", "0; failed in some round", report.Missed)
	verdict(t, got, "W1Alone: time at most 0.4 × puddle",
		"0.2 × (40.0 ns against 200 ns of puddle); failed in some round; puddle failed in some round", report.Missed)
	verdict(t, got, "W4AloneLimited: time at most 0.1 × the best peer with its context", "–; failed in some round", report.Missed)
	verdict(t, got, "W9Growth: time with 100, 1000, 10000 waiters, the worst, at most 1.2 × with 10", "–; failed in some round", report.Missed)
	verdict(t, got, "W2Parallel: time at most 0.4 × puddle",
		"0.2 × (40.0 ns against 200 ns of puddle); puddle failed in some round", report.Met)
	verdict(t, got, "W2Parallel: time at most 0.4 × smartconnpool", "–; smartconnpool failed in some round", report.NotMeasured)
}

func TestGoalIsMissedWhenWeirRefusedSomebody(t *testing.T) {
	got := goalsOf(t, `BenchmarkW5Spike/pool=weir 1 20000000 ns/op 0 opens 0 refused
BenchmarkW5Spike/pool=weir 1 20000000 ns/op 0 opens 3 refused
BenchmarkW5Spike/pool=weir 1 20000000 ns/op 0 opens 0 refused
BenchmarkW5cFailingOpens/pool=weir 1 200000000 ns/op 50 served 0 refused
BenchmarkW5cFailingOpens/pool=puddle 1 200000000 ns/op 5 served 45 refused
`)
	verdict(t, got, "W5Spike: opens, worst round, at most 2", "0; refused 3 in the worst round", report.Missed)
	verdict(t, got, "W5cFailingOpens: served of 50, worst round, at least 50", "50; puddle 5", report.Met)
}

func TestWorstRoundCountsWhereEachIsPromised(t *testing.T) {
	got := goalsOf(t, crowded+`weir 1 900 ns/op 1.1 max/min 2 max/median
`+crowded+`weir 1 900 ns/op 1.3 max/min 6 max/median
`+crowded+`weir 1 900 ns/op 1.0 max/min 2 max/median
BenchmarkW5Spike/pool=weir 1 20000000 ns/op 0 opens
BenchmarkW5Spike/pool=weir 1 23000000 ns/op 3 opens
BenchmarkW5Spike/pool=weir 1 20000000 ns/op 0 opens
BenchmarkW5cFailingOpens/pool=weir 1 200000000 ns/op 50 served
BenchmarkW5cFailingOpens/pool=weir 1 200000000 ns/op 50 served
BenchmarkW5cFailingOpens/pool=weir 1 200000000 ns/op 49 served
BenchmarkW6Expiry/pool=weir 1 5 ns/op 0 goroutines-kept 70000 kept-B
BenchmarkW6Expiry/pool=weir 1 5 ns/op 1 goroutines-kept 0 kept-B
BenchmarkW6Expiry/pool=weir 1 5 ns/op 0 goroutines-kept 0 kept-B
`)
	const w3 = "W3Contention/goroutines=64/body=gosched: "
	verdict(t, got, w3+"most uses of a goroutine / fewest, worst round, at most 1.2", "1.3", report.Missed)
	verdict(t, got, w3+"longest wait / median wait, worst round, at most 5", "6", report.Missed)
	verdict(t, got, "W5Spike: all served after at most 22.4ms", "20ms", report.Met)
	verdict(t, got, "W5Spike: opens, worst round, at most 2", "3", report.Missed)
	verdict(t, got, "W5cFailingOpens: served of 50, worst round, at least 50", "49", report.Missed)
	verdict(t, got, "W6Expiry: goroutines kept, worst round, at most 0", "1", report.Missed)
	verdict(t, got, "W6Expiry: heap kept, worst round, at most 65,536 bytes, the runtime's own caches", "70000", report.Missed)
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
