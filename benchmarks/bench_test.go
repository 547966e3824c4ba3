package benchmarks

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

// Benchmark is every case in real time, as `go test -bench Benchmark/W1Alone`. With -short it is the small form of those that
// take long. Those in fake time are tests, and all of both are lines of the results: see TestRounds.
func Benchmark(b *testing.B) {
	cases, done := Cases(!testing.Short())
	b.Cleanup(func() {
		if err := done(); err != nil {
			b.Error(err)
		}
	})
	for _, c := range cases {
		if c.Fake == nil {
			b.Run(c.Name(), c.Run)
		}
	}
}

func TestFakeCasesServeEveryoneWhoCanBeServed(t *testing.T) {
	idle := float64(FailingSpike().Idle)
	all := float64(HikariSpike().Callers)
	cases, _ := Cases(false)
	for _, c := range cases {
		if c.Fake == nil {
			continue
		}
		t.Run(c.Name(), func(t *testing.T) {
			got, err := inBubble(t, c.Fake)
			if err != nil {
				t.Fatal(err)
			}
			served, refused := got.Metrics["served"], got.Metrics["refused"]
			if served+refused != all {
				t.Errorf("%v were served and %v refused, want %v in all", served, refused, all)
			}
			switch {
			case c.Workload != "W5cFailingOpens" || c.Contender == "pool=weir":
				if served != all {
					t.Errorf("%v of %v were served", served, all)
				}
			case served < idle:
				t.Errorf("%v were served, want at least the %v for whom there are idle resources", served, idle)
			}
		})
	}
}

func TestFakeCasesComeToTheSameEachTime(t *testing.T) {
	for _, c := range spikeCases(false) {
		if c.Contender != "pool=weir" && c.Contender != "pool=puddle" {
			continue
		}
		if c.Variant != "" { // with a bound on opens, uses and opens end at one instant, in either order: its time is not judged
			continue
		}
		t.Run(c.Name(), func(t *testing.T) {
			first, err := inBubble(t, c.Fake)
			if err != nil {
				t.Fatal(err)
			}
			second, err := inBubble(t, c.Fake)
			if err != nil {
				t.Fatal(err)
			}
			if first.Nanoseconds != second.Nanoseconds {
				t.Errorf("took %d ns, then %d", first.Nanoseconds, second.Nanoseconds)
			}
		})
	}
}

// inBubble runs one case in fake time. A case that goes wrong may leave goroutines that wait for ever: the bubble panics then,
// which is one more way to fail and not the end of the others.
func inBubble(t *testing.T, fake func() (Outcome, error)) (out Outcome, err error) {
	defer func() {
		if r := recover(); r != nil && err == nil {
			err = fmt.Errorf("benchmarks: %s", firstLine(fmt.Sprint(r)))
		}
	}()
	synctest.Test(t, func(*testing.T) { out, err = fake() })
	return out, err
}

func firstLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}
