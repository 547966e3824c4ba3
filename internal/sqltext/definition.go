package sqltext

// definition is for CREATE, ALTER, DROP, RENAME and TRUNCATE. It reads up to the kind of object; one that is not known pins.
func (s *scan) definition() {
	verb := s.tok.word
	s.share()
	if verb == wTruncate {
		return
	}
	s.accounts = true // DEFINER = user@host
	s.creates = verb == wCreate || verb == wAlter
	drops := verb == wDrop
	for s.tok.kind != end && !s.ended {
		switch t := s.advance(); {
		case t.word == wReplace:
			drops = true
		case t.word == wOr, t.word == wQualifier, t.word == wDefiner:
		case s.prev.is('='), t.is('='), t.is('('), t.is(')'), t.kind == userVar:
		default:
			s.object(verb, t.word, drops)
			return
		}
	}
	s.pin(Unknown)
}

// object is told the kind of object that is defined, and whether one of that name is dropped.
func (s *scan) object(verb, kind word, drops bool) {
	s.accounts = kind == wUser || kind == wRole
	switch kind {
	case wTemporary:
		s.out.Reach = ReachTransaction
		s.pin(TemporaryTable)
	case wPrepare:
		s.pin(TextPrepare)
	case wTable:
		s.out.OwnWarnings = true
		if verb == wCreate { // ... SELECT inserts
			s.insert()
		}
	case wObject:
		s.stored = true
	case wTables, wInstance, wUser, wRole, wResource:
	case wDatabase:
		if drops {
			s.dropped()
		}
	case wProcedure, wFunction, wTrigger, wEvent:
		if verb != wDrop {
			s.body = body{state: looking, depth: s.depth, event: kind == wEvent}
		}
	default:
		s.pin(Unknown)
	}
}

// dropped reads the name of the database that is dropped.
func (s *scan) dropped() {
	t := s.advance()
	for t.word == wIf || t.word == wExists {
		t = s.advance()
	}
	if !t.isName() {
		s.pin(Unknown)
		return
	}
	s.schema(t)
}
