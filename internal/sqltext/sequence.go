package sqltext

// sequence notes that the next value of a sequence is taken, for sure or not, or that the one taken before by this connection is
// asked for.
func (s *scan) sequence(previous bool, named string, sure bool) {
	s.impure = true
	if previous {
		s.asks(LastValue)
	} else {
		s.out.Leaves |= LastValue
	}
	if s.sequences++; s.sequences == 1 && (previous || sure) {
		s.out.Sequence = named
	}
}

// sure reports whether the call just opened, or NEXT VALUE FOR, is evaluated in any case, if nothing in the text filters rows: in a
// list of values to be inserted, or of what is selected. depth is that of the list.
func (s *scan) sure(depth int) bool {
	switch s.head {
	case wSelect, wDo:
		return depth == 0 && (s.behind == s.head || s.behind == ',')
	case wInsert, wReplace:
		return depth == 1 && (s.behind == '(' || s.behind == ',')
	}
	return false
}

// sequenceName returns the name that begins with t and ends before the next token, such as db.s; "" if it has blanks.
func (s *scan) sequenceName(ahead lexer, t token) string {
	from := t.from
	for t.isName() {
		next := ahead.next(t)
		if !next.is('.') {
			return s.text[from:t.to]
		}
		if after := ahead.next(next); next.from == t.to && after.from == next.to {
			t = after
			continue
		}
		return ""
	}
	return ""
}
