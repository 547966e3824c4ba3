package sqltext

import "strings"

// set reads the assignments of a SET. One that can't be replayed makes the whole statement pin.
func (s *scan) set() {
	s.out.Kind, s.out.Reach = Set, ReachSession
	if s.once {
		s.refuse()
		return
	}
	switch s.advance().word {
	case wStatement:
		s.forStatement()
		return
	case wPassword, wRole, wResource, wDefault:
		s.accounts = true
		s.pin(UnlistedSet)
		return
	case wTransaction:
		s.pin(NextTransaction)
		return
	}
	for s.assignment() {
		switch {
		case s.tok.is(','):
			s.advance()
		case s.tok.kind == end, s.tok.is(';'):
			s.out.Opaque = s.out.Opaque || s.out.Pin != NoPin && s.out.Changes != nil
			return
		default:
			s.refuse()
			return
		}
	}
	s.refuse()
}

// forStatement is for MariaDB's SET STATEMENT ... FOR: the variables are set for what follows FOR, and only for that.
func (s *scan) forStatement() {
	for s.advance().isName() {
		_, r := listed(strings.ToLower(s.plain(s.tok)))
		if r != anyLiteral || !s.equals() {
			break
		}
		if _, ok := s.value(); !ok {
			break
		}
		if s.tok.word == wFor {
			s.once = true
			s.statement()
			break
		}
	}
	if s.out.Kind != Read && s.out.Kind != Share {
		s.refuse()
	}
}

// refuse says that the statement is no SET that can be replayed.
func (s *scan) refuse() {
	s.pin(UnlistedSet)
	s.out.Opaque = true
}

// assignment reads from its first token to the one behind it. It reports false if it did not understand.
func (s *scan) assignment() bool {
	switch s.tok.word {
	case wNames:
		return s.names()
	case wChar:
		return s.advance().word == wSet && s.characterSet()
	case wCharset:
		return s.characterSet()
	case wSession, wLocal:
		if s.advance().word == wTransaction {
			return s.characteristics()
		}
		return s.systemVariable(true)
	}
	switch s.tok.kind {
	case userVar:
		return s.userVariable()
	case sysVar:
		s.advance()
		return s.scoped()
	}
	return s.systemVariable(true)
}

// userVariable passes over an assignment to a user variable, for which the statement pins already.
func (s *scan) userVariable() bool {
	depth := s.depth
	for {
		t := s.advance()
		if t.kind == end || s.ended || t.is(',') && s.depth == depth {
			return true
		}
	}
}

// scoped reads what follows @@.
func (s *scan) scoped() bool {
	if w := s.tok.word; w != wSession && w != wLocal {
		return s.systemVariable(false)
	}
	if !s.advance().is('.') {
		return false
	}
	s.advance()
	return s.systemVariable(true)
}

// systemVariable reads a name and its value. session says that the name stands for the session's value with certainty.
func (s *scan) systemVariable(session bool) bool {
	if !s.tok.isName() {
		return false
	}
	variable, r := listed(strings.ToLower(s.plain(s.tok)))
	if r == unlisted || !s.equals() {
		return false
	}
	v, ok := s.value()
	if !ok {
		return false
	}
	if r == transaction && !session {
		s.pin(NextTransaction)
	}
	return s.change(variable, v, r)
}

// equals reads = or :=.
func (s *scan) equals() bool {
	if s.advance().is(':') {
		s.advance()
	}
	return s.tok.is('=')
}

// value reads a literal and goes to the token behind it.
func (s *scan) value() (string, bool) {
	sign := ""
	if s.advance().is('-') {
		sign = "-"
		s.advance()
	}
	t := s.tok
	v, ok := s.literal(t)
	if !ok || sign != "" && t.kind != number {
		return "", false
	}
	next := s.advance()
	return sign + v, next.kind == end || next.is(',') || next.is(';') || next.word == wFor
}

// literal returns the token as it can be repeated under any sql_mode and character set: a number, a word, or a plain string.
func (s *scan) literal(t token) (string, bool) {
	text := s.text[t.from:t.to]
	switch t.kind {
	case number:
		return text, true
	case name:
		return text, !isDigit(text[0]) && isASCII(text)
	case literal:
		content := text[1 : len(text)-1]
		if strings.ContainsAny(content, "\\'\"`") || !isASCII(content) {
			return "", false
		}
		if text[0] == '"' {
			text = "'" + content + "'"
		}
		return text, true
	}
	return "", false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// change notes an assignment of a literal that was read.
func (s *scan) change(variable, value string, r rule) bool {
	bare := strings.ToLower(strings.Trim(value, "'"))
	switch r {
	case charset, charsetOrNull:
		if !safeCharset(bare) && (r == charset || bare != "null") {
			s.pin(UnsafeCharset)
		}
	case modeList:
		if bare == "default" || !knownModes(value) {
			return false
		}
	case onlyOff:
		if bare != "0" && bare != "off" && bare != "false" {
			return false
		}
	case onOrOff:
		if bare != "1" && bare != "on" && bare != "true" {
			s.pin(AutocommitOff)
			return true
		}
		value = "1"
		s.out.Reach = ReachAny // it commits
	}
	s.out.Changes = append(s.out.Changes, Change{Name: variable, Value: value})
	return true
}

// names reads what follows NAMES.
func (s *scan) names() bool {
	v, ok := s.charsetName()
	if !ok {
		return false
	}
	if s.advance().word == wCollate {
		collation, ok := s.charsetName()
		if !ok {
			return false
		}
		v += " COLLATE " + collation
		s.advance()
	}
	s.out.Changes = append(s.out.Changes, Change{Name: "names", Value: v})
	return true
}

// characterSet reads what follows CHARACTER SET.
func (s *scan) characterSet() bool {
	v, ok := s.charsetName()
	s.advance()
	s.out.Changes = append(s.out.Changes, Change{Name: "character set", Value: v})
	return ok
}

// charsetName reads the name of a character set or collation. DEFAULT is not safe: the server's default may be anything.
func (s *scan) charsetName() (string, bool) {
	v, ok := s.literal(s.advance())
	if ok && !safeCharset(strings.ToLower(strings.Trim(v, "'"))) {
		s.pin(UnsafeCharset)
	}
	return v, ok && s.tok.kind != number
}

// characteristics reads what follows SESSION TRANSACTION.
func (s *scan) characteristics() bool {
	for {
		ok := false
		switch s.advance().word {
		case wIsolation:
			ok = s.advance().word == wLevel && s.isolationLevel()
		case wRead:
			ok = s.accessMode()
		}
		if !ok || !s.tok.is(',') {
			return ok && (s.tok.kind == end || s.tok.is(';'))
		}
	}
}

func (s *scan) accessMode() bool {
	value := "0"
	switch s.advance().word {
	case wOnly:
		value = "1"
	case wWrite:
	default:
		return false
	}
	s.advance()
	return s.change("transaction_read_only", value, transaction)
}

func (s *scan) isolationLevel() bool {
	level := ""
	switch first := s.advance(); first.word {
	case wSerializable:
		level = "'SERIALIZABLE'"
	case wRepeatable:
		level = "'REPEATABLE-READ'"
		if s.advance().word != wRead {
			return false
		}
	case wRead:
		switch s.advance().word {
		case wCommitted:
			level = "'READ-COMMITTED'"
		case wUncommitted:
			level = "'READ-UNCOMMITTED'"
		}
	}
	s.advance()
	return level != "" && s.change("transaction_isolation", level, transaction)
}

// undouble returns a quoted name's content with its doubled quotes made single.
func undouble(content string, quote byte) string {
	q := string(quote)
	return strings.ReplaceAll(content, q+q, q)
}
