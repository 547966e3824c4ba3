package benchmarks

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// procsCases are W8: what becomes of W2 and of W3 with 64 goroutines when the Go scheduler has 1, 2, 4 or 8 processors.
// More of them than the machine has say what happens when they are taken away in the middle of a use, and nothing about
// machines that have so many. The time of twelve variants over all pools would be better spent on more rounds, so here
// are only those between which one would choose: see procsPeers.
func procsCases() []Case {
	var cases []Case
	for _, n := range []int{1, 2, 4, 8} {
		variant := fmt.Sprintf("procs=%d/load=", n)
		cases = append(cases, atProcs(n, overPeers("W8Procs", variant+"parallel",
			Config{Max: 64, Idle: 64, Open: Instant}, inParallel))...)
		for _, body := range bodies()[:2] {
			cases = append(cases, atProcs(n, contention("W8Procs", variant+body.name, smallPool(), 64, body))...)
		}
	}
	return cases
}

// procsPeers are weir and the maintained pools that have an order of service or that most programs have already, and the
// channel, which is the least that one can write.
func procsPeers() []string {
	return []string{"weir", "puddle", "database/sql", "smartconnpool", "channel"}
}

// atProcs leaves the cases of procsPeers and has each open its pool and run on n processors.
func atProcs(n int, all []Case) []Case {
	var some []Case
	for _, c := range all {
		if !slices.Contains(procsPeers(), strings.TrimPrefix(c.Contender, "pool=")) {
			continue
		}
		run := c.Run
		c.Run = func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
			run(b)
		}
		some = append(some, c)
	}
	return some
}
