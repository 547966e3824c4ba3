package trackertest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

// leastExecuted is how many statements of the corpus the server must have run
// for the oracle to have proved anything.
const leastExecuted = 400

// runnable returns the entries of the corpus that are for this family and can be tried.
func runnable() []corpus.Entry {
	return slices.DeleteFunc(slices.Clone(corpus.Statements), func(e corpus.Entry) bool {
		if labtest.Kind() == lab.MySQL && e.MariaDBOnly || labtest.Kind() == lab.MariaDB && e.MySQLOnly {
			return true
		}
		lower := strings.ToLower(e.Text)
		for beginning := range own().untried {
			if strings.HasPrefix(lower, beginning) {
				return true
			}
		}
		return false
	})
}

// prelude returns what has to be run before an entry: what it needs, and the
// sql_mode under which it is meant to be read.
func prelude(e corpus.Entry) []string {
	out := slices.Clone(e.Needs)
	if e.Modes&sqltext.NoBackslashEscapes != 0 {
		out = append(out, "SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')")
	}
	if e.Modes&sqltext.AnsiQuotes != 0 {
		out = append(out, "SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')")
	}
	return out
}

// name makes a text fit for the name of a subtest.
func name(e corpus.Entry) string {
	return e.Text[:min(len(e.Text), 60)]
}

// tally counts what became of the statements, by class.
type tally struct {
	executed, failed, refused map[sqltext.Kind]int
}

func newTally() *tally {
	return &tally{map[sqltext.Kind]int{}, map[sqltext.Kind]int{}, map[sqltext.Kind]int{}}
}

func (c *tally) add(s sqltext.Statement, o outcome) {
	switch {
	case o.refused:
		c.refused[s.Kind]++
	case o.err != nil && !o.lost:
		c.failed[s.Kind]++
	default:
		c.executed[s.Kind]++
	}
}

func (c *tally) log(t *testing.T) (executed int) {
	for k := sqltext.Read; k <= sqltext.Pins; k++ {
		t.Logf("%-9v executed %3d, failed on the server %3d, refused as no SQL %3d", k, c.executed[k], c.failed[k], c.refused[k])
		executed += c.executed[k]
	}
	return executed
}

// TestCorpusOnServer runs every statement of the corpus in a session of its own
// and compares what it left there with its class.
func TestCorpusOnServer(t *testing.T) {
	w := enter(t)
	count := newTally()
	for _, e := range runnable() {
		t.Run(name(e), func(t *testing.T) {
			s, o, surprises := w.judged(t.Context(), e.Text, e.Modes, prelude(e)...)
			must(t, o.probe)
			count.add(s, o)
			report(t, e.Text, s, o, surprises)
			if o.err != nil && !e.Refused && !e.Harmful {
				t.Errorf("%q is not run, which proves nothing: %v", e.Text, o.err)
			}
		})
	}
	if got := count.log(t); got < leastExecuted {
		t.Errorf("%d statements executed, want at least %d", got, leastExecuted)
	}
}

// begin opens a transaction that has written.
var begin = []string{"START TRANSACTION", "UPDATE past.t SET v = 9 - v WHERE id = 70"}

// TestCorpusInATransaction does the same for what may run inside a transaction
// without tying the session to anything but that transaction.
func TestCorpusInATransaction(t *testing.T) {
	w := enter(t)
	count := newTally()
	for _, e := range runnable() {
		s := classify(e.Text, e.Modes)
		if s.Kind == sqltext.Pins || s.Kind == sqltext.Set || s.Kind == sqltext.Use {
			continue
		}
		t.Run(name(e), func(t *testing.T) {
			o := w.run(t.Context(), e.Text, append(slices.Clone(begin), prelude(e)...)...)
			must(t, o.probe)
			count.add(s, o)
			report(t, e.Text, s, o, judge(e.Text, s, o))
		})
	}
	count.log(t)
}

// report fails the test for each surprise.
func report(t *testing.T, text string, s sqltext.Statement, o outcome, surprises []string) {
	t.Helper()
	class := s.Kind.String()
	if s.Kind == sqltext.Pins {
		class += fmt.Sprintf(" (%v)", s.Pin)
	}
	for _, surprise := range surprises {
		t.Errorf("%q is classed %s, but: %s (error %v)", text, class, surprise, o.err)
	}
	if o.lost && o.err != nil {
		t.Logf("%q ended its connection: %v", text, o.err)
	}
}
