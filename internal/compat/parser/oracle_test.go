package parser_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // gives the parser its literals

	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

// leastParsed is how many texts of the corpus TiDB must be able to read: below that the comparison says little.
const leastParsed = 450

func TestTiDBAgrees(t *testing.T) {
	parsed, agreed := 0, 0
	stale := maps.Clone(exceptions)
	for _, e := range corpus.Statements {
		tree, err := parse(e.Text, e.Modes)
		if err != nil {
			continue
		}
		parsed++
		o, s := opine(tree), sqltext.Classify(e.Text, e.Modes)
		quarrel := o.disagrees(s)
		_, excepted := exceptions[e.Text]
		delete(stale, e.Text)
		switch {
		case quarrel == "" && excepted:
			t.Errorf("%q is a named exception, but the two agree", e.Text)
		case quarrel == "":
			agreed++
		case !excepted:
			t.Errorf("%q: %s", e.Text, quarrel)
		}
	}
	for text, why := range stale {
		t.Errorf("%q is a named exception (%s), but TiDB does not parse it, or the corpus does not have it", text, why)
	}
	t.Logf("%d texts: TiDB parses %d and agrees on %d; %d differ as named; it can't parse %d",
		len(corpus.Statements), parsed, agreed, len(exceptions), len(corpus.Statements)-parsed)
	if parsed < leastParsed {
		t.Errorf("TiDB parses %d texts, want at least %d", parsed, leastParsed)
	}
}

func parse(text string, m sqltext.Modes) ([]ast.StmtNode, error) {
	p := parser.New()
	var mode mysql.SQLMode
	if m&sqltext.AnsiQuotes != 0 {
		mode |= mysql.ModeANSIQuotes
	}
	if m&sqltext.NoBackslashEscapes != 0 {
		mode |= mysql.ModeNoBackslashEscapes
	}
	p.SetSQLMode(mode)
	tree, _, err := p.ParseSQL(text)
	return tree, err
}

// disagrees says in what the statement is not what the opinion leaves to it, or "".
func (o opinion) disagrees(s sqltext.Statement) string {
	var quarrels []string
	if !slices.Contains(o.kinds, s.Kind) {
		quarrels = append(quarrels, fmt.Sprintf("kind %v (%v), TiDB says %v (%v)", s.Kind, s.Pin, o.kinds, o.pins))
	}
	if s.Kind == sqltext.Pins && len(o.pins) > 0 && !slices.Contains(o.pins, s.Pin) {
		quarrels = append(quarrels, fmt.Sprintf("pinned for %v, TiDB says %v", s.Pin, o.pins))
	}
	if s.Sticky != o.sticky && o.sticky != anySticky {
		quarrels = append(quarrels, fmt.Sprintf("asks for %05b of the previous statement, TiDB says %05b", s.Sticky, o.sticky))
	}
	if s.Kind == sqltext.Use && s.Schema != o.schema {
		quarrels = append(quarrels, fmt.Sprintf("database %q, TiDB says %q", s.Schema, o.schema))
	}
	if got := names(s.Changes); s.Kind == sqltext.Set && !slices.Equal(got, canonical(o.names)) {
		quarrels = append(quarrels, fmt.Sprintf("sets %v, TiDB says %v", got, canonical(o.names)))
	}
	return strings.Join(quarrels, "; ")
}

func names(changes []sqltext.Change) []string {
	var all []string
	for _, c := range changes {
		all = append(all, c.Name)
	}
	return all
}

// canonical gives TiDB's names of variables as sqltext has them.
func canonical(names []string) []string {
	var all []string
	for _, name := range names {
		switch name {
		case "setnames":
			name = "names"
		case "setcharset":
			name = "character set"
		case "storage_engine":
			name = "default_storage_engine"
		case "tx_isolation":
			name = "transaction_isolation"
		case "tx_read_only":
			name = "transaction_read_only"
		}
		all = append(all, name)
	}
	return all
}
