package mysqltest

import (
	"bytes"
	"encoding/binary"
	"io"
)

// maxPayload is the most one packet carries; longer messages go in several, the last of them shorter than this.
const maxPayload = 1<<24 - 1

// message is what a client sent: a payload and the sequence number of its last packet.
type message struct {
	body []byte
	seq  byte
}

// readMessage reads one message.
func readMessage(r io.Reader) (message, error) {
	var m message
	for {
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return message{}, err
		}
		size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
		start := len(m.body)
		m.body = append(m.body, make([]byte, size)...)
		if _, err := io.ReadFull(r, m.body[start:]); err != nil {
			return message{}, err
		}
		m.seq = head[3]
		if size < maxPayload {
			return m, nil
		}
	}
}

// packets collects an answer, so that it leaves in one write.
type packets struct {
	buf []byte
	seq byte
}

// answerTo starts the answer to a message.
func answerTo(m message) *packets { return &packets{seq: m.seq + 1} }

func (p *packets) add(payload []byte) {
	for {
		size := min(len(payload), maxPayload)
		p.buf = append(p.buf, byte(size), byte(size>>8), byte(size>>16), p.seq)
		p.buf = append(p.buf, payload[:size]...)
		p.seq++
		payload = payload[size:]
		if size < maxPayload {
			return
		}
	}
}

func (p *packets) addError(e Error) {
	b := append([]byte{0xff}, byte(e.Number), byte(e.Number>>8), '#')
	b = append(b, e.state()...)
	p.add(append(b, e.Message...))
}

func (p *packets) addOK(head byte, affected, insertID uint64, status uint16) {
	b := appendLenenc([]byte{head}, affected)
	b = appendLenenc(b, insertID)
	b = binary.LittleEndian.AppendUint16(b, status)
	p.add(append(b, 0, 0))
}

func (p *packets) addEOF(status uint16) {
	p.add(binary.LittleEndian.AppendUint16([]byte{0xfe, 0, 0}, status))
}

// appendLenenc appends a length-encoded integer.
func appendLenenc(b []byte, n uint64) []byte {
	switch {
	case n < 0xfb:
		return append(b, byte(n))
	case n < 1<<16:
		return append(b, 0xfc, byte(n), byte(n>>8))
	case n < 1<<24:
		return append(b, 0xfd, byte(n), byte(n>>8), byte(n>>16))
	}
	return binary.LittleEndian.AppendUint64(append(b, 0xfe), n)
}

func appendLenencString(b []byte, s string) []byte {
	return append(appendLenenc(b, uint64(len(s))), s...)
}

// cursor reads the fields of a payload. Past its end it yields zeroes and remembers that in short.
type cursor struct {
	rest  []byte
	short bool
}

func (c *cursor) bytes(n int) []byte {
	if n < 0 || n > len(c.rest) {
		c.rest, c.short = nil, true
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

// uint reads a little-endian integer of size bytes.
func (c *cursor) uint(size int) uint64 {
	var n uint64
	for i, b := range c.bytes(size) {
		n |= uint64(b) << (8 * i)
	}
	return n
}

func (c *cursor) lenenc() uint64 {
	switch first := c.uint(1); first {
	case 0xfc:
		return c.uint(2)
	case 0xfd:
		return c.uint(3)
	case 0xfe:
		return c.uint(8)
	default:
		return first
	}
}

func (c *cursor) lenencString() string {
	n := c.lenenc()
	if n > uint64(len(c.rest)) {
		c.rest, c.short = nil, true
		return ""
	}
	return string(c.bytes(int(n)))
}

// text reads up to and over the next zero byte.
func (c *cursor) text() string {
	end := bytes.IndexByte(c.rest, 0)
	if end < 0 {
		c.rest, c.short = nil, true
		return ""
	}
	s := string(c.rest[:end])
	c.rest = c.rest[end+1:]
	return s
}
