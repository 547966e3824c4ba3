package sqltext

// definition is for CREATE, ALTER, DROP, RENAME and TRUNCATE. It reads up to the kind of object; one that is not known pins.
func (s *scan) definition() {
	verb := s.tok.word
	s.insert() // CREATE TABLE ... SELECT inserts
	if verb == wTruncate {
		return
	}
	s.accounts = true // DEFINER = user@host
	for s.tok.kind != end && !s.ended {
		switch t := s.advance(); t.word {
		case wTemporary:
			s.pin(TemporaryTable)
			return
		case wTable, wTables, wObject, wInstance:
			s.accounts = false
			return
		case wUser, wRole, wResource:
			return
		case wDatabase:
			s.accounts = false
			if verb == wDrop { // it may be the default database, of this connection or of others
				s.pin(Unknown)
			}
			return
		case wProcedure, wFunction, wTrigger, wEvent:
			s.accounts = false
			if verb != wDrop {
				s.body = body{state: looking, depth: s.depth, event: t.word == wEvent}
			}
			return
		case wPrepare:
			s.pin(TextPrepare)
			return
		case wOr, wReplace, wQualifier, wDefiner:
		default:
			if !s.prev.is('=') && !t.is('=') && !t.is('(') && !t.is(')') && t.kind != userVar {
				s.pin(Unknown)
				return
			}
		}
	}
	s.pin(Unknown)
}
