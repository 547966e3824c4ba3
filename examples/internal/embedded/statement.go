package embedded

import "strings"

// statement is what the handler wants to know about a query's text before the engine parses it.
type statement struct {
	verb string // the first word in upper case, after any comments
	from bool   // some FROM occurs in it
}

func readStatement(query string) statement {
	rest := skipComments(query)
	end := strings.IndexFunc(rest, func(r rune) bool { return !('a' <= r|0x20 && r|0x20 <= 'z') })
	if end < 0 {
		end = len(rest)
	}
	return statement{verb: strings.ToUpper(rest[:end]), from: strings.Contains(strings.ToUpper(rest), "FROM")}
}

// touchesTables errs on the side of yes, which costs a wait; a wrong no would cost rows.
func (s statement) touchesTables() bool {
	switch s.verb {
	case "BEGIN", "START", "COMMIT", "ROLLBACK", "KILL", "USE":
		return false
	case "SELECT", "SET", "DO":
		return s.from
	}
	return true
}

// writes is asked of statements that touch tables and succeeded.
func (s statement) writes() bool {
	switch s.verb {
	case "SELECT", "SET", "DO", "SHOW", "DESCRIBE", "DESC", "EXPLAIN":
		return false
	}
	return true
}

// skipComments drops leading space, comments and opening parentheses.
func skipComments(query string) string {
	for {
		query = strings.TrimLeft(query, " \t\r\n(")
		var end string
		switch {
		case strings.HasPrefix(query, "/*"):
			end = "*/"
		case strings.HasPrefix(query, "-- "), strings.HasPrefix(query, "#"):
			end = "\n"
		default:
			return query
		}
		_, after, found := strings.Cut(query[1:], end)
		if !found {
			return ""
		}
		query = after
	}
}
