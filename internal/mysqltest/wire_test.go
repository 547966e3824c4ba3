package mysqltest_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/weirpool/weir/internal/mysqltest"
)

const (
	inTransaction = 1 << 0
	autocommit    = 1 << 1
	inReadOnly    = 1 << 13
	deprecateEOF  = 1 << 24
)

// wire is a client that looks at the packets themselves.
type wire struct {
	t *testing.T
	net.Conn
}

func login(t *testing.T, f fixture, capabilities uint32) wire {
	t.Helper()
	nc, err := f.Dial(t.Context(), "mem", "db:3306")
	if err != nil {
		t.Fatal(err)
	}
	w := wire{t, nc}
	if greeting := w.read(); greeting[0] != 10 {
		t.Fatalf("greeting % x", greeting)
	}
	const protocol41, secureConn = 1 << 9, 1 << 15
	body := binary.LittleEndian.AppendUint32(nil, protocol41|secureConn|capabilities)
	body = append(body, make([]byte, 4+1+23)...)
	w.write(1, append(body, "app\x00\x00"...))
	if ok := w.read(); ok[0] != 0 {
		t.Fatalf("login % x", ok)
	}
	return w
}

func (w wire) write(seq byte, body []byte) {
	w.t.Helper()
	n := len(body)
	if _, err := w.Write(append([]byte{byte(n), byte(n >> 8), byte(n >> 16), seq}, body...)); err != nil {
		w.t.Fatal(err)
	}
}

func (w wire) read() []byte {
	w.t.Helper()
	var head [4]byte
	if _, err := io.ReadFull(w, head[:]); err != nil {
		w.t.Fatal(err)
	}
	body := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	if _, err := io.ReadFull(w, body); err != nil {
		w.t.Fatal(err)
	}
	return body
}

// status runs a statement that returns no rows and reads the flags of its OK.
func (w wire) status(query string) uint16 {
	w.t.Helper()
	w.write(0, append([]byte{3}, query...))
	return w.ok(query)
}

func (w wire) ok(what string) uint16 {
	w.t.Helper()
	body := w.read()
	if body[0] != 0 || len(body) < 5 {
		w.t.Fatalf("%s: % x", what, body)
	}
	return binary.LittleEndian.Uint16(body[3:])
}

func TestStatusFlagsFollowTheTransaction(t *testing.T) {
	bubble(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		w := login(t, f, deprecateEOF)
		defer w.Close()
		for _, step := range []struct {
			query string
			want  uint16
		}{
			{"DO 1", autocommit},
			{"INSERT INTO t VALUES (1)", autocommit},
			{"BEGIN", autocommit | inTransaction},
			{"INSERT INTO t VALUES (1)", autocommit | inTransaction},
			{"ROLLBACK TO here", autocommit | inTransaction},
			{"COMMIT", autocommit},
			{"START TRANSACTION READ ONLY", autocommit | inTransaction | inReadOnly},
			{"ROLLBACK", autocommit},
			{"start transaction", autocommit | inTransaction},
			{"CREATE TABLE x (i INT)", autocommit},
			{"SET autocommit=0", 0},
			{"DO 1", 0},
			{"UPDATE t SET v = 1", inTransaction},
			{"COMMIT AND CHAIN", inTransaction},
			{"SET @@session.autocommit = ON", autocommit},
		} {
			if got := w.status(step.query); got != step.want {
				t.Errorf("after %s: flags %b, want %b", step.query, got, step.want)
			}
		}
	})
}

func TestAutocommitOffFromTheStart(t *testing.T) {
	bubble(t, mysqltest.Config{AutocommitOff: true}, func(t *testing.T, f fixture) {
		w := login(t, f, 0)
		defer w.Close()
		if got := w.status("DO 1"); got != 0 {
			t.Errorf("flags %b, want none", got)
		}
		if got := w.status("SET autocommit = 1"); got != autocommit {
			t.Errorf("flags %b", got)
		}
	})
}

func TestRowsEndWithEOFForClientsThatWantIt(t *testing.T) {
	tests := map[string]struct {
		capabilities uint32
		packets      int // count, column, row and the markers
		last         []byte
	}{
		"EOF": {0, 5, []byte{0xfe, 0, 0, autocommit, 0}},
		"OK":  {deprecateEOF, 4, []byte{0xfe, 0, 0, autocommit, 0, 0, 0}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
				w := login(t, f, test.capabilities)
				defer w.Close()
				w.write(0, []byte("\x03SELECT 'x' AS a"))
				var last []byte
				for range test.packets {
					last = w.read()
				}
				if !bytes.Equal(last, test.last) {
					t.Errorf("last packet % x, want % x", last, test.last)
				}
			})
		})
	}
}

func TestResetConnectionForgetsTheSession(t *testing.T) {
	bubble(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		w := login(t, f, deprecateEOF)
		defer w.Close()
		w.status("SET @a = 1, autocommit = 0")
		w.write(0, []byte("\x16DO 1"))
		if prepared := w.read(); prepared[0] != 0 {
			t.Fatalf("prepare % x", prepared)
		}
		execute := []byte{0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0}
		w.write(0, execute)
		w.ok("execute")
		w.write(0, []byte{0x1f})
		if got := w.ok("reset"); got != autocommit {
			t.Errorf("flags %b", got)
		}
		w.write(0, execute)
		if got := w.read(); got[0] != 0xff || binary.LittleEndian.Uint16(got[1:]) != mysqltest.CodeUnknownStatement {
			t.Errorf("a statement outlived the reset: % x", got)
		}
		if s := f.Stats(); s.Resets != 1 {
			t.Errorf("resets %d", s.Resets)
		}
	})
}

func TestOtherCommands(t *testing.T) {
	bubble(t, mysqltest.Config{Databases: []string{"shop"}}, func(t *testing.T, f fixture) {
		w := login(t, f, 0)
		defer w.Close()
		w.write(0, []byte("\x02shop"))
		w.ok("init db")
		w.write(0, []byte("\x02nowhere"))
		if got := w.read(); binary.LittleEndian.Uint16(got[1:]) != mysqltest.CodeUnknownDatabase {
			t.Errorf("unknown database % x", got)
		}
		w.write(0, []byte{0x63})
		if got := w.read(); binary.LittleEndian.Uint16(got[1:]) != mysqltest.CodeUnknownCommand {
			t.Errorf("unknown command % x", got)
		}
		w.write(0, []byte{0x1a, 1, 0, 0, 0})
		w.ok("statement reset")
		if s := f.Stats(); s.InitDBs != 2 {
			t.Errorf("init dbs %d", s.InitDBs)
		}
	})
}

func TestNonsenseEndsOnlyItsConnection(t *testing.T) {
	bubble(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		for _, nonsense := range []string{"", "\x00\x00\x00\x00", "\x05\x00\x00\x01abcde", "\xff\xff\xff\x01", "\x01\x00\x00\x00\x01"} {
			nc, err := f.Dial(t.Context(), "mem", "db:3306")
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(nc, nonsense)
			nc.Close()
		}
		w := login(t, f, 0)
		defer w.Close()
		w.write(0, []byte{0x17, 9, 0})
		if got := w.read(); got[0] != 0xff {
			t.Errorf("short execute % x", got)
		}
		w.write(0, []byte("\x03SELECT"))
		if got := w.read(); got[0] != 0xff {
			t.Errorf("short select % x", got)
		}
		for _, query := range []string{"", "SET", "KILL", "KILL QUERY", "SELECT f(", "/*", "'", "`", "@", "@@", "SELECT SLEEP(", "SET a"} {
			w.write(0, append([]byte{3}, query...))
			w.read()
		}
	})
}
