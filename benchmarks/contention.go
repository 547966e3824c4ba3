package benchmarks

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A body is what the goroutines of a crowd do with a resource.
type body struct {
	name string
	work func()
}

func bodies() []body {
	return []body{
		{"none", nothing},
		{"gosched", runtime.Gosched},
		{"spin1us", spin},
		{"sleep100us", func() { time.Sleep(100 * time.Microsecond) }},
	}
}

func spin() {
	for start := time.Now(); time.Since(start) < time.Microsecond; {
	}
}

// contentionCases are W3, in which 64 or 1,000 goroutines share 10 resources, and W4, which is W3 with a limit of one
// second on the wait. The time is that of one use of any of the goroutines, measured without a clock in their loops. In a
// second part each of them looks at the clock before and after its waits:
//
//	p50-ns, p99-ns, p99.9-ns  of the waits that began and ended while the whole crowd was there
//	max-ns                    the longest of these, or of those that had not ended when the watch did
//	max/median                the longest by the median
//	max/min                   how often the luckiest goroutine was served by how often the unluckiest one was
//	refused                   waits that reached the limit, if any did
//
// The percentiles count waits, not goroutines: where a few take all the turns there are hardly any waits but theirs, all
// short, and only max-ns and max/min tell of the others.
func contentionCases() []Case {
	var cases []Case
	for _, size := range []int{64, 1000} {
		for _, body := range bodies() {
			line := contention("W3Contention", fmt.Sprintf("goroutines=%d/body=%s", size, body.name), smallPool(), size, body)
			if size == 64 && body.name == "gosched" {
				line = quick(line)
			}
			cases = append(cases, line...)
		}
	}
	limited := smallPool()
	limited.MaxWait = time.Second
	for _, body := range bodies()[:2] {
		cases = append(cases, contention("W4ContentionLimited", "goroutines=64/body="+body.name, limited, 64, body)...)
	}
	return cases
}

func contention(workload, variant string, c Config, size int, body body) []Case {
	cases := overPeers(workload, variant, c, func(b *testing.B, p Pool) {
		contend(b, crowd{pool: p, size: size, max: c.Max, limited: c.MaxWait > 0, work: body.work, settle: asleep})
	})
	// silenceper/pool can miss a wake-up and lose a caller for good: one run in some does not end.
	return slices.DeleteFunc(cases, func(c Case) bool { return c.Contender == "pool=silenceper/pool" })
}

// contend measures a crowd and, if this is the run that counts, watches it.
func contend(b *testing.B, c crowd) {
	refused, err := c.share(b.N, b.ResetTimer)
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	if length := watchLength(b, c.size); length > 0 {
		seen, err := c.watch(length)
		if err != nil {
			b.Fatal(err)
		}
		refused += int64(seen.refused)
		seen.report(b)
	}
	if refused > 0 {
		b.ReportMetric(float64(refused), "refused")
	}
}

const (
	shortWatch = 2 * time.Millisecond // to see that it works
	watchLeast = 150 * time.Millisecond
	watchMost  = 600 * time.Millisecond // a crowd of 1,000 that sleeps would take seconds for a sound ratio
)

// watchLength says for how long a crowd is to be watched after it was measured.
func watchLength(b *testing.B, size int) time.Duration {
	goal := "1s"
	if f := flag.Lookup("test.benchtime"); f != nil {
		goal = f.Value.String()
	}
	return watchAfter(goal, b.N, b.Elapsed(), size)
}

// watchAfter is watchLength for n uses that took so long, with goal as the -benchtime. The package testing runs a benchmark
// with a growing N until a run lasts as long as the goal and keeps that one, so only it is watched, and long enough for a
// sound max/min. Where the goal is a number the run with that N is it; a small number asks only whether it works.
func watchAfter(goal string, n int, took time.Duration, size int) time.Duration {
	if times, ok := strings.CutSuffix(goal, "x"); ok {
		if strconv.Itoa(n) != times {
			return 0
		}
		if n < 1000 {
			return shortWatch
		}
	} else if least, err := time.ParseDuration(goal); err != nil || took < least {
		return 0
	}
	sound := took / time.Duration(n) * time.Duration(size*(usesForRatio+5))
	return min(max(watchLeast, sound), watchMost)
}
