package sqltext

// statement reads the first words and what they call for.
func (s *scan) statement() {
	for s.advance().is('(') {
	}
	if s.depth > 0 {
		s.parenthesised()
		return
	}
	switch s.tok.word {
	case wSelect, wValues, wTable:
		s.query()
	case wWith:
		s.with()
	case wInsert, wReplace, wLoad:
		s.insert()
	case wUpdate, wDelete, wDo:
		s.share()
	case wCreate, wAlter, wDrop, wRename, wTruncate:
		s.definition()
	case wSet:
		s.set()
	case wUse:
		s.use()
	case wShow:
		s.show()
	case wExplain:
		s.explain()
	case wBegin, wStart, wCommit, wRollback, wSavepoint, wRelease:
		s.transaction()
	default:
		s.rarer()
	}
}

// rarer is statement for what is seen less often.
func (s *scan) rarer() {
	switch s.tok.word {
	case wCall:
		s.pin(Call)
	case wHandler:
		s.pin(Handler)
	case wXA:
		s.pin(XA)
	case wPrepare, wExecute, wDeallocate:
		s.pin(TextPrepare)
	case wLock, wUnlock, wBackup:
		s.pin(LockTables)
	case wFlush:
		s.flush()
	case wGrant, wRevoke:
		s.accounts = true
		s.share()
	case wHelp, wChecksum:
		s.query()
	case wGet:
		s.diagnostics()
	case wAnalyze: // it runs what it analyses
		s.insert()
	case wOptimize, wCheck, wRepair, wKill, wSignal, wAdmin:
		s.share()
	default:
		s.pin(Unknown)
	}
}

func (s *scan) share() { s.out.Kind = Share }

func (s *scan) query() { s.out.Kind = Read }

// insert is for what can give a new LAST_INSERT_ID().
func (s *scan) insert() {
	s.share()
	s.out.Leaves |= LastInsertID | Identity
}

func (s *scan) parenthesised() {
	switch s.tok.word {
	case wSelect, wValues, wTable:
		s.query()
	case wWith:
		s.with()
	default:
		s.pin(Unknown)
	}
}

// with looks behind the common table expressions for what is done with them.
func (s *scan) with() {
	verb := s.mainVerb()
	s.columns = false
	switch verb {
	case wSelect, wValues, wTable:
		s.query()
	case wUpdate, wDelete:
		s.share()
	case wInsert, wReplace:
		s.insert()
	default:
		s.pin(Unknown)
	}
}

// mainVerb goes to the verb outside of parentheses, or to a parenthesis behind another: only queries stand in them.
func (s *scan) mainVerb() word {
	depth := s.depth
	for s.tok.kind != end && !s.ended {
		s.columns = s.depth == depth
		switch t := s.advance(); {
		case t.is('(') && s.depth == depth+1 && s.prev.is(')'):
			return wSelect
		case s.depth == depth && verb(t.word):
			return t.word
		}
	}
	return other
}

// verb reports whether w begins a statement that WITH and EXPLAIN may stand before.
func verb(w word) bool {
	switch w {
	case wSelect, wValues, wTable, wWith, wInsert, wReplace, wUpdate, wDelete:
		return true
	}
	return false
}

// use reads the name of a database.
func (s *scan) use() {
	t := s.advance()
	if !t.isName() {
		s.pin(Unknown)
		return
	}
	s.out.Kind, s.out.Schema = Use, s.unquoted(t)
	if !isASCII(s.out.Schema) { // under another character set the same bytes are another name
		s.out.Schema, s.out.Opaque = "", true
		s.pin(Unknown)
	}
	s.finished()
}

// unquoted returns the name t stands for.
func (s *scan) unquoted(t token) string {
	plain := s.plain(t)
	if t.kind != quoted {
		return plain
	}
	return undouble(plain, s.text[t.from])
}

// finished pins if the statement goes on.
func (s *scan) finished() {
	if t := s.advance(); t.kind != end && !s.ended {
		s.pin(Unknown)
	}
}

// show is for SHOW, which asks for the diagnostics of the statement before it or else is a plain read.
func (s *scan) show() {
	s.out.Kind, s.plan = Read, true
	counts := false
	switch s.advance().word {
	case wWarnings, wErrors:
		s.asks(Warnings)
	case wGrants:
		s.accounts = true
	case wCreate:
		s.accounts = s.advance().word == wUser
	case wCount:
		counts = true
	}
	for s.tok.kind != end && counts {
		if t := s.advance(); t.word == wWarnings || t.word == wErrors {
			s.asks(Warnings)
		}
	}
}

// diagnostics is GET DIAGNOSTICS. Outside of stored programs its targets are user variables.
func (s *scan) diagnostics() {
	s.out.Kind = Read
	s.asks(Warnings | RowCount)
	s.pin(UserVariable)
}

// explain is EXPLAIN and its synonyms. With ANALYZE the statement is run.
func (s *scan) explain() {
	s.out.Kind, s.plan = Read, true
	runs := false
	for s.tok.kind != end {
		switch t := s.advance(); {
		case t.word == wAnalyze:
			runs = true
		case !verb(t.word) && !t.is('('):
		case !runs:
			return
		case t.word == wWith:
			s.plan = false
			s.with()
			return
		case t.word == wSelect || t.word == wValues || t.word == wTable || t.is('('):
			s.plan = false
			s.query()
			return
		default:
			s.insert()
			return
		}
	}
}

// flush is FLUSH. The list of tables may name one that is called as one of the words looked for; then it pins.
func (s *scan) flush() {
	s.share()
	tables := false
	for s.tok.kind != end && !s.ended {
		switch s.advance().word {
		case wTable, wTables:
			tables = true
		case wLock, wExport:
			if tables {
				s.pin(FlushTables)
			}
		}
	}
}
