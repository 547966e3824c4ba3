package sqltext_test

import (
	"strings"
	"testing"

	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

const roomy = 1 << 20

func TestMaskedTexts(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"SELECT 1", "SELECT ?"},
		{"SELECT * FROM `users` WHERE name = 'Ann O''Hara' AND age>41", "SELECT * FROM `users` WHERE name = ? AND age>?"},
		{`SELECT "it's", 'a\'b', -1.5e3, .5, 0x1F, X'4d', b'01', N'x', _latin1'x', 0b11`, "SELECT ?, ?, -?, ?, ?, ?, ?, ?, _latin1?, ?"},
		{"/* id=7 */ SELECT/**/@x -- ann\n, # bob\n@`y z`, @@sql_mode", "SELECT @x , @`y z`, @@sql_mode"},
		{"SELECT /*+ SET_VAR(a=1) */ a", "SELECT a"},
		{"/*!50000 SELECT */ 'x'", "SELECT ?"},
		{"SELECT 1 /*!99999 , 'ann' */", "SELECT ? ?"},
		{"CREATE USER 'ann'@'10.0.0.7' IDENTIFIED BY 'secret'", "CREATE USER ?@? IDENTIFIED BY ?"},
		{"GRANT SELECT ON *.* TO ann@localhost", "GRANT SELECT ON *.* TO ann@localhost"},
		{"SET @x = 'ann', @'ann' = 1", "SET @x = ?, @? = ?"},
		{"SELECT DATE'2020-01-01', d.2nd, 1.5INTO @x", "SELECT DATE?, d.?, ?INTO @x"},
		{"INSERT INTO t VALUES (1,'a'),(2,'b');", "INSERT INTO t VALUES (?,?),(?,?);"},
		{"SELECT * FROM t WHERE name = 'an", "SELECT * FROM t WHERE name = ?"}, // cut
		{"SELECT * FROM t WHERE id IN (1, 2", "SELECT * FROM t WHERE id IN (?, ?"},
		{"SELECT * FROM t /* an", "SELECT * FROM t ?"},
		{"SELECT `an", "SELECT ?"},
		{`SELECT 'ann\`, "SELECT ?"},
		{`"\`, "?"},
		{"SELECT 1 \x00 ann", "SELECT ? ?"},
		{"SELECT \xff ann", "SELECT ?"},
		{"SELECT '\xbf\\' OR 1=1 -- ', ann", "SELECT ?"}, // gbk has another idea of where the string ends
		{"SELECT '\xe4\xbd\xa0\\', ann, '", "SELECT ?"},
		{"SELECT `a', ann, '`", "SELECT ?"},
		{"SELECT caf\xc3\xa9, `caf\xc3\xa9` FROM t", "SELECT caf\xc3\xa9, `caf\xc3\xa9` FROM t"},
		{"SELECT\x01a", "SELECT?a"},
		{"SELECT a\n  FROM\tt", "SELECT a FROM t"},
	} {
		if got := sqltext.Mask(c.text, 0, roomy); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestMaskReadsUnderTheModes(t *testing.T) {
	for _, c := range []struct {
		text  string
		modes sqltext.Modes
		want  string
	}{
		{`SELECT "id" FROM "t"`, sqltext.AnsiQuotes, `SELECT "id" FROM "t"`},
		{`SELECT "ann"`, 0, `SELECT ?`},
		{`SELECT 'a\', b, 'c'`, sqltext.NoBackslashEscapes, `SELECT ?, b, ?`},
		{`SELECT 'a\', ann, 'c'`, 0, `SELECT ?c?`},
	} {
		if got := sqltext.Mask(c.text, c.modes, roomy); got != c.want {
			t.Errorf("%q, modes %b: got %q, want %q", c.text, c.modes, got, c.want)
		}
	}
}

func TestMaskIsCutBetweenWords(t *testing.T) {
	const text = "SELECT first, second FROM t WHERE a = 'ann'"
	for most := range len(text) {
		got := sqltext.Mask(text, 0, most)
		whole, cut := strings.CutSuffix(got, "...")
		if len(whole) > most || !strings.HasPrefix("SELECT first, second FROM t WHERE a = ?", whole) {
			t.Errorf("at most %d bytes: got %q", most, got)
		}
		if next := sqltext.Mask(text, 0, roomy)[len(whole):]; cut != (next != "") {
			t.Errorf("at most %d bytes: got %q, though %q is left", most, got, next)
		}
	}
}

func TestMaskOfTheCorpusHasNoLiterals(t *testing.T) {
	for _, e := range corpus.Statements {
		once := sqltext.Mask(e.Text, e.Modes, roomy)
		if twice := sqltext.Mask(once, e.Modes, roomy); twice != once {
			t.Errorf("%q is shown as %q, and that as %q", e.Text, once, twice)
		}
	}
}

// No literal survives: whatever is in a text's literals and comments, what is shown of it is the same.
func FuzzMask(f *testing.F) {
	for _, e := range corpus.Statements {
		f.Add(e.Text, uint8(e.Modes), 40)
	}
	f.Fuzz(func(t *testing.T, text string, modes uint8, most int) {
		m := sqltext.Modes(modes) & allModes
		whole := sqltext.Mask(text, m, roomy)
		if other := sqltext.Mask(sqltext.WithOtherLiterals(text, m), m, roomy); other != whole {
			t.Errorf("%q is shown as %q, and with other literals as %q", text, whole, other)
		}
		if strings.Contains(whole, "'") || m&sqltext.AnsiQuotes == 0 && strings.Contains(whole, `"`) {
			t.Errorf("%q is shown as %q, with a quote in it", text, whole)
		}
		most &= 0xff
		if cut := strings.TrimSuffix(sqltext.Mask(text, m, most), "..."); len(cut) > most || !strings.HasPrefix(whole, cut) {
			t.Errorf("%q is shown as %q, and in %d bytes as %q", text, whole, most, cut)
		}
	})
}
