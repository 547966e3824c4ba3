package lab

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// The few numbers of RFC 1035 (and 3596 for AAAA) that a resolver needs.
const (
	typeA     = 1
	typeAAAA  = 28
	classIN   = 1
	headerLen = 12

	flagResponse         = 0x80 // in the header's third byte
	flagAuthoritative    = 0x04
	flagRecursionDesired = 0x01

	codeSuccess       = 0
	codeServerFailure = 2
	codeNoSuchName    = 3
)

// question is a DNS query with one question.
type question struct {
	header []byte // as received
	raw    []byte // the question as received
	name   string // canonical
	kind   uint16
}

// parseQuestion reads a query. What follows the question (EDNS) is ignored.
func parseQuestion(msg []byte) (question, bool) {
	if len(msg) < headerLen || msg[2]&flagResponse != 0 || binary.BigEndian.Uint16(msg[4:]) != 1 {
		return question{}, false
	}
	var labels []string
	rest := msg[headerLen:]
	for {
		if len(rest) == 0 {
			return question{}, false
		}
		n := int(rest[0])
		rest = rest[1:]
		if n == 0 {
			break
		}
		if n > 63 || n > len(rest) { // 64 and up are pointers, which no query needs
			return question{}, false
		}
		labels = append(labels, string(rest[:n]))
		rest = rest[n:]
	}
	if len(rest) < 4 || binary.BigEndian.Uint16(rest[2:]) != classIN {
		return question{}, false
	}
	return question{
		header: msg[:headerLen],
		raw:    msg[headerLen : len(msg)-len(rest)+4],
		name:   canonical(strings.Join(labels, ".")),
		kind:   binary.BigEndian.Uint16(rest),
	}, true
}

// reply builds the answer: the question again, and addr if it is of the kind
// that was asked for.
func (q question) reply(addr netip.Addr, code byte) []byte {
	has := q.kind == typeA && addr.Is4() || q.kind == typeAAAA && addr.Is6()
	answers := byte(0)
	if has {
		answers = 1
	}
	msg := append([]byte(nil), q.header[:2]...) // the query's number
	msg = append(msg,
		flagResponse|flagAuthoritative|q.header[2]&flagRecursionDesired, code,
		0, 1, // questions
		0, answers,
		0, 0, 0, 0,
	)
	msg = append(msg, q.raw...)
	if !has {
		return msg
	}
	msg = append(msg, 0xc0, headerLen) // the name: a pointer to the question's
	msg = binary.BigEndian.AppendUint16(msg, q.kind)
	msg = binary.BigEndian.AppendUint16(msg, classIN)
	msg = binary.BigEndian.AppendUint32(msg, 0) // time to live
	ip := addr.AsSlice()
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(ip)))
	return append(msg, ip...)
}
