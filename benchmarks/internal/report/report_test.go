package report_test

import (
	"strings"
	"testing"

	"github.com/weirpool/weir/benchmarks/internal/report"
)

const twoRuns = `machine: 2 processors
cpu: Some Processor
BenchmarkW1Alone/pool=weir-2     	  100	       40.0 ns/op	       0 B/op
BenchmarkW1Alone/pool=database/sql-2 	  100	      200 ns/op	       64 B/op
    BenchmarkW5Spike/pool=weir	1	20000000 ns/op	0 opens	50 served
--- PASS: TestSomething (0.00s)
cpu: Some Processor
BenchmarkW1Alone/pool=weir-2     	  100	       60.0 ns/op	       0 B/op
BenchmarkW1Alone/pool=database/sql-2 	  100	      100 ns/op	       64 B/op
BenchmarkFloor/of=time.Now-2	100	43.00 ns/op
PASS
`

func TestTableComparesMediansAndRunsOfOneGroup(t *testing.T) {
	raw, err := report.Read(strings.NewReader(twoRuns))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	if err := report.Write(&got, raw, map[string]string{"database/sql": "order", "absent": "all"}); err != nil {
		t.Fatal(err)
	}
	want := `* machine: 2 processors
* cpu: Some Processor

### W1Alone

| pool | median | least..most | runs | weir / it | run by run | B/op |
|---|---|---|---|---|---|---|
| weir | 50.0 ns | 40.0 ns..60.0 ns | 2 | 1.00 | 1.00..1.00 | 0 |
| database/sql | 150 ns | 100 ns..200 ns | 2 | 0.33 | 0.20..0.60 | 64 |

### W5Spike

| pool | median | least..most | runs | weir / it | run by run | opens (worst round) | served (worst round) |
|---|---|---|---|---|---|---|---|
| weir | 20ms | 20ms..20ms | 1 | 1.00 | 1.00..1.00 | 0 | 50 |

### Floor

| of | median | least..most | runs |
|---|---|---|---|
| time.Now | 43.0 ns | 43.0 ns..43.0 ns | 1 |

### What is missing

* database/sql: order
`
	if got.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
}

func TestBrokenMeasurementIsAnError(t *testing.T) {
	for _, line := range []string{
		"BenchmarkW1Alone/pool=weir-2 100 fast ns/op",
		"BenchmarkW1Alone/pool=weir-2 100 40.0 ns/op 7",
	} {
		if _, err := report.Read(strings.NewReader(line)); err == nil {
			t.Errorf("Read(%q) succeeded, want an error", line)
		}
	}
}

func tablesOf(t *testing.T, lines string) string {
	t.Helper()
	raw, err := report.Read(strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	if err := report.Write(&got, raw, nil); err != nil {
		t.Fatal(err)
	}
	return got.String()
}

func TestWhatFailedIsListedOnce(t *testing.T) {
	got := tablesOf(t, `failed: W3Contention/body=none/pool=silenceper/pool
BenchmarkW1Alone/pool=weir 1 40 ns/op
failed: W3Contention/body=none/pool=silenceper/pool
failed: W10MySQL/pool=weir
`)
	if want := "\n### What failed\n\n* W3Contention/body=none/pool=silenceper/pool\n* W10MySQL/pool=weir\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got:\n%s\nwant at its end:\n%s", got, want)
	}
	if strings.Contains(got, "* failed") {
		t.Errorf("a failure is told as a fact:\n%s", got)
	}
}

func TestTimesBesideTheMeanHaveColumnsOfTheirOwn(t *testing.T) {
	for _, c := range []struct{ line, head, row string }{
		{
			"BenchmarkW3/pool=weir 1 900 ns/op 3.5e+06 max-ns 2.01 max/min 244000 p99.9-ns 1500.5 p50-ns 175 B/op 2 allocs/op",
			"| max/min (worst round) | p50 wait | p99.9 wait | longest wait (worst round) | B/op | allocs/op |",
			"| 2.01 | 1500 ns | 244.0 µs | 3.5ms | 175 | 2 |",
		},
		{
			"BenchmarkW10/pool=weir 1 900 ns/op 100 wait-p99-ns 1000 p99-ns",
			"| p99 call | p99 wait |",
			"| 1000 ns | 100 ns |",
		},
		{
			"BenchmarkW9/pool=weir 1 900 ns/op 1000 longest-ns 1.2e+06 kept-B",
			"| longest (worst round) | kept B (worst round) |",
			"| 1000 ns | 1200000 |",
		},
	} {
		got := tablesOf(t, c.line)
		for _, want := range []string{c.head, c.row} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got:\n%s\nwant %q", c.line, got, want)
			}
		}
	}
}

func TestTablesShowTheWorstRoundWhereItCounts(t *testing.T) {
	got := tablesOf(t, `BenchmarkW5/pool=weir 1 900 ns/op 50 served 0 opens 100 max-ns 10 p99-ns
BenchmarkW5/pool=weir 1 900 ns/op 49 served 0 opens 100 max-ns 10 p99-ns
BenchmarkW5/pool=weir 1 900 ns/op 50 served 3 opens 400 max-ns 30 p99-ns
`)
	if want := "| 49 | 3 | 10.0 ns | 400 ns |\n"; !strings.Contains(got, want) {
		t.Errorf("got:\n%s\nwant %q", got, want)
	}
}

func TestWhatTakesNoTimeHasNoColumnsOfTime(t *testing.T) {
	got := tablesOf(t, "BenchmarkW7Memory/of=waiter/pool=weir 1 0 ns/op 112 B/waiter\nBenchmarkW7Memory/of=waiter/pool=puddle 1 0 ns/op 288.4 B/waiter\n")
	want := `
### W7Memory/of=waiter

| pool | runs | B/waiter |
|---|---|---|
| weir | 1 | 112 |
| puddle | 1 | 288 |
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestGroupsOfAWorkloadStandTogether(t *testing.T) {
	got := tablesOf(t, `BenchmarkW3/body=none/pool=weir 1 1 ns/op
BenchmarkW1/pool=weir 1 1 ns/op
BenchmarkW3/body=spin/pool=weir 1 1 ns/op
`)
	var heads []string
	for line := range strings.Lines(got) {
		if name, ok := strings.CutPrefix(line, "### "); ok {
			heads = append(heads, strings.TrimSpace(name))
		}
	}
	if got, want := strings.Join(heads, " "), "W3/body=none W3/body=spin W1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
