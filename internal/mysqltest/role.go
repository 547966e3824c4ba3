package mysqltest

// role is what a server lets its clients change.
type role struct {
	readOnly       bool
	superReadOnly  bool
	innodbReadOnly bool
}

// SetReadOnly sets read_only; false ends super_read_only too. Open sessions feel it with their next statement, open
// transactions with their next write or, after a write, with their COMMIT.
func (s *Server) SetReadOnly(on bool) {
	s.setRole(func(r *role) {
		r.readOnly = on
		r.superReadOnly = r.superReadOnly && on
	})
}

// SetSuperReadOnly sets super_read_only; true sets read_only too.
func (s *Server) SetSuperReadOnly(on bool) {
	s.setRole(func(r *role) {
		r.superReadOnly = on
		r.readOnly = r.readOnly || on
	})
}

// SetInnodbReadOnly sets innodb_read_only, as a failover of Aurora does.
func (s *Server) SetInnodbReadOnly(on bool) {
	s.setRole(func(r *role) { r.innodbReadOnly = on })
}

func (s *Server) setRole(change func(*role)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.role)
}

func (s *Server) roleNow() role {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.role
}

// refusesWrites is the error of a write while the server is read only, or the zero Error.
func (s *Server) refusesWrites(w writeKind) Error {
	s.mu.Lock()
	r, scripted := s.role, s.faults.refusal
	s.mu.Unlock()
	maria := s.config.mariaDB()
	var e Error
	switch {
	case r.readOnly && w != temporaryTable:
		product, option := "MySQL", "--read-only"
		if maria {
			product = "MariaDB"
		}
		if r.superReadOnly {
			option = "--super-read-only"
		}
		e = errorf(CodeOptionPrevents,
			"The %s server is running with the %s option so it cannot execute this statement", product, option)
	case !r.innodbReadOnly || maria && w == rowLock:
		return Error{}
	case maria:
		e = NewError(CodeTableReadOnly)
	default:
		e = NewError(CodeReadOnlyMode)
	}
	if !scripted.isZero() {
		return scripted
	}
	return e
}
