package mysqltest

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Query is a statement as the server got it.
type Query struct {
	Text          string
	Args          []any // of a prepared statement: int64, uint64, float64, string or nil
	Prepared      bool
	ThreadID      uint32
	User          string
	Database      string
	InTransaction bool
	Autocommit    bool
}

// Reply is the answer to a statement. The zero Reply is OK.
type Reply struct {
	Columns  []string
	Rows     [][]any // nil, integers, floats, bool, string, []byte; anything else is sent as fmt prints it
	Affected uint64
	InsertID uint64
	Err      Error         // after the rows, if there are columns
	Delay    time.Duration // before the answer; KILL QUERY shortens it and makes it error 1317
	HangUp   bool          // close the connection, after the rows if there are columns, else without an answer

	abandoned bool // the connection ended while the answer was made
}

// OK is the answer to a statement that returns no rows.
func OK() Reply { return Reply{} }

// Rows is a result set.
func Rows(columns []string, rows ...[]any) Reply { return Reply{Columns: columns, Rows: rows} }

// Fail is an error packet.
func Fail(err Error) Reply { return Reply{Err: err} }

// HangUp closes the connection in the place of an answer.
func HangUp() Reply { return Reply{HangUp: true} }

// Types of columns that this server sends.
const (
	typeDouble    = 0x05
	typeLongLong  = 0x08
	typeVarString = 0xfd
)

const (
	flagUnsigned  = 0x20
	charsetBinary = 63
)

// column is a name and how its values travel.
type column struct {
	name     string
	kind     byte
	unsigned bool
}

// addRows adds a result set, text or binary.
func (p *packets) addRows(r Reply, binary bool, s *session) {
	columns := make([]column, len(r.Columns))
	p.add(appendLenenc(nil, uint64(len(columns))))
	for i, name := range r.Columns {
		columns[i] = columnOf(name, r.Rows, i)
		p.add(columns[i].definition())
	}
	if !s.deprecateEOF {
		p.addEOF(s.status())
	}
	for _, row := range r.Rows {
		if binary {
			p.add(binaryRow(columns, row))
		} else {
			p.add(textRow(columns, row))
		}
	}
	switch {
	case r.HangUp:
	case !r.Err.isZero():
		p.addError(r.Err)
	case s.deprecateEOF:
		p.addOK(0xfe, 0, 0, s.status())
	default:
		p.addEOF(s.status())
	}
}

// columnOf finds the type that fits all values of a column; strings fit everything.
func columnOf(name string, rows [][]any, i int) column {
	c := column{name: name}
	for _, row := range rows {
		if i >= len(row) || row[i] == nil {
			continue
		}
		kind, unsigned := kindOf(row[i])
		if c.kind != 0 && (c.kind != kind || c.unsigned != unsigned) {
			kind, unsigned = typeVarString, false
		}
		c.kind, c.unsigned = kind, unsigned
		if kind == typeVarString {
			return c
		}
	}
	if c.kind == 0 {
		c.kind = typeVarString
	}
	return c
}

func kindOf(v any) (kind byte, unsigned bool) {
	switch v.(type) {
	case bool, int, int8, int16, int32, int64:
		return typeLongLong, false
	case uint, uint8, uint16, uint32, uint64:
		return typeLongLong, true
	case float32, float64:
		return typeDouble, false
	}
	return typeVarString, false
}

func (c column) definition() []byte {
	var b []byte
	for _, s := range []string{"def", "", "", "", c.name, c.name} {
		b = appendLenencString(b, s)
	}
	charset, flags := uint16(charsetBinary), uint16(0)
	if c.kind == typeVarString {
		charset = utf8mb4
	}
	if c.unsigned {
		flags = flagUnsigned
	}
	b = binary.LittleEndian.AppendUint16(append(b, 0x0c), charset)
	b = binary.LittleEndian.AppendUint32(b, 1024)
	b = binary.LittleEndian.AppendUint16(append(b, c.kind), flags)
	return append(b, 0x1f, 0, 0)
}

func textRow(columns []column, row []any) []byte {
	var b []byte
	for i := range columns {
		if i >= len(row) || row[i] == nil {
			b = append(b, 0xfb)
			continue
		}
		b = appendLenencString(b, render(row[i]))
	}
	return b
}

func binaryRow(columns []column, row []any) []byte {
	b := make([]byte, 1+(len(columns)+7+2)/8)
	for i, c := range columns {
		if i >= len(row) || row[i] == nil {
			b[1+(i+2)/8] |= 1 << ((i + 2) % 8)
			continue
		}
		text := render(row[i])
		switch {
		case c.kind == typeDouble:
			f, _ := strconv.ParseFloat(text, 64)
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
		case c.kind == typeLongLong && c.unsigned:
			n, _ := strconv.ParseUint(text, 10, 64)
			b = binary.LittleEndian.AppendUint64(b, n)
		case c.kind == typeLongLong:
			n, _ := strconv.ParseInt(text, 10, 64)
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		default:
			b = appendLenencString(b, text)
		}
	}
	return b
}

// render writes a value as the text protocol does.
func render(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case bool:
		if v {
			return "1"
		}
		return "0"
	case time.Time:
		return v.Format("2006-01-02 15:04:05.999999")
	}
	return fmt.Sprint(v)
}
