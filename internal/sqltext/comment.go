package sqltext

import "strings"

// alwaysCode is the newest version in an executable comment that every server still in use has: MySQL 5.6; MariaDB 10 and
// later run such comments too.
const alwaysCode = "50699"

// skipBlanks goes to the next byte that is neither white space nor part of a comment; the marks of an executable comment count
// as white space. It reports false when the text can't be read on.
func (l *lexer) skipBlanks() bool {
	for l.pos < len(l.text) {
		switch c := l.text[l.pos]; {
		case c == ' ' || c-'\t' <= '\r'-'\t':
			l.pos++
		case c == '#', c == '-' && l.peek(1) == '-' && (l.pos+2 == len(l.text) || isBlankOrControl(l.peek(2))):
			if !l.skipLine() {
				return false
			}
		case c == '/' && l.peek(1) == '*':
			if !l.openComment() {
				return false
			}
		case c == '*' && l.peek(1) == '/' && l.executable:
			l.executable = false
			l.pos += 2
		default:
			return true
		}
	}
	return true
}

// skipLine goes behind the end of the line. A NUL would end the comment too: it reports false then.
func (l *lexer) skipLine() bool {
	line, _, _ := strings.Cut(l.text[l.pos:], "\n")
	l.pos = min(l.pos+len(line)+1, len(l.text))
	return strings.IndexByte(line, 0) < 0
}

// openComment goes behind a comment, or into one that is code. It reports false for a hint that servers may see end elsewhere, and for
// one that may set what no statement should set for itself alone.
func (l *lexer) openComment() bool {
	from := l.pos
	l.pos += 2
	switch c := l.peek(0); {
	case c == '!':
		return l.openExecutable()
	case (c == 'M' || c == 'T') && l.peek(1) == '!': // MariaDB's /*M! and TiDB's /*T! are comments to the others
		return false
	}
	length := strings.Index(l.text[l.pos:], "*/")
	if length < 0 {
		l.pos = from
		return false
	}
	body := l.text[l.pos : l.pos+length]
	l.pos += length + 2
	return !strings.HasPrefix(body, "+") || closed(body) && !setsForGood(body)
}

// setsForGood reports whether a hint may set a variable that MySQL does not put back as it was, or that lets the statement ask for what is
// another session's.
func setsForGood(hint string) bool {
	if !containsFold(hint, "set_var") {
		return false
	}
	for _, name := range []string{
		"timestamp",                        // the clock stands still from then on
		"max_join_size", "sql_big_selects", // the one changes the other
		"sql_auto_is_null", // IS NULL then asks for LAST_INSERT_ID()
		"insert_id", "rand_seed", "pseudo_",
	} {
		if containsFold(hint, name) {
			return true
		}
	}
	return false
}

// openExecutable goes behind the mark and the version of an executable comment. It reports false if a server may not run it, or
// if it stands in another one: the first end would then end both.
func (l *lexer) openExecutable() bool {
	l.pos++
	digits := 0
	for isDigit(l.peek(digits)) && digits < 7 {
		digits++
	}
	version := l.text[l.pos : l.pos+digits]
	l.pos += digits
	nested := l.executable
	l.executable = true
	return !nested && (digits == 0 || digits == len(alwaysCode) && version <= alwaysCode && version[0] != '0')
}

// closed reports whether every quote in an optimizer hint is closed in it. The server that knows hints reads names in them, so
// an open quote means that it sees another end of the comment.
func closed(hint string) bool {
	var quote byte
	for i := range len(hint) {
		switch c := hint[i]; {
		case quote == c:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"' || c == '`'):
			quote = c
		}
	}
	return quote == 0
}

func isBlankOrControl(c byte) bool { return c <= ' ' || c == 0x7f }
