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

| pool | median | least..most | runs | weir / it | run by run | opens | served |
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
