package sqltext

// transaction is for the statements that begin and end transactions and set savepoints. What is not spelled as the servers'
// manuals have it pins.
func (s *scan) transaction() {
	switch s.tok.word {
	case wBegin:
		s.out.Kind = Begin
		s.completion()
	case wStart:
		s.start()
	case wCommit:
		s.out.Kind = Commit
		s.completion()
	case wRollback:
		s.rollback()
	case wSavepoint:
		s.savepoint()
	case wRelease:
		if s.advance().word != wSavepoint {
			s.pin(Unknown)
			return
		}
		s.savepoint()
	}
}

// start tells START TRANSACTION from the commands to replication.
func (s *scan) start() {
	if s.advance().word != wTransaction {
		s.share()
		return
	}
	s.out.Kind = Begin
	for s.tok.kind != end && !s.ended {
		t := s.advance()
		s.out.ReadOnly = s.out.ReadOnly || t.word == wOnly && s.prev.word == wRead
		if t.kind != name && t.kind != end && !t.is(',') && !t.is(';') {
			s.pin(Unknown)
		}
	}
}

// completion reads what may follow BEGIN and COMMIT: WORK, AND NO CHAIN, NO RELEASE. BEGIN NOT ATOMIC opens a compound statement.
func (s *scan) completion() {
	for s.tok.kind != end && !s.ended {
		switch t := s.advance(); t.word {
		case wChain:
			s.out.Chains = s.prev.word != wNo
		case wWork, wAnd, wNo, wRelease:
		default:
			if t.kind != end && !t.is(';') {
				s.pin(Unknown)
			}
		}
	}
}

func (s *scan) rollback() {
	s.out.Kind, s.out.Reach = Rollback, ReachSession
	t := s.advance()
	if t.word == wWork {
		t = s.advance()
	}
	switch {
	case t.word == wTo:
		s.rollbackTo()
	case t.kind != end && !s.ended:
		if t.word != wAnd && t.word != wNo && t.word != wRelease {
			s.pin(Unknown)
		}
		s.completion()
	}
}

func (s *scan) rollbackTo() {
	s.out.Kind = Savepoint
	if t := s.advance(); t.word != wSavepoint {
		s.savepointName(t)
		return
	}
	s.savepoint()
}

func (s *scan) savepoint() {
	s.out.Kind, s.out.Reach = Savepoint, ReachSession
	s.savepointName(s.advance())
}

func (s *scan) savepointName(t token) {
	if !t.isName() {
		s.pin(Unknown)
		return
	}
	s.finished()
}
