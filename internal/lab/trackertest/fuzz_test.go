package trackertest_test

import (
	"flag"
	"regexp"
	"testing"

	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

// harmful are pieces of texts that are not tried: they would end the server, or
// only wait.
var harmful = regexp.MustCompile(`(?i)shutdown|sleep|benchmark|wait|kill|_delay|innodb_|reset\s|master|slave|replica|clone|restart|plugin|soname|binlog|subject|admin`)

// mutations are how many mutated texts TestMutations tries, and seed where it begins.
var (
	mutations = flag.Int("weir.mutations", 500, "how many mutated statements to try on each family")
	seed      = flag.Uint64("weir.seed", 1, "with which mutation to begin")
)

// TestMutations mutates the corpus and looks for texts that change the session of
// a real server although their class denies it.
func TestMutations(t *testing.T) {
	w := enter(t)
	entries, tokens := runnable(), corpusTokens()
	count := newTally()
	for i := range *mutations {
		n := *seed + uint64(i)
		e := corpus.Entry{Text: mutate(entries[n%uint64(len(entries))].Text, n, tokens), Modes: modes(n / 7)}
		if worthTrying(e) {
			s, o := tryMutated(t, w, e)
			count.add(s, o)
		}
	}
	count.log(t)
}

// found are texts that were misread once.
var found = []string{
	"SELECT /*+ SET_VAR(sql_auto_is_null = 1) */ id FROM t WHERE id IS NULL",
	"CREATE FUNCTION m21() RETURNS INT LANGUAGE JAVASCRIPT AS $js$ ' $js$; SET @x = 1 -- '",
	"SELECT NVL(a, 1), UUID_TO_BIN(b) FROM t",
	"HELP 'contents'",
	"SELECT @@warning_count",
	"/*!  *//*! SHOW/* @x := 1 */ */ERRORS",
	"SELECT a FROM t LIMIT 20 OFFSET 1",
	"CREATE TABLE m42 (a INT) ENGINE = InnoDB START TRANSACTION",
}

// FuzzShare does the same with texts that the fuzzer makes.
func FuzzShare(f *testing.F) {
	server(f) // a text has but ten seconds
	tokens := corpusTokens()
	for _, text := range found {
		f.Add(text, uint64(0), uint64(0))
	}
	for i, e := range runnable() {
		if i%50 == 0 || fuzzing() {
			f.Add(e.Text, uint64(0), uint64(e.Modes))
		}
	}
	f.Fuzz(func(t *testing.T, text string, seed, mode uint64) {
		if e := (corpus.Entry{Text: mutate(text, seed, tokens), Modes: modes(mode)}); worthTrying(e) {
			tryMutated(t, enter(t), e)
		}
	})
}

// modes makes any number the modes of a text. Most have none.
func modes(n uint64) sqltext.Modes {
	if n%8 < 4 {
		return sqltext.Modes(n % 8)
	}
	return 0
}

// worthTrying tells whether there is something to find: what pins may do anything.
func worthTrying(e corpus.Entry) bool {
	return len(e.Text) < 2000 && !harmful.MatchString(e.Text) && classify(e.Text, e.Modes).Kind != sqltext.Pins
}

func tryMutated(t *testing.T, w *world, e corpus.Entry) (sqltext.Statement, outcome) {
	t.Helper()
	s, o, surprises := w.judged(t.Context(), e.Text, e.Modes, prelude(e)...)
	if o.probe != nil {
		t.Fatalf("%q: %v", e.Text, o.probe)
	}
	report(t, e.Text, s, o, surprises)
	return s, o
}

// corpusTokens returns the tokens of all texts that can be tried, in order.
func corpusTokens() (tokens []string) {
	for _, e := range runnable() {
		tokens = append(tokens, token.FindAllString(e.Text, -1)...)
	}
	return tokens
}

// fuzzing tells whether this process was started to fuzz.
func fuzzing() bool {
	return flag.Lookup("test.fuzz").Value.String() != ""
}
