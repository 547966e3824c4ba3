package mysqltest

import "strconv"

// run answers a statement: by the script if it wants to, else by itself.
func (c *conn) run(q Query) Reply {
	q.ThreadID, q.User, q.Database = c.thread, c.session.user, c.session.database
	q.InTransaction, q.Autocommit = c.session.inTransaction, c.session.autocommit
	st := parse(q)
	w := st.writes()
	reply, scripted := c.script(q)
	if !scripted {
		reply = c.builtIn(st, w)
	}
	switch c.pause(reply.Delay) {
	case interrupted:
		reply = Fail(NewError(CodeQueryInterrupted))
	case abandoned:
		reply.abandoned = true
	}
	if reply.abandoned {
		return reply
	}
	if reply.Err.isZero() && !reply.HangUp {
		c.session.follow(st, w)
	}
	c.server.countWrite(w, reply)
	return reply
}

// script asks the rule of FailQueries and the handler.
func (c *conn) script(q Query) (Reply, bool) {
	s := c.server
	s.mu.Lock()
	match, failure, handler := s.faults.queryMatch, s.faults.queryError, s.faults.handler
	s.mu.Unlock()
	if match != nil && match(q.Text) {
		return Fail(failure), true
	}
	if handler != nil {
		return handler(q)
	}
	return Reply{}, false
}

func (s *Server) countWrite(w writeKind, r Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case w == noWrite:
	case r.Err.isZero() && !r.HangUp:
		s.books.stats.WritesAccepted++
	default:
		s.books.stats.WritesRefused++
	}
}

// builtIn answers without the script.
func (c *conn) builtIn(st *statement, w writeKind) Reply {
	switch {
	case w != noWrite:
		return c.write(st, w)
	case st.starts("SELECT"):
		return c.selectList(st, st.tokens[1:])
	case st.starts("DO"):
		r := c.selectList(st, st.tokens[1:])
		r.Columns, r.Rows = nil, nil
		return r
	case st.starts("SET"):
		return c.setAll(st, st.tokens[1:])
	case st.starts("USE") && len(st.tokens) == 2:
		return c.use(st.tokens[1].text)
	case st.starts("KILL"):
		return c.kill(st, st.tokens[1:])
	case st.starts("COMMIT"):
		return c.commit()
	}
	return OK()
}

func (c *conn) write(st *statement, w writeKind) Reply {
	if c.session.inTransaction && c.session.readOnly && w != temporaryTable && w != rowLock {
		return Fail(NewError(CodeReadOnlyTransaction))
	}
	if err := c.server.refusesWrites(w); !err.isZero() {
		return Fail(err)
	}
	switch {
	case w == rowLock:
		return c.selectList(st, st.tokens[1:])
	case w != rowWrite:
		return OK()
	case st.starts("INSERT"):
		return Reply{Affected: 1, InsertID: c.server.nextInsert()}
	}
	return Reply{Affected: 1}
}

func (s *Server) nextInsert() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inserts++
	return s.inserts
}

// commit fails after a write when the server has become read only meanwhile; the transaction is gone then.
func (c *conn) commit() Reply {
	if !c.session.wrote {
		return OK()
	}
	err := c.server.refusesWrites(rowWrite)
	if !err.isZero() {
		c.session.endTransaction()
	}
	return Fail(err)
}

// kill answers KILL [CONNECTION | QUERY] id.
func (c *conn) kill(st *statement, rest []token) Reply {
	queryOnly := startWith(rest, "QUERY")
	if queryOnly || startWith(rest, "CONNECTION") {
		rest = rest[1:]
	}
	v, _, stop := c.primary(st, rest)
	if stop != nil {
		return Fail(NewError(CodeParseError))
	}
	id, err := strconv.ParseUint(render(v), 10, 32)
	if err != nil {
		return Fail(NewError(CodeParseError))
	}
	target := c.server.find(uint32(id))
	switch {
	case target == nil:
		return Fail(errorf(CodeUnknownThread, "Unknown thread id: %d", id))
	case target == c:
		return Reply{Err: NewError(CodeQueryInterrupted), HangUp: !queryOnly}
	case queryOnly:
		c.server.killQuery(target)
	default:
		target.cut(false)
	}
	return OK()
}
