package mysqltest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// selectList answers a SELECT: of values, or of a table, which is empty.
func (c *conn) selectList(st *statement, tokens []token) Reply {
	end := slices.IndexFunc(tokens, func(t token) bool {
		return t.is("FROM") || t.is("LIMIT") || t.is("WHERE") || t.is("FOR") || t.is("UNION")
	})
	list, rest := tokens, []token(nil)
	if end >= 0 {
		list, rest = tokens[:end], tokens[end:]
	}
	var columns []string
	var row []any
	table := startWith(rest, "FROM") && !startWith(rest, "FROM", "DUAL")
	for _, item := range split(list) {
		if table {
			_, alias := cutAlias(item, len(item))
			columns = append(columns, st.columnName(item, alias))
			continue
		}
		v, used, stop := c.value(st, item)
		if stop != nil {
			return *stop
		}
		_, alias := cutAlias(item, used)
		columns = append(columns, st.columnName(item, alias))
		row = append(row, v)
	}
	if table {
		return Rows(columns)
	}
	if startWith(rest, "UNION") || startWith(rest, "WHERE") {
		return notUnderstood(st)
	}
	return Rows(columns, row)
}

// cutAlias splits a select item into its expression and its alias; used is how many tokens the expression is known
// to have, or all of them, when only an alias behind AS can be told.
func cutAlias(item []token, used int) (expression []token, alias string) {
	n := len(item)
	switch {
	case n >= 3 && item[n-2].is("AS"):
		return item[:n-2], item[n-1].text
	case used == n-1:
		return item[:n-1], item[n-1].text
	}
	return item, ""
}

func (s *statement) columnName(item []token, alias string) string {
	if alias != "" {
		return alias
	}
	return s.source(item)
}

func notUnderstood(st *statement) Reply {
	return Fail(errorf(CodeUnknown, "mysqltest: not understood, answer it with Handle: %s", st.text))
}

// value evaluates the expression at the start of a select item and tells how many tokens it took. A reply instead
// ends the statement.
func (c *conn) value(st *statement, item []token) (v any, used int, stop *Reply) {
	v, used, stop = c.primary(st, item)
	if stop != nil {
		return nil, 0, stop
	}
	rest := item[used:]
	aliased := len(rest) == 2 && rest[0].is("AS") || len(rest) == 1 && rest[0].kind != mark
	if len(rest) > 0 && !aliased {
		r := notUnderstood(st)
		return nil, 0, &r
	}
	return v, used, nil
}

func (c *conn) primary(st *statement, item []token) (v any, used int, stop *Reply) {
	r := notUnderstood(st)
	if len(item) == 0 {
		return nil, 0, &r
	}
	switch t := item[0]; {
	case t.kind == number:
		return parseNumber(t.text), 1, nil
	case t.is("-") && len(item) > 1 && item[1].kind == number:
		return parseNumber("-" + item[1].text), 2, nil
	case t.kind == quoted:
		return t.text, 1, nil
	case t.kind == userVar:
		return c.session.userVars[t.text], 1, nil
	case t.kind == placeholder && len(st.args) > 0:
		v, st.args = st.args[0], st.args[1:]
		return v, 1, nil
	case t.kind == systemVar:
		v, ok := c.variable(t.text)
		if !ok {
			r = Fail(errorf(CodeUnknownVariable, "Unknown system variable '%s'", t.text))
			return nil, 0, &r
		}
		return v, 1, nil
	case t.is("NULL"):
		return nil, 1, nil
	case t.is("TRUE"), t.is("FALSE"):
		return t.is("TRUE"), 1, nil
	case t.kind == word && len(item) > 2 && item[1].is("("):
		return c.call(st, item)
	}
	return nil, 0, &r
}

// call evaluates a function of at most one argument.
func (c *conn) call(st *statement, item []token) (v any, used int, stop *Reply) {
	r := notUnderstood(st)
	used = 3
	var arg any
	if !item[2].is(")") {
		var n int
		if arg, n, stop = c.primary(st, item[2:]); stop != nil {
			return nil, 0, stop
		}
		used = 3 + n
		if used > len(item) || !item[used-1].is(")") {
			return nil, 0, &r
		}
	}
	switch strings.ToUpper(item[0].text) {
	case "CONNECTION_ID":
		if c.server.config.Proxy {
			return uint64(c.thread) + 1, used, nil
		}
		return uint64(c.thread), used, nil
	case "SLEEP":
		v, stop = c.sleep(arg)
		return v, used, stop
	case "VERSION":
		return c.server.config.Version, used, nil
	case "CURRENT_ROLE":
		return c.currentRole(used)
	case "DATABASE", "SCHEMA":
		if c.session.database == "" {
			return nil, used, nil
		}
		return c.session.database, used, nil
	case "USER", "CURRENT_USER", "SESSION_USER":
		return c.session.user + "@localhost", used, nil
	case "NOW", "CURRENT_TIMESTAMP":
		return time.Now().UTC(), used, nil
	}
	return nil, 0, &r
}

// currentRole is CURRENT_ROLE() of a user without roles.
func (c *conn) currentRole(used int) (v any, _ int, stop *Reply) {
	switch {
	case c.server.config.mariaDB():
		return nil, used, nil
	case strings.HasPrefix(c.server.config.Version, "5."):
		r := Fail(errorf(CodeUnknownFunction, "FUNCTION CURRENT_ROLE does not exist"))
		return nil, 0, &r
	}
	return "NONE", used, nil
}

// sleep is SLEEP(n): 0, or when KILL QUERY ends it, 1 from MySQL and an error from MariaDB and Vitess.
func (c *conn) sleep(seconds any) (v any, stop *Reply) {
	n, _ := strconv.ParseFloat(render(seconds), 64)
	switch c.pause(time.Duration(n * float64(time.Second))) {
	case abandoned:
		return nil, &Reply{abandoned: true}
	case interrupted:
		if config := c.server.config; config.mariaDB() || config.Vtgate != "" {
			r := Fail(NewError(CodeQueryInterrupted))
			return nil, &r
		}
		return 1, nil
	}
	return 0, nil
}

func parseNumber(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	f, _ := strconv.ParseFloat(text, 64)
	return f
}
