package mysqltest

// The commands this server knows.
const (
	comQuit             = 0x01
	comInitDB           = 0x02
	comQuery            = 0x03
	comPing             = 0x0e
	comStmtPrepare      = 0x16
	comStmtExecute      = 0x17
	comStmtSendLongData = 0x18
	comStmtClose        = 0x19
	comStmtReset        = 0x1a
	comResetConnection  = 0x1f
)

// command answers one command; false ends the connection.
func (c *conn) command(m message) bool {
	if len(m.body) == 0 {
		return false
	}
	body := m.body[1:]
	switch m.body[0] {
	case comQuery:
		return c.answer(m, "query", string(body), func() Reply { return c.run(Query{Text: string(body)}) })
	case comStmtPrepare:
		return c.prepare(m, string(body))
	case comStmtExecute:
		return c.execute(m, body)
	case comStmtSendLongData:
		c.session.statements.addLongData(body)
		return true
	case comStmtClose:
		c.closeStatement(body)
		return true
	case comStmtReset:
		return c.reply(m, OK(), false)
	case comPing:
		return c.answer(m, "ping", "", OK)
	case comInitDB:
		return c.answer(m, "init db", string(body), func() Reply { return c.use(string(body)) })
	case comResetConnection:
		return c.answer(m, "reset", "", func() Reply {
			c.session.reset(c.server.config)
			return OK()
		})
	}
	return c.reply(m, Fail(NewError(CodeUnknownCommand)), false)
}

// answer runs a command between its delay and its reply.
func (c *conn) answer(m message, name, text string, work func() Reply) bool {
	c.server.begin(c, name, text)
	if !c.await(c.server.hanging()) {
		return false
	}
	delay, _ := c.server.delays()
	var reply Reply
	switch c.pause(delay) {
	case abandoned:
		return false
	case interrupted:
		reply = Fail(NewError(CodeQueryInterrupted))
	default:
		reply = work()
	}
	return c.reply(m, reply, name == "execute")
}

// reply sends a result; false ends the connection.
func (c *conn) reply(m message, r Reply, binary bool) bool {
	if r.abandoned {
		return false
	}
	c.server.finish(c)
	p := answerTo(m)
	switch {
	case len(r.Columns) > 0:
		p.addRows(r, binary, &c.session)
	case !r.HangUp && !r.Err.isZero():
		p.addError(r.Err)
	case !r.HangUp:
		p.addOK(0, r.Affected, r.InsertID, c.session.status())
	}
	return c.send(p) && !r.HangUp
}

// use enters a database.
func (c *conn) use(database string) Reply {
	if err := c.server.checkDatabase(database); !err.isZero() {
		return Fail(err)
	}
	c.session.database = database
	return OK()
}
