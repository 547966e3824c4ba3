package mysqltest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLexDropsCommentsAndKeepsQuotes(t *testing.T) {
	tests := map[string][]string{
		"/* a; b */ SELECT 1 -- end":            {"SELECT", "1"},
		"# first\nSELECT 1;":                    {"SELECT", "1"},
		"--\nSELECT--1":                         {"SELECT", "-", "-", "1"},
		"/*!40101 SET */ NAMES":                 {"SET", "NAMES"},
		"/*M!100100 KILL */ 5":                  {"KILL", "5"},
		"SELECT '/* no */', \"a\"\"b\", `c``d`": {"SELECT", "/* no */", ",", "a\"b", ",", "c`d"},
		`'it\'s'`:                               {"it's"},
		"@@GLOBAL.read_only := @a.b":            {"global.read_only", ":=", "a.b"},
		"1.5,?":                                 {"1.5", ",", "?"},
		"/* open":                               nil,
		"'open":                                 {"open"},
	}
	for src, want := range tests {
		var got []string
		for _, token := range lex(src) {
			got = append(got, token.text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", src, diff)
		}
	}
}

// FuzzStatements looks for texts that end the server.
func FuzzStatements(f *testing.F) {
	for _, seed := range []string{
		"/* x */ SELECT 1, @@read_only AS ro", "SET GLOBAL read_only=1, @a = 'b'", "KILL QUERY 5", "SELECT SLEEP(-1)", "DO ?",
		"SELECT a b, `c` FROM t LIMIT 1", "COMMIT AND CHAIN", "INSERT INTO t VALUES ('?', ?)", "SET NAMES utf8mb4",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := NewServer(Config{})
		c := newConn(s, 1, nil)
		close(c.over) // no SLEEP takes time
		r := c.run(Query{Text: text, Args: []any{int64(1)}})
		if len(r.Columns) > 0 && len(r.Rows) == 1 && len(r.Rows[0]) != len(r.Columns) {
			t.Errorf("%d columns, %d values", len(r.Columns), len(r.Rows[0]))
		}
	})
}

// FuzzLogin looks for packets that end the server.
func FuzzLogin(f *testing.F) {
	f.Add([]byte("\x00\x82\x00\x00"), []byte{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, login, execute []byte) {
		c := newConn(NewServer(Config{Password: "p"}), 1, nil)
		c.readLogin(login)
		p := &prepared{params: 3, long: map[int][]byte{1: []byte("x")}}
		in := cursor{rest: execute}
		if args := p.readArgs(&in); !in.short && len(args) != 3 {
			t.Errorf("%d arguments, want 3", len(args))
		}
	})
}

func TestMessagesOfAllSizesSurviveThePackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range []int{0, 1, 1 << 16, maxPayload - 1, maxPayload, maxPayload + 1} {
			client, server := newMemPair("c", "s")
			p := &packets{}
			p.add(make([]byte, size))
			server.Write(p.buf)
			client.SetReadDeadline(time.Now().Add(time.Second))
			if m, err := readMessage(client); err != nil || len(m.body) != size || m.seq != p.seq-1 {
				t.Errorf("size %d came as %d, sequence %d of %d: %v", size, len(m.body), m.seq, p.seq, err)
			}
		}
	})
}
