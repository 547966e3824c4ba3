package tracker

import (
	"encoding/binary"
	"errors"
)

var errShort = errors.New("tracker: a packet ends too early")

// decoder takes a packet apart. After the first value that is not there every
// other is zero and err says so.
type decoder struct {
	b   []byte
	err error
}

// bytes takes the next n bytes.
func (d *decoder) bytes(n uint64) []byte {
	if d.err != nil || n > uint64(len(d.b)) {
		d.err = errShort
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint16() uint16 {
	if b := d.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// number takes a length-encoded integer.
func (d *decoder) number() uint64 {
	first := d.byte()
	wide := uint64(0)
	switch first {
	case 0xfc:
		wide = 2
	case 0xfd:
		wide = 3
	case 0xfe:
		wide = 8
	default:
		return uint64(first)
	}
	var full [8]byte
	copy(full[:], d.bytes(wide))
	return binary.LittleEndian.Uint64(full[:])
}

// text takes a length-encoded string.
func (d *decoder) text() []byte {
	return d.bytes(d.number())
}

// decodeOK reads an OK packet, also one that ends a result (and begins with 0xfe).
func decodeOK(body []byte) (Answer, error) {
	d := decoder{b: body}
	d.byte()   // the kind
	d.number() // affected rows
	a := Answer{Flagged: true, ID: d.number(), Status: Status(d.uint16())}
	d.uint16() // warnings
	if d.err != nil || a.Status&SessionStateChanged == 0 {
		return a, d.err
	}
	d.text() // a message for people
	reports := decoder{b: d.text(), err: d.err}
	for reports.err == nil && len(reports.b) > 0 {
		a.Changes = append(a.Changes, reports.change()...)
	}
	return a, reports.err
}

// change takes one tracker's report, which is several changes when the server
// put several variables into it.
func (d *decoder) change() []Change {
	what := What(d.byte())
	in := decoder{b: d.text(), err: d.err}
	var out []Change
	switch what {
	case Variable:
		for in.err == nil && len(in.b) > 0 {
			out = append(out, Change{What: what, Name: string(in.text()), Value: string(in.text())})
		}
	case Schema, Characteristics, Transaction:
		out = append(out, Change{What: what, Value: string(in.text())})
	case GTIDs:
		if len(in.b) > 0 {
			in.byte() // the encoding, of which there is one
			out = append(out, Change{What: what, Value: string(in.text())})
		}
	default: // State is one byte without a length of its own
		out = append(out, Change{What: what, Value: string(in.b)})
	}
	d.err = in.err
	return out
}

// decodeError reads the number of an error packet.
func decodeError(body []byte) (Answer, error) {
	d := decoder{b: body}
	d.byte() // the kind
	return Answer{Error: d.uint16()}, d.err
}
