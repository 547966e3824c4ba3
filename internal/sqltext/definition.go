package sqltext

// definition is for CREATE, ALTER, DROP, RENAME and TRUNCATE. It reads up to the kind of object; one that is not known pins.
func (s *scan) definition() {
	verb := s.tok.word
	s.share()
	if verb == wTruncate {
		return
	}
	s.accounts = true // DEFINER = user@host
	for s.tok.kind != end && !s.ended {
		switch t := s.advance(); {
		case t.word == wOr, t.word == wReplace, t.word == wQualifier, t.word == wDefiner:
		case s.prev.is('='), t.is('='), t.is('('), t.is(')'), t.kind == userVar:
		default:
			s.object(verb, t.word)
			return
		}
	}
	s.pin(Unknown)
}

// object is told the kind of object that is defined.
func (s *scan) object(verb, kind word) {
	s.accounts = kind == wUser || kind == wRole
	switch kind {
	case wTemporary:
		s.pin(TemporaryTable)
	case wPrepare:
		s.pin(TextPrepare)
	case wTable:
		if verb == wCreate { // ... SELECT inserts
			s.insert()
		}
	case wTables, wObject, wInstance, wUser, wRole, wResource:
	case wDatabase:
		if verb == wDrop { // it may be the default database, of this connection or of others
			s.pin(Unknown)
		}
	case wProcedure, wFunction, wTrigger, wEvent:
		if verb != wDrop {
			s.body = body{state: looking, depth: s.depth, event: kind == wEvent}
		}
	default:
		s.pin(Unknown)
	}
}
