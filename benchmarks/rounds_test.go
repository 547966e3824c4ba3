package benchmarks

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// The flags of TestRounds. How long each case runs is said with -test.benchtime.
var (
	roundsFlag = flag.Int("rounds", 0, "how often TestRounds measures all; 0: not at all")
	casesFlag  = flag.String("cases", ".", "which cases TestRounds measures, a regular expression")
	quickFlag  = flag.Bool("quick", false, "TestRounds measures only the cases of the short run")
	outFlag    = flag.String("out", "", "TestRounds adds its lines to this file .txt, and writes its series beside it")
)

// TestRounds measures everything in rounds, each round all contenders of a group one after the other, so that they meet the
// same machine. It is what cmd/compare runs.
func TestRounds(t *testing.T) {
	if *roundsFlag == 0 {
		t.Skip("this measures, and tests nothing: it runs with -rounds N only")
	}
	which, err := regexp.Compile(*casesFlag)
	if err != nil {
		t.Fatal(err)
	}
	cases, done := Cases(!testing.Short())
	cases = slices.DeleteFunc(cases, func(c Case) bool { return *quickFlag && !c.Quick || !which.MatchString(lineName(c)) })
	if len(cases) == 0 {
		t.Fatalf("no case is called %q", *casesFlag)
	}
	out, end := openResults(t, *outFlag)
	r := &runner{t: t, out: out, series: map[string][]Sample{}}
	for n := range *roundsFlag {
		r.round(n, groupsOf(cases))
	}
	if err := errors.Join(done(), end(r.series)); err != nil {
		t.Error(err)
	}
	for _, why := range r.failed {
		if strings.Contains(why, "pool=") && !strings.Contains(why, "pool=weir") {
			t.Log("failed: " + why) // some peers can lose a caller: the results say so, and are no worse for it
			continue
		}
		t.Error("failed: " + why)
	}
}

// openResults returns where lines go, standard output and the file, and what ends that. Without a name there is no file.
func openResults(t *testing.T, base string) (out io.Writer, end func(map[string][]Sample) error) {
	t.Helper()
	if base == "" {
		return os.Stdout, func(map[string][]Sample) error { return nil }
	}
	lines, err := os.OpenFile(base+".txt", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	return io.MultiWriter(os.Stdout, lines), func(series map[string][]Sample) error {
		err := lines.Close()
		if len(series) == 0 {
			return err
		}
		return errors.Join(err, os.WriteFile(base+".spike.csv", seriesCSV(series), 0o644))
	}
}

// seriesCSV has a line for each pool and millisecond.
func seriesCSV(series map[string][]Sample) []byte {
	text := []byte("pool,ms,open,waiting,served\n")
	for _, pool := range slices.Sorted(maps.Keys(series)) {
		for _, s := range series[pool] {
			text = fmt.Appendf(text, "%s,%d,%d,%d,%d\n", pool, s.MS, s.Open, s.Waiting, s.Served)
		}
	}
	return text
}

// groupsOf puts together what is compared with each other.
func groupsOf(cases []Case) [][]Case {
	var all [][]Case
	at := map[string]int{}
	for _, c := range cases {
		i, ok := at[c.Group()]
		if !ok {
			i = len(all)
			at[c.Group()] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], c)
	}
	return all
}

// A runner measures cases and says what came of them.
type runner struct {
	t      *testing.T
	out    io.Writer
	series map[string][]Sample // of the spike there is a picture of, by pool
	failed []string            // each case once
}

// round measures each case once. The order within a group changes with each round: whom one follows may be worth something.
func (r *runner) round(n int, groups [][]Case) {
	order := rand.New(rand.NewPCG(uint64(n), 0))
	for _, group := range groups {
		for _, i := range order.Perm(len(group)) {
			c := group[i]
			if c.Rounds == 0 || n < c.Rounds {
				r.measure(c)
			}
		}
	}
}

func (r *runner) measure(c Case) {
	runtime.GC()
	line, why := r.line(c)
	if why == nil {
		fmt.Fprintf(r.out, "Benchmark%s\t%s\n", lineName(c), line)
		return
	}
	fmt.Fprintf(r.out, "failed: %s\n", lineName(c))
	if said := fmt.Sprintf("%s: %v", lineName(c), why); !slices.Contains(r.failed, said) {
		r.failed = append(r.failed, said)
	}
}

var errCaseFailed = errors.New("go test -bench says why")

// line is what a benchmark's line says after the name, or why there is none.
func (r *runner) line(c Case) (string, error) {
	if c.Fake != nil {
		return r.fakeLine(c)
	}
	failed := false
	defer lengthen(c.Least)()
	result := testing.Benchmark(func(b *testing.B) {
		defer func() { failed = failed || b.Failed() || b.Skipped() }()
		c.Run(b)
	})
	if failed || result.N == 0 {
		return "", errCaseFailed
	}
	if ns, ok := result.Extra["ns/op"]; ok && ns == 0 {
		return result.String(), nil // what takes no time has no memory for each operation either
	}
	return result.String() + "\t" + result.MemString(), nil
}

// lengthen makes -benchtime, if it is a time, at least that long until the returned function is called.
func lengthen(least time.Duration) (undo func()) {
	benchtime := flag.Lookup("test.benchtime")
	before := benchtime.Value.String()
	if d, err := time.ParseDuration(before); err != nil || d >= least {
		return func() {}
	}
	benchtime.Value.Set(least.String())
	return func() { benchtime.Value.Set(before) }
}

func (r *runner) fakeLine(c Case) (string, error) {
	got, err := inBubble(r.t, c.Fake)
	if err != nil {
		return "", err
	}
	if c.Workload == "W5Spike" {
		r.series[strings.TrimPrefix(c.Contender, "pool=")] = got.Series
	}
	line := fmt.Sprintf("%8d\t%10d ns/op", 1, got.Nanoseconds)
	for _, unit := range slices.Sorted(maps.Keys(got.Metrics)) {
		line += fmt.Sprintf("\t%10.4g %s", got.Metrics[unit], unit)
	}
	return line, nil
}

// lineName is a case's name in the results, in which no name has a space.
func lineName(c Case) string { return strings.ReplaceAll(c.Name(), " ", "_") }
