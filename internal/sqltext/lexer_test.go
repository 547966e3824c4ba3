package sqltext

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cut returns the tokens of a text as strings; a bad one as "?".
func cut(text string, m Modes) []string {
	var out []string
	l := lexer{text: text, modes: m}
	for t := l.next(token{}); t.kind != end; t = l.next(t) {
		if t.kind == bad {
			return append(out, "?")
		}
		out = append(out, text[t.from:t.to])
	}
	return out
}

var tokenCases = []struct {
	text  string
	modes Modes
	want  string // separated by blanks
}{
	{"SELECT a.b,`c d`.e", 0, "SELECT a . b , `c d` . e"},
	{"1.5INTO", 0, "1.5 INTO"},
	{"1.INTO", 0, "1. INTO"},
	{".5INTO", 0, ".5 INTO"},
	{"SELECT .5INTO", 0, "SELECT .5 INTO"},
	{"1e5INTO", 0, "1e5 INTO"},
	{"1e-5INTO", 0, "1e-5 INTO"},
	{"1.5e+3x", 0, "1.5e+3 x"},
	{"1.e5x", 0, "1.e5 x"},
	{"1ex", 0, "1ex"},
	{"1e+x", 0, "1e + x"},
	{"2nd", 0, "2nd"},
	{"0x1F 0b01", 0, "0x1F 0b01"},
	{"t.1e5x", 0, "t . 1e5x"},
	{"t.5a", 0, "t . 5a"},
	{"t .5a", 0, "t .5 a"},
	{"`t`.5a", 0, "`t` .5 a"},
	{"x'4D' _utf8'a'", 0, "x '4D' _utf8 'a'"},
	{"'a''b''' 'c'", 0, "'a''b''' 'c'"},
	{`'a\'b' 'c\\' 'd'`, 0, `'a\'b' 'c\\' 'd'`},
	{`'a\' 'b'`, NoBackslashEscapes, `'a\' 'b'`},
	{`"a\"b"`, 0, `"a\"b"`},
	{`"a\" x`, AnsiQuotes, `"a\" x`},
	{"`a\\` `b``c`", 0, "`a\\` `b``c`"},
	{"@x@y @'a' @`b` @@c @@d.e @", 0, "@x @y @'a' @`b` @@ c @@ d . e @"},
	{"u@10.0.0.1 u@caf\xc3\xa9", 0, "u @10.0.0.1 u @caf \xc3\xa9"},
	{"a:=1", 0, "a : = 1"},
	{"1--1 -- x", 0, "1 - - 1"},
	{"1 --\x01 x", 0, "1"},
	{"1 --", 0, "1"},
	{"1 - -- x\n2", 0, "1 - 2"},
	{"1 # x\n2", 0, "1 2"},
	{"1/**/2/*/ x */3", 0, "1 2 3"},
	{"/*+ x */ /* /* */ 1 */", 0, "1 * /"},
	{"/*!1 2*/3", 0, "?"},
	{"/*!2*/3", 0, "?"},
	{"/*! 2*/3", 0, "2 3"},
	{"/*!50000 2*/3", 0, "2 3"},
	{"/*!50699 2*/3", 0, "2 3"},
	{"/*!50700 2*/3", 0, "?"},
	{"/*!99999 2*/3", 0, "?"},
	{"/*!506000 2*/3", 0, "?"},
	{"/*M! 2*/3", 0, "?"},
	{"/*T! 2*/3", 0, "?"},
	{"/*X! 2*/3", 0, "3"},
	{"/*! /* x */ 2 */ 3", 0, "2 3"},
	{"/*! /*! 2 */ 3 */", 0, "?"},
	{"/*! 2", 0, "2 ?"},
	{"/*! 2 -- */", 0, "2 ?"},
	{"2 */ 3", 0, "2 * / 3"},
	{"/*+ `a*/b` */", 0, "?"},
	{"/*+ 'a' `b` \"c'\" */ 1", 0, "1"},
	{"1 'x", 0, "1 ?"},
	{"1 /* x", 0, "1 ?"},
	{"1 \x00 2", 0, "1 ?"},
	{"1 '\x00' 2", 0, "1 '\x00' 2"},
	{"1 `\x00` 2", 0, "1 ?"},
	{"1 -- \x00\n2", 0, "1 ?"},
	{"1 /* \x00 */ 2", 0, "1 2"},
	{"a\xff b", 0, "?"},
	{"a '\xff' b", 0, "a '\xff' b"},
	{"a\vb\fc", 0, "a b c"},
	{"a\xc2\xa0b", 0, "a\xc2\xa0b"},
	{"\\N", 0, "\\ N"},
}

func TestTokens(t *testing.T) {
	for _, c := range tokenCases {
		// The words wanted hold no blanks but within quotes, so both sides are compared with the blanks gone.
		got, want := strings.Join(cut(c.text, c.modes), "\t"), c.want
		if diff := cmp.Diff(want, strings.ReplaceAll(got, "\t", " ")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestKeywordsBehindADotAreNames(t *testing.T) {
	l := lexer{text: "t.update update"}
	a := l.next(token{})
	dot := l.next(a)
	behind := l.next(dot)
	alone := l.next(behind)
	if behind.word != other || alone.word != wUpdate {
		t.Errorf("got words %d and %d, want %d and %d", behind.word, alone.word, other, wUpdate)
	}
}

func TestNoKeywordIsTooLong(t *testing.T) {
	for k := range keywords {
		if keyword(strings.ToUpper(k)) == other {
			t.Errorf("%q is not found", k)
		}
	}
}

func TestNoHarmlessFunctionIsTooLong(t *testing.T) {
	var buf [longestWord]byte
	for f := range harmless {
		if string(lower(strings.ToUpper(f), &buf)) != f {
			t.Errorf("%q can't be found", f)
		}
	}
}

// What has an effect must not be taken for harmless.
func TestFunctionsThatAreNotHarmless(t *testing.T) {
	for _, f := range strings.Fields(`get_lock release_lock release_all_locks last_insert_id row_count found_rows nextval setval lastval
		sleep benchmark uuid_short master_pos_wait master_gtid_wait source_pos_wait wait_for_executed_gtid_set
		wait_until_sql_thread_after_gtids service_get_read_locks service_get_write_locks service_release_locks
		asynchronous_connection_failover_add_source group_replication_set_as_primary ps_thread_id keyring_key_store sys_exec`) {
		if _, ok := harmless[f]; ok {
			t.Errorf("%s is in the list of harmless functions", f)
		}
	}
}
