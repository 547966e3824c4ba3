package mysqltest

import "time"

// Status flags of OK and EOF packets.
const (
	statusInTransaction uint16 = 1 << 0
	statusAutocommit    uint16 = 1 << 1
	statusReadOnly      uint16 = 1 << 13
)

// session is what a connection remembers between commands. Only its serve goroutine touches it.
type session struct {
	user, database string
	deprecateEOF   bool // the client wants OK in the place of EOF after rows

	autocommit    bool
	inTransaction bool
	readOnly      bool // the transaction is READ ONLY
	wrote         bool // the transaction has written
	waitTimeout   time.Duration
	variables     map[string]any // set by the session
	userVars      map[string]any
	statements    statements
}

func newSession(config Config) session {
	return session{
		autocommit:  !config.AutocommitOff,
		waitTimeout: config.WaitTimeout,
		variables:   make(map[string]any),
		userVars:    make(map[string]any),
	}
}

// reset is COM_RESET_CONNECTION: only user, database and the agreed protocol stay.
func (s *session) reset(config Config) {
	fresh := newSession(config)
	fresh.user, fresh.database, fresh.deprecateEOF = s.user, s.database, s.deprecateEOF
	*s = fresh
}

func (s *session) status() uint16 {
	var flags uint16
	if s.autocommit {
		flags |= statusAutocommit
	}
	if s.inTransaction {
		flags |= statusInTransaction
		if s.readOnly {
			flags |= statusReadOnly
		}
	}
	return flags
}

func (s *session) endTransaction() { s.inTransaction, s.readOnly, s.wrote = false, false, false }

func (s *session) setAutocommit(on bool) {
	if on && !s.autocommit {
		s.endTransaction()
	}
	s.autocommit = on
}

// follow keeps the state of the transaction after a statement that succeeded.
func (s *session) follow(st *statement, w writeKind) {
	switch {
	case st.starts("BEGIN"), st.starts("START", "TRANSACTION"):
		s.endTransaction()
		s.inTransaction, s.readOnly = true, st.has("READ", "ONLY")
	case st.startsWithOneOf("COMMIT"), st.startsWithOneOf("ROLLBACK") && !st.has("TO"):
		s.endTransaction()
		s.inTransaction = st.has("AND", "CHAIN")
	case w == schemaWrite:
		s.endTransaction()
	case w != noWrite, st.readsTables():
		s.inTransaction = s.inTransaction || !s.autocommit
		s.wrote = s.inTransaction && (s.wrote || w == rowWrite)
	}
}
