package picture_test

import (
	"fmt"
	"strings"
)

// results are made up: every pool of every picture, in three runs.
func results() string {
	var b strings.Builder
	pools := []string{"weir", "puddle", "database/sql", "smartconnpool", "go-commons-pool", "redigo", "silenceper/pool", "fatih/pool", "channel", "mutex+slice", "sync.Pool"}
	alone := []float64{44, 173, 232, 130, 820, 190, 150, 95, 70, 43, 8}
	for run := range 3 {
		noise := 1 + 0.12*float64(run-1)
		line := func(name string, format string, v ...any) {
			fmt.Fprintf(&b, "Benchmark%s 1 %s\n", name, fmt.Sprintf(format, v...))
		}
		line("Floor/of=mutex_pair", "%.2f ns/op", 22*noise)
		line("Floor/of=mutex_pair_in_parallel", "%.2f ns/op", 46*noise)
		line("Floor/of=context.WithTimeout", "%.2f ns/op", 607*noise)
		for i, p := range pools {
			ns := alone[i] * noise
			line("W1Alone/pool="+p, "%.2f ns/op 0 B/op 0 allocs/op", ns)
			line("W2Parallel/pool="+p, "%.2f ns/op 0 B/op 0 allocs/op", ns*1.3)
			if i > 8 || p == "silenceper/pool" || p == "fatih/pool" {
				continue
			}
			limited, served := 650*noise+ns, 5
			if p == "weir" {
				limited, served = ns*1.1, 50
			}
			line("W4AloneLimited/pool="+p, "%.2f ns/op", limited)
			line("W3Contention/goroutines=64/body=gosched/pool="+p, "%.2f ns/op %.0f p50-ns %.0f p99-ns %.0f max-ns", 900+ns*4, 6e4*noise, 2e5*noise+ns*1e3, 3.3e6*noise+ns*ns*120)
			line("W5cFailingOpens/pool="+p, "200000000 ns/op %d served", served)
		}
		for i, n := range []string{"8", "64", "256"} {
			for j, p := range []string{"weir", "database/sql", "database/sql_QueryRow"} {
				p50 := 1e5 * noise * []float64{1, 5, 20}[i]
				line("W10MySQL/query=select1/goroutines="+n+"/pool="+p, "70000 ns/op %.0f p50-ns %.0f p99-ns", p50*(1-0.3*float64(j)), p50*(1.4+2*float64(j)))
			}
		}
	}
	return b.String()
}

// spikes are made up, too.
func spikes() string {
	var b strings.Builder
	b.WriteString("pool,ms,open,waiting,served\n")
	for _, p := range []string{"weir", "puddle", "database/sql", "smartconnpool", "channel"} {
		for ms := range 201 {
			open, served := 5, min(50, ms/2*5)
			if p != "weir" {
				served = min(5, ms/2*5)
				if ms >= 150 {
					open = 50
				}
				if ms >= 152 {
					served = 50
				}
			}
			wait := max(0, 50-served-open)
			if p == "weir" {
				wait = max(0, 45-served)
			}
			fmt.Fprintf(&b, "%s,%d,%d,%d,%d\n", p, ms, open, wait, served)
		}
	}
	return b.String()
}
