package benchmarks

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestEveryCaseHasANameOfItsOwnAndOneWayToRun(t *testing.T) {
	for _, full := range []bool{false, true} {
		seen := map[string]bool{}
		cases, done := Cases(full)
		for _, c := range cases {
			if name := lineName(c); seen[name] {
				t.Errorf("%s is there twice", name)
			} else {
				seen[name] = true
			}
			if (c.Run == nil) == (c.Fake == nil) {
				t.Errorf("%s: runs in real time %v, in fake time %v, want one of both", c.Name(), c.Run != nil, c.Fake != nil)
			}
		}
		if err := done(); err != nil {
			t.Error(err)
		}
	}
}

func TestOverPeersLeavesOutWhoCannotDoTheWorkload(t *testing.T) {
	limited := smallPool()
	limited.MaxWait = 1
	for _, c := range []struct {
		name  string
		cases []Case
		can   func(Peer) bool
	}{
		{"nobody waits", overAllPeers("W", "", smallPool(), alone), func(Peer) bool { return true }},
		{"somebody waits", overPeers("W", "", smallPool(), alone), func(p Peer) bool { return !p.Unbounded }},
		{"limited", overPeers("W", "", limited, alone), func(p Peer) bool { return !p.Unbounded && !p.Unlimited }},
	} {
		var got, want []string
		for _, line := range c.cases {
			got = append(got, line.Name())
		}
		for _, p := range Peers() {
			if c.can(p) {
				want = append(want, "W/pool="+p.Name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
	}
}

// A forgetful pool serves as many callers as it began with, and never answers the others.
type forgetful struct{ left chan struct{} }

func openForgetful(c Config) (Pool, error) {
	p := forgetful{make(chan struct{}, c.Idle)}
	for range c.Idle {
		p.left <- struct{}{}
	}
	return p, nil
}

func (p forgetful) Use(_ context.Context, work func()) error {
	<-p.left
	work()
	return nil
}

func (forgetful) Close() {}

func TestSpikeThatNeverEndsFailsAndSaysHowManyWereServed(t *testing.T) {
	fake := func() (Outcome, error) { return HikariSpike().outcome(Peer{Name: "forgetful", Open: openForgetful}) }
	for range 2 { // the first leaves nothing behind that hinders the second
		_, err := inBubble(t, fake)
		if want := "benchmarks: served 5 of 50 callers in 10s"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestDeadlockInABubbleIsAnErrorOfThatCase(t *testing.T) {
	_, err := inBubble(t, func() (Outcome, error) { <-make(chan int); return Outcome{}, nil })
	if err == nil || !strings.Contains(err.Error(), "deadlock") {
		t.Errorf("got %v, want a deadlock", err)
	}
}

func TestSpikeIsSeenFromTheFirstCallerToTheLast(t *testing.T) {
	for _, c := range []struct {
		of      string
		open    func(Config) (Pool, error)
		samples map[int]Sample
	}{
		{"puddle", openPuddle, map[int]Sample{
			0: {0, 5, 45, 0}, 1: {1, 5, 45, 0}, 2: {2, 5, 45, 5}, 149: {149, 5, 45, 5}, 150: {150, 50, 0, 5}, 152: {152, 50, 0, 50},
		}},
		{"weir", func(c Config) (Pool, error) { return OpenWeir(c, EveryFeature()) }, map[int]Sample{
			0: {0, 5, 45, 0}, 2: {2, 5, 40, 5}, 19: {19, 5, 0, 45}, 20: {20, 5, 0, 50},
		}},
	} {
		t.Run(c.of, func(t *testing.T) {
			got, err := inBubble(t, func() (Outcome, error) { return HikariSpike().outcome(Peer{Name: c.of, Open: c.open}) })
			if err != nil {
				t.Fatal(err)
			}
			for at, want := range c.samples {
				if at >= len(got.Series) || got.Series[at] != want {
					t.Errorf("at %d ms: got %v, want %v", at, got.Series[min(at, len(got.Series)-1)], want)
				}
			}
			if last := len(got.Series) - 1; got.Series[last].Served != 50 || got.Series[last].MS != last {
				t.Errorf("the last is %v, want all 50 served at %d", got.Series[last], last)
			}
		})
	}
}

func TestRoundsKeepGroupsTogetherInChangingOrder(t *testing.T) {
	var order []string
	fake := func(name string) Case {
		return Case{Workload: "W", Variant: "v=1", Contender: "pool=" + name, Fake: func() (Outcome, error) {
			order = append(order, name)
			return Outcome{Nanoseconds: 1}, nil
		}}
	}
	once := fake("c")
	once.Rounds = 1
	other := fake("d")
	other.Variant = "v=2"
	r := &runner{t: t, out: io.Discard, series: map[string][]Sample{}}
	groups := groupsOf([]Case{fake("a"), other, fake("b"), once})
	orders := map[string]bool{}
	for n := range 12 {
		order = nil
		r.round(n, groups)
		got := strings.Join(order, "")
		inOrder := slices.Sorted(slices.Values(order[:len(order)-1]))
		if want := map[bool]string{true: "abc", false: "ab"}[n == 0]; strings.Join(inOrder, "") != want || !strings.HasSuffix(got, "d") {
			t.Errorf("round %d: ran %s, want %s in any order and then d", n, got, want)
		}
		orders[got] = n > 0
	}
	if !orders["abd"] || !orders["bad"] {
		t.Errorf("12 rounds had the orders %v, want both of a and b", orders)
	}
}

func TestFailedCaseIsALineAndTheOthersGoOn(t *testing.T) {
	var out strings.Builder
	r := &runner{t: t, out: &out, series: map[string][]Sample{}}
	cases := []Case{
		{Workload: "W", Contender: "of=fatal at once", Run: func(b *testing.B) { b.Fatal("no") }},
		{Workload: "W", Contender: "of=late error", Run: func(b *testing.B) {
			if b.N > 1 { // there is a result then, and it is none
				b.Error("no")
			}
		}},
		{Workload: "W", Contender: "of=fake", Fake: func() (Outcome, error) { return Outcome{}, errors.New("stuck") }},
		{Workload: "W", Contender: "of=good", Fake: func() (Outcome, error) {
			return Outcome{Nanoseconds: 20, Metrics: map[string]float64{"served": 5, "opens": 2}}, nil
		}},
	}
	for n := range 2 {
		r.round(n, groupsOf(cases[:3]))
	}
	r.round(0, groupsOf(cases[3:]))
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	slices.Sort(got)
	want := []string{
		"BenchmarkW/of=good\t       1\t        20 ns/op\t         2 opens\t         5 served",
		"failed: W/of=fake", "failed: W/of=fake", "failed: W/of=fatal_at_once", "failed: W/of=fatal_at_once",
		"failed: W/of=late_error", "failed: W/of=late_error",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(r.failed) != 3 || !slices.Contains(r.failed, "W/of=fake: stuck") {
		t.Errorf("the end names %q, want each of three once, with the reason", r.failed)
	}
}
