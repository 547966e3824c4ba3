package tracker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
)

// greetingBody is what a server says first, with the upper half of its capabilities.
func greetingBody(upper uint16) string {
	b := []byte("\x0a11.0\x00" + "\x01\x00\x00\x00" + "12345678" + "\x00" + "\xff\xff" + "\x2d" + "\x02\x00")
	b = binary.LittleEndian.AppendUint16(b, upper)
	return string(b) + "\x15" + "\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "123456789012\x00"
}

// responseBody is how a client answers, up to the user's name.
func responseBody(caps uint32) string {
	b := binary.LittleEndian.AppendUint32(nil, caps)
	return string(append(b, make([]byte, 28)...)) + "app\x00"
}

// exchange passes the greeting and the response through a tap and returns what
// came out at the server's end.
func exchange(t *testing.T, tap *Tap, greeting, response string) []byte {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	said := frame(1, response)
	untouched := bytes.Clone(said)
	out := make(chan []byte, 1)
	go func() {
		far.Write(frame(0, greeting))
		got := make([]byte, len(said))
		io.ReadFull(far, got)
		out <- got
	}()
	c := tap.Wrap(near)
	if _, err := io.ReadFull(c, make([]byte, headLen+len(greeting))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(said); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(said, untouched) {
		t.Error("the writer's own bytes were changed")
	}
	return <-out
}

const plain = capMySQL | capProtocol41 | capDeprecateEOF

func TestTapAddsOneBit(t *testing.T) {
	var tap Tap
	got := exchange(t, &tap, greetingBody(capSessionTrack>>16), responseBody(plain))
	if want := frame(1, responseBody(plain|capSessionTrack)); !bytes.Equal(got, want) {
		t.Errorf("sent % x\nwant % x", got, want)
	}
	if _, err := tap.Take(); err != nil {
		t.Error(err)
	}
}

func TestTapSaysWhyItIsDeaf(t *testing.T) {
	tests := []struct {
		name  string
		upper uint16
		caps  uint32
		want  error
	}{
		{"TLS", capSessionTrack >> 16, plain | capTLS, errTLS},
		{"compression", capSessionTrack >> 16, plain | capCompress, errCompress},
		{"EOF packets", capSessionTrack >> 16, plain &^ capDeprecateEOF, errEOF},
		{"no session tracking", 0, plain, errNoTrack},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tap Tap
			exchange(t, &tap, greetingBody(tt.upper), responseBody(tt.caps))
			if _, err := tap.Take(); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestTapLeavesAServerWithoutTrackingAlone(t *testing.T) {
	var tap Tap
	got := exchange(t, &tap, greetingBody(0), responseBody(plain))
	if want := frame(1, responseBody(plain)); !bytes.Equal(got, want) {
		t.Errorf("sent % x\nwant % x", got, want)
	}
}
