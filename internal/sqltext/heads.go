package sqltext

// statement reads the first words and what they call for.
func (s *scan) statement() {
	for s.advance().is('(') {
	}
	s.head, s.filtered = s.tok.word, false
	if s.depth > 0 {
		s.parenthesised()
		return
	}
	switch s.tok.word {
	case wSelect, wValues, wTable:
		s.query()
	case wWith:
		s.with()
	case wInsert, wReplace:
		s.insert()
		s.rows()
		s.out.Says = true
	case wUpdate, wDelete:
		s.share()
		s.rows()
	case wDo:
		s.share()
		s.out.Reach = ReachSession
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
		s.query()
		s.pin(Handler)
	case wXA:
		s.pin(XA)
	case wPrepare, wExecute, wDeallocate:
		s.hidden()
		s.pin(TextPrepare)
	case wLock, wUnlock, wBackup:
		s.pin(LockTables)
	case wFlush:
		s.flush()
	case wGrant, wRevoke:
		s.accounts = true
		s.share()
	case wHelp, wChecksum:
		s.uncounted = s.tok.word == wHelp
		s.query()
	case wGet:
		s.diagnostics()
	case wLoad:
		s.out.Loads = true
		s.insert()
	case wAnalyze: // which runs what it analyses
		s.insert()
	case wOptimize, wCheck, wRepair, wKill, wSignal, wAdmin:
		s.share()
	default:
		if s.tok.kind == end && !s.ended { // nothing but comments, if that: the server refuses it
			s.query()
			return
		}
		s.pin(Unknown)
	}
}

func (s *scan) share() { s.out.Kind, s.out.Reach = Share, ReachAny }

func (s *scan) query() { s.out.Kind, s.out.Reach = Read, ReachSession }

// rows is for what changes the rows of a table.
func (s *scan) rows() { s.out.Reach, s.out.OwnWarnings = ReachTransaction, true }

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
		s.rows()
	case wInsert, wReplace:
		s.insert()
		s.rows()
		s.out.Says = true
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
	s.out.Kind, s.out.Reach = Use, ReachSession
	s.schema(t)
	s.finished()
}

// schema notes the database that t names.
func (s *scan) schema(t token) {
	s.out.Schema = s.unquoted(t)
	if !isASCII(s.out.Schema) { // under another character set the same bytes are another name
		s.out.Schema, s.out.Opaque = "", true
		s.pin(Unknown)
	}
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
	s.query()
	s.plan = true
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
	default:
		s.showVariables()
	}
	for s.tok.kind != end && counts {
		if t := s.advance(); t.word == wWarnings || t.word == wErrors {
			s.asks(Warnings)
		}
	}
}

// diagnostics is GET DIAGNOSTICS. Outside of stored programs its targets are user variables.
func (s *scan) diagnostics() {
	s.query()
	s.asks(Warnings | RowCount)
	s.pin(UserVariable)
}

// explain is EXPLAIN and its synonyms. With ANALYZE the statement is run.
func (s *scan) explain() {
	s.query()
	s.plan = true
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
			s.out.Reach = ReachTransaction
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
