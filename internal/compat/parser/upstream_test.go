package parser_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weirpool/weir/internal/sqltext"
)

// leastUpstream is how many texts TiDB's own tests must give.
const leastUpstream = 4000

// TestTiDBsOwnTextsAreNotReadMoreLaxly takes every text that TiDB's parser tests itself with. Many are TiDB's own dialect, which sqltext
// need not know: there it may be more careful than TiDB, and never less.
func TestTiDBsOwnTextsAreNotReadMoreLaxly(t *testing.T) {
	texts := upstreamTexts(t)
	parsed, more := 0, 0
	for _, text := range texts {
		tree, err := parse(text, 0)
		if err != nil {
			continue
		}
		parsed++
		o, s := opine(tree), sqltext.Classify(text, 0)
		if laxer := o.laxer(s); laxer != "" {
			t.Errorf("%q: %s", text, laxer)
		}
		if o.disagrees(s) != "" {
			more++
		}
	}
	t.Logf("%d texts: TiDB parses %d, of which sqltext takes %d for more than they are", len(texts), parsed, more)
	if parsed < leastUpstream {
		t.Errorf("TiDB's tests have %d texts that it can parse, want at least %d", parsed, leastUpstream)
	}
}

// laxer says in what the statement promises more than the opinion, or "".
func (o opinion) laxer(s sqltext.Statement) string {
	switch {
	case s.Kind == sqltext.Pins:
		return "" // nothing is promised
	case len(o.kinds) == 1 && o.kinds[0] == sqltext.Pins:
		return fmt.Sprintf("kind %v, TiDB says that it pins (%v)", s.Kind, o.pins)
	case s.Kind != sqltext.Share && !slices.Contains(o.kinds, s.Kind):
		return fmt.Sprintf("kind %v, TiDB says %v", s.Kind, o.kinds)
	case s.Kind == sqltext.Share && !slices.Contains(o.kinds, sqltext.Share) && !slices.Contains(o.kinds, sqltext.Read):
		return fmt.Sprintf("kind %v, TiDB says %v", s.Kind, o.kinds)
	case o.sticky != anySticky && o.sticky&^s.Sticky != 0:
		return fmt.Sprintf("asks for %06b of the previous statement, TiDB says %06b", s.Sticky, o.sticky)
	}
	return ""
}

// upstreamTexts reads the string literals of TiDB's test files: those that are texts are among them.
func upstreamTexts(t *testing.T) []string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/pingcap/tidb/pkg/parser").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && strings.ContainsAny(text, " (") {
					texts[text] = true
				}
			}
			return true
		})
	}
	all := make([]string, 0, len(texts))
	for text := range texts {
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}
