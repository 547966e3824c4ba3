package mysqlpool

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// piecewise hands out a greeting in pieces of n bytes.
type piecewise struct {
	net.Conn
	rest []byte
	n    int
}

func (c *piecewise) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.n)], c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func TestNumberOfAGreeting(t *testing.T) {
	long := make([]byte, 2*mostGreeting)
	for i := range long {
		long[i] = 'x'
	}
	for name, test := range map[string]struct {
		packet string
		want   uint32
	}{
		"a greeting":         {"\x4a\x00\x00\x00\x0a8.4.0-Vitess\x00\x05\x01\x00\x02the rest", 0x02000105},
		"no version":         {"\x4a\x00\x00\x00\x0a\x00\x07\x00\x00\x00the rest", 7},
		"an error":           {"\x17\x00\x00\x00\xff\x10\x04Too many connections", 0},
		"cut short":          {"\x4a\x00\x00\x00\x0a8.4.0\x00\x05\x01", 0},
		"an endless version": {"\x4a\x00\x00\x00\x0a" + string(long), 0},
		"nothing":            {"", 0},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n <= 64; n++ {
				var number atomic.Uint32
				conn := watchGreeting(&piecewise{rest: []byte(test.packet), n: n}, &number)
				if got, err := io.ReadAll(conn); err != nil || string(got) != test.packet {
					t.Fatalf("in pieces of %d: read %q, %v", n, got, err)
				}
				if got := number.Load(); got != test.want {
					t.Errorf("in pieces of %d: number = %d, want %d", n, got, test.want)
				}
			}
		})
	}
}
