package tracker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// textLimit is how much of a command's text is kept.
const textLimit = 4 << 10

// The capability bits that decide how the dialogue is read, as the client sends them.
const (
	capMySQL        = 1 << 0 // not set: the response has MariaDB's own capabilities too
	capCompress     = 1 << 5
	capProtocol41   = 1 << 9
	capTLS          = 1 << 11
	capSessionTrack = 1 << 23
	capDeprecateEOF = 1 << 24

	capMariaDBCacheMetadata = 1 << 4
)

// The first byte of an answer, where it is not a count of columns.
const (
	kindOK    = 0x00
	kindLocal = 0xfb
	kindEnd   = 0xfe
	kindError = 0xff
)

var (
	errTLS      = errors.New("tracker: the connection changes to TLS, which a tap cannot read")
	errCompress = errors.New("tracker: the connection is compressed, which a tap cannot read")
	errEOF      = errors.New("tracker: the connection ends results with EOF packets, which a tap does not read")
	errNoTrack  = errors.New("tracker: the server does not offer session tracking")
)

// awaits is what the server will send next.
type awaits int

const (
	awaitsGreeting awaits = iota
	awaitsLogin           // the packets of authentication, the last of which is OK or an error
	awaitsNothing
	awaitsAnswer // the first packet of a result
	awaitsPrepared
	awaitsColumns // and then rows
	awaitsRows
	awaitsDefinitions // of a prepared statement, and then nothing
)

// dialogue follows one connection's commands and answers.
type dialogue struct {
	next         awaits
	columns      uint64 // packets still to come in awaitsColumns and awaitsDefinitions
	trackable    bool   // the server offers session tracking
	flagsColumns bool   // MariaDB: a byte says whether the columns are described
	now          Command
}

// client reads a message of the client and reports whether it was a command that
// gets no answer.
func (d *dialogue) client(p packet) (over bool, err error) {
	switch {
	case d.next == awaitsLogin && d.now.Code == 0:
		d.now.Code = ComConnect
		return false, d.response(p.body)
	case d.next == awaitsLogin || p.seq != 0: // an authentication under way, or the content of a local file
		return false, nil
	case len(p.body) == 0:
		return false, errShort
	}
	err = d.command(p.body)
	return err == nil && d.next == awaitsNothing, err
}

// response reads the client's answer to the greeting.
func (d *dialogue) response(body []byte) error {
	if len(body) < 32 {
		return errShort
	}
	caps := binary.LittleEndian.Uint32(body)
	d.flagsColumns = caps&capMySQL == 0 && binary.LittleEndian.Uint32(body[28:])&capMariaDBCacheMetadata != 0
	switch {
	case caps&capTLS != 0:
		return errTLS
	case caps&capCompress != 0:
		return errCompress
	case caps&capDeprecateEOF == 0 || caps&capProtocol41 == 0:
		return errEOF
	case !d.trackable:
		return errNoTrack
	}
	return nil
}

func (d *dialogue) command(body []byte) error {
	d.now = Command{Code: body[0]}
	d.next = awaitsAnswer
	switch d.now.Code {
	case ComQuery, ComInitDB:
		d.now.Text = string(body[1:min(len(body), 1+textLimit)])
	case ComPrepare:
		d.now.Text = string(body[1:min(len(body), 1+textLimit)])
		d.next = awaitsPrepared
	case ComQuit, ComStmtClose, ComLongData:
		d.next = awaitsNothing
	case ComPing, ComExecute, ComStmtReset, ComSetOption, ComResetState:
	default:
		return fmt.Errorf("tracker: command 0x%02x, which a tap does not read", d.now.Code)
	}
	return nil
}

// server reads a message of the server and reports whether the command is over.
func (d *dialogue) server(p packet) (over bool, err error) {
	if len(p.body) == 0 && d.next != awaitsRows {
		return false, errShort
	}
	switch d.next {
	case awaitsGreeting:
		return false, d.greeting(p.body)
	case awaitsLogin:
		if kind := p.body[0]; kind != kindOK && kind != kindError {
			return false, nil
		}
		return d.answer(p.body)
	case awaitsAnswer:
		return d.answer(p.body)
	case awaitsPrepared:
		return d.prepared(p.body)
	case awaitsColumns:
		if d.columns--; d.columns == 0 {
			d.next = awaitsRows
		}
	case awaitsRows:
		if rowsEnd(p) {
			return d.answer(p.body)
		}
	case awaitsDefinitions:
		if d.columns--; d.columns == 0 {
			return d.over(), nil
		}
	case awaitsNothing: // the server's last words, an error, before it hangs up
		if p.body[0] != kindError {
			return false, fmt.Errorf("tracker: a packet of kind 0x%02x that nobody asked for", p.body[0])
		}
	}
	return false, nil
}

// rowsEnd tells the end of a result from a row whose first value has 16 MB or
// more: its length begins with the same byte.
func rowsEnd(p packet) bool {
	return len(p.body) > 0 && !p.long && (p.body[0] == kindEnd || p.body[0] == kindError)
}

// greeting reads which capabilities the server offers. A server that refuses
// sends an error instead.
func (d *dialogue) greeting(body []byte) error {
	if body[0] == kindError {
		return nil
	}
	end := bytes.IndexByte(body, 0) // of the version, which follows the protocol's number
	if end < 0 || len(body) < end+21 {
		return errShort
	}
	// Thread number 4, scramble 8, filler 1, capabilities 2, collation 1, status 2, capabilities 2.
	upper := uint32(binary.LittleEndian.Uint16(body[end+19:])) << 16
	d.trackable = upper&capSessionTrack != 0
	d.next = awaitsLogin
	return nil
}

// answer reads the packet that begins or ends a result.
func (d *dialogue) answer(body []byte) (over bool, err error) {
	var a Answer
	switch kind := body[0]; {
	case kind == kindOK || kind == kindEnd:
		a, err = decodeOK(body)
	case kind == kindError:
		a, err = decodeError(body)
	case kind == kindLocal:
		return false, nil // the client sends the file, and the answer comes after it
	default:
		return false, d.result(body)
	}
	d.now.Answers = append(d.now.Answers, a)
	if a.Status&MoreResults != 0 {
		d.next = awaitsAnswer
		return false, err
	}
	return d.over(), err
}

// result reads the number of columns.
func (d *dialogue) result(body []byte) error {
	in := decoder{b: body}
	d.columns = in.number()
	d.next = awaitsColumns
	if d.flagsColumns && in.byte() == 0 {
		d.next = awaitsRows // the client knows them from the last time
	}
	return in.err
}

// prepared reads the answer to ComPrepare, which has neither flags nor reports.
func (d *dialogue) prepared(body []byte) (over bool, err error) {
	if body[0] == kindError {
		return d.answer(body)
	}
	in := decoder{b: body}
	in.bytes(5) // kind and number
	d.columns = uint64(in.uint16()) + uint64(in.uint16())
	d.now.Answers = append(d.now.Answers, Answer{})
	if d.columns == 0 {
		return d.over(), in.err
	}
	d.next = awaitsDefinitions
	return false, in.err
}

func (d *dialogue) over() bool {
	d.next = awaitsNothing
	return true
}
