package benchmarks

import (
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// runSpike writes one line for each peer, in the form of a benchmark's, so that the results are read in one way.
func runSpike(t *testing.T, name string, s Spike) {
	for _, peer := range Peers() {
		t.Run(peer.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := s.Run(peer.Open)
				if err != nil {
					t.Fatal(err)
				}
				writeSpike(t.Output(), name, peer.Name, got)
				if !s.Failing && got.Served != s.Callers || got.Served < s.Idle {
					t.Errorf("%d of %d callers were served", got.Served, s.Callers)
				}
			})
		})
	}
}

func writeSpike(w io.Writer, name, peer string, r SpikeResult) {
	fmt.Fprintf(w, "Benchmark%s/pool=%s\t1\t%d ns/op\t%d opens\t%d served\n", name, peer, r.Took.Nanoseconds(), r.Opens, r.Served)
}

func TestW5EveryPoolServesASpikeOfShortUses(t *testing.T) {
	runSpike(t, "W5Spike", HikariSpike())
}

func TestW5EveryPoolServesASpikeOfLongUses(t *testing.T) {
	s := HikariSpike()
	s.Work = 500 * time.Millisecond
	runSpike(t, "W5bLongUses", s)
}

func TestW5EveryPoolSurvivesOpensThatFail(t *testing.T) {
	s := HikariSpike()
	s.Failing = true
	s.Work = 20 * time.Millisecond // long enough that weir, too, wants to open
	runSpike(t, "W5cFailingOpens", s)
}
