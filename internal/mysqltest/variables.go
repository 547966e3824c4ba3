package mysqltest

import (
	"strconv"
	"strings"
	"time"
)

// scope cuts GLOBAL, SESSION or LOCAL off a variable's name.
func scope(name string) (bare string, global bool) {
	for _, prefix := range []string{"session.", "local."} {
		name = strings.TrimPrefix(name, prefix)
	}
	return strings.CutPrefix(name, "global.")
}

// variable is the value of a system variable, for this session or, when its name says so, for the server.
func (c *conn) variable(name string) (any, bool) {
	name, global := scope(strings.ToLower(name))
	if v, ok := c.session.variables[name]; ok && !global {
		return v, true
	}
	config := c.server.config
	switch name {
	case "autocommit":
		if global {
			return !config.AutocommitOff, true
		}
		return c.session.autocommit, true
	case "wait_timeout", "interactive_timeout":
		if global || name == "interactive_timeout" {
			return int64(config.WaitTimeout / time.Second), true
		}
		return int64(c.session.waitTimeout / time.Second), true
	case "session_uuid":
		return "94aa18dc-e5e9-11f1-" + config.Vtgate, config.Vtgate != ""
	case "aurora_version":
		return "3.05.2", config.Aurora
	case "aurora_server_id":
		return config.Name, config.Aurora
	case "transaction_isolation":
		return "REPEATABLE-READ", !config.mariaDB()
	case "tx_isolation":
		return "REPEATABLE-READ", config.mariaDB()
	case "transaction_read_only":
		return false, !config.mariaDB()
	case "tx_read_only":
		return false, config.mariaDB()
	case "in_transaction":
		return c.session.inTransaction, config.mariaDB()
	}
	return c.server.variable(name)
}

// variable is the value of what is the same for all sessions.
func (s *Server) variable(name string) (any, bool) {
	role := s.roleNow()
	switch name {
	case "read_only":
		return role.readOnly, true
	case "super_read_only":
		return role.superReadOnly, !s.config.mariaDB()
	case "innodb_read_only":
		return role.innodbReadOnly, true
	case "max_connections":
		return s.maxConnections(), true
	case "max_allowed_packet":
		return int64(64 << 20), true
	case "version":
		return s.config.Version, true
	case "version_comment":
		if s.config.mariaDB() {
			return "MariaDB Server", true
		}
		return "MySQL Community Server - GPL", true
	case "init_connect":
		return "", true
	case "hostname":
		return s.config.Name, true
	case "port":
		return int64(3306), true
	case "server_id":
		return int64(1), true
	case "sql_mode":
		return "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION", true
	case "time_zone":
		return "SYSTEM", true
	case "character_set_client", "character_set_connection", "character_set_results":
		return "utf8mb4", true
	case "collation_connection":
		return "utf8mb4_general_ci", true
	}
	return nil, false
}

func (s *Server) maxConnections() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.maxConns > 0 {
		return int64(s.faults.maxConns)
	}
	return defaultMaxConnections
}

// setAll answers SET. Any variable can be set; those that this server does not know have no effect but can be
// selected by the session.
func (c *conn) setAll(st *statement, tokens []token) Reply {
	for _, w := range []string{"NAMES", "CHARACTER", "CHARSET", "TRANSACTION", "ROLE", "PASSWORD"} {
		if startWith(tokens, w) || startWith(tokens, "SESSION", w) || startWith(tokens, "GLOBAL", w) {
			return OK()
		}
	}
	global := false
	for _, item := range split(tokens) {
		if startWith(item, "GLOBAL") || startWith(item, "SESSION") || startWith(item, "LOCAL") {
			global = item[0].is("GLOBAL")
			item = item[1:]
		}
		if stop := c.setOne(st, item, global); stop != nil {
			return *stop
		}
	}
	return OK()
}

// setOne answers one assignment; a reply ends the statement.
func (c *conn) setOne(st *statement, item []token, global bool) *Reply {
	if len(item) < 3 || !item[1].is("=") && !item[1].is(":=") {
		r := Fail(errorf(CodeParseError, "You have an error in your SQL syntax near '%s'", st.source(item)))
		return &r
	}
	target, values := item[0], item[2:]
	var v any = st.source(values)
	if len(values) > 1 || values[0].kind != word {
		known, _, stop := c.value(st, values)
		switch {
		case stop == nil:
			v = known
		case stop.Err.Number != CodeUnknown: // an expression that is not understood is kept as its text
			return stop
		}
	}
	if target.kind == userVar {
		c.session.userVars[target.text] = v
		return nil
	}
	name, globally := scope(strings.ToLower(target.text))
	if global || globally {
		c.server.setGlobal(name, truth(v))
		return nil
	}
	c.session.setVariable(name, v, c.server.config)
	return nil
}

// setGlobal knows the variables that make a primary a replica.
func (s *Server) setGlobal(name string, on bool) {
	switch name {
	case "read_only":
		s.SetReadOnly(on)
	case "super_read_only":
		s.SetSuperReadOnly(on)
	}
}

func (s *session) setVariable(name string, v any, config Config) {
	fallback := strings.EqualFold(render(v), "DEFAULT")
	switch name {
	case "autocommit":
		s.setAutocommit(truth(v) || fallback && !config.AutocommitOff)
	case "wait_timeout":
		s.waitTimeout = config.WaitTimeout
		if n, err := strconv.ParseInt(render(v), 10, 32); err == nil {
			s.waitTimeout = time.Duration(n) * time.Second
		}
	default:
		if fallback {
			delete(s.variables, name)
			return
		}
		s.variables[name] = v
	}
}

// truth is how MySQL reads a switch.
func truth(v any) bool {
	switch strings.ToUpper(render(v)) {
	case "1", "ON", "TRUE":
		return true
	}
	return false
}
