package mysqltest

import (
	"encoding/binary"
	"math"
)

// prepared is a statement the client prepared.
type prepared struct {
	text   string
	params int
	types  []byte // two bytes each, as sent with the last execution
	long   map[int][]byte
}

// statements are a session's prepared statements.
type statements struct {
	last uint32
	byID map[uint32]*prepared
}

func (s *statements) add(p *prepared) uint32 {
	if s.byID == nil {
		s.byID = make(map[uint32]*prepared)
	}
	s.last++
	s.byID[s.last] = p
	return s.last
}

// addLongData keeps a parameter that was sent ahead; that command is never answered.
func (s *statements) addLongData(body []byte) {
	in := cursor{rest: body}
	p := s.byID[uint32(in.uint(4))]
	index := int(in.uint(2))
	if p == nil || in.short {
		return
	}
	if p.long == nil {
		p.long = make(map[int][]byte)
	}
	p.long[index] = append(p.long[index], in.rest...)
}

// prepare answers COM_STMT_PREPARE. The columns of the result are announced by the execution only.
func (c *conn) prepare(m message, text string) bool {
	c.server.begin(c, "prepare", text)
	if !c.await(c.server.hanging()) {
		return false
	}
	delay, _ := c.server.delays()
	switch c.pause(delay) {
	case abandoned:
		return false
	case interrupted:
		return c.reply(m, Fail(NewError(CodeQueryInterrupted)), false)
	}
	c.server.finish(c)
	p := &prepared{text: text, params: countPlaceholders(text)}
	id := c.session.statements.add(p)
	answer := answerTo(m)
	head := binary.LittleEndian.AppendUint32([]byte{0}, id)
	head = binary.LittleEndian.AppendUint16(head, 0)
	head = binary.LittleEndian.AppendUint16(head, uint16(p.params))
	answer.add(append(head, 0, 0, 0))
	for range p.params {
		answer.add(column{name: "?", kind: typeVarString}.definition())
	}
	if p.params > 0 && !c.session.deprecateEOF {
		answer.addEOF(c.session.status())
	}
	return c.send(answer)
}

// execute answers COM_STMT_EXECUTE.
func (c *conn) execute(m message, body []byte) bool {
	in := cursor{rest: body}
	p := c.session.statements.byID[uint32(in.uint(4))]
	if p == nil {
		return c.reply(m, Fail(NewError(CodeUnknownStatement)), false)
	}
	in.bytes(1 + 4) // cursor type, iterations
	args := p.readArgs(&in)
	if in.short {
		return c.reply(m, Fail(errorf(CodeUnknown, "mysqltest: arguments not understood")), false)
	}
	return c.answer(m, "execute", p.text, func() Reply {
		return c.run(Query{Text: p.text, Args: args, Prepared: true})
	})
}

func (c *conn) closeStatement(body []byte) {
	in := cursor{rest: body}
	delete(c.session.statements.byID, uint32(in.uint(4)))
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.books.stats.StmtCloses++
}

// readArgs decodes the arguments of an execution; what was sent ahead is used up by it.
func (p *prepared) readArgs(in *cursor) []any {
	if p.params == 0 {
		return nil
	}
	nulls := in.bytes((p.params + 7) / 8)
	if in.uint(1) == 1 {
		p.types = append(p.types[:0], in.bytes(2*p.params)...)
	}
	if in.short || len(p.types) < 2*p.params {
		in.short = true
		return nil
	}
	args := make([]any, p.params)
	for i := range args {
		if nulls[i/8]&(1<<(i%8)) != 0 {
			continue
		}
		if long, ok := p.long[i]; ok {
			args[i] = string(long)
			continue
		}
		args[i] = readArg(in, p.types[2*i], p.types[2*i+1]&0x80 != 0)
	}
	p.long = nil
	return args
}

// readArg decodes one value; all that is not a number travels as a string.
func readArg(in *cursor, kind byte, unsigned bool) any {
	size := 0
	switch kind {
	case 0x01:
		size = 1
	case 0x02:
		size = 2
	case 0x03, 0x09:
		size = 4
	case typeLongLong:
		size = 8
	case 0x04:
		return float64(math.Float32frombits(uint32(in.uint(4))))
	case typeDouble:
		return math.Float64frombits(in.uint(8))
	case 0x06:
		return nil
	default:
		return in.lenencString()
	}
	n := in.uint(size)
	if unsigned {
		return n
	}
	shift := 64 - 8*size
	return int64(n<<shift) >> shift
}
