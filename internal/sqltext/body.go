package sqltext

// A body is what is known of the body of a stored program that the text defines. Its statements are not run, so nothing in them
// counts but where it ends: behind that, another statement may follow.
//
// A body that begins with BEGIN ends with the END that belongs to it. What opens a block is counted only where it can't be
// anything else, and every END counts: a body that is misread ends too early, which pins. Any other body ends at the first
// semicolon.
type body struct {
	state   bodyState
	event   bool // an event has DO before its body
	handler bool // a handler is being declared; its BEGIN may stand behind a condition
	depth   int  // looking: parentheses open before it; compound: blocks that are open
}

type bodyState uint8

const (
	nobody   bodyState = iota
	looking            // its first statement has not been seen
	simple             // it is one statement
	compound           // it is a block
)

// inBody notes the token at hand and reports whether it belongs to the body's statements.
func (s *scan) inBody() bool {
	switch s.body.state {
	case looking:
		s.lookForBody()
	case simple:
		if s.tok.is(';') {
			s.body.state = nobody
		}
	case compound:
		s.countBlocks()
	}
	return s.body.state >= simple && s.tok.kind != bad && s.tok.kind != end
}

// lookForBody passes over parameters and characteristics.
func (s *scan) lookForBody() {
	b := &s.body
	switch s.tok.word {
	case wBegin:
		if s.depth == b.depth {
			b.state, b.depth = compound, 1
		}
	case wInsert, wUpdate, wDelete: // the events of a trigger
		if w := s.prev.word; w != wAfter && w != wBefore && w != wOr {
			b.state = simple
		}
	case wDo:
		if !b.event {
			b.state = simple
		}
	case wSelect, wWith, wValues, wTable, wReplace, wCall, wSet, wReturn, wCase, wLoop, wRepeat, wWhile, wDeclare, wShow:
		b.state = simple
	default:
		if s.prev.word == wIf && s.tok.word != wNot && s.tok.word != wExists {
			b.state = simple
		}
	}
}

// countBlocks finds the END of a block.
func (s *scan) countBlocks() {
	b := &s.body
	if s.prev.word == wEnd && !endsControl(s.tok.word) {
		if b.depth--; b.depth == 0 {
			b.state = nobody
			return
		}
	}
	switch s.tok.word {
	case wBegin:
		if b.handler || s.prev.is(';') || s.prev.is(':') || opensStatement(s.prev.word) {
			b.depth++
		}
		b.handler = false
	case wCase:
		if s.prev.word != wEnd {
			b.depth++
		}
	case wHandler:
		b.handler = true
	default:
		if s.tok.is(';') {
			b.handler = false
		}
	}
}

// endsControl reports whether w behind END closes what was not counted.
func endsControl(w word) bool {
	return w == wIf || w == wLoop || w == wRepeat || w == wWhile
}

// opensStatement reports whether a statement begins behind w.
func opensStatement(w word) bool {
	return w == wBegin || w == wThen || w == wElse || w == wDo || w == wLoop || w == wRepeat
}
