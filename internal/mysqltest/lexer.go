package mysqltest

import "strings"

// tokenKind is what a token is.
type tokenKind uint8

const (
	word tokenKind = iota
	number
	quoted      // 'text' or "text"
	identifier  // `name`
	systemVar   // @@name, @@global.name
	userVar     // @name
	placeholder // ?
	mark        // any other character, or :=
)

// token is a piece of a statement. text is without quotes and at-signs; start and end are its place in the source.
type token struct {
	kind       tokenKind
	text       string
	start, end int
}

// is compares with a keyword or a mark, whatever its case.
func (t token) is(text string) bool {
	return (t.kind == word || t.kind == mark) && strings.EqualFold(t.text, text)
}

// lex cuts a statement into tokens and drops comments. What stands in an executable comment is code.
func lex(src string) []token {
	var tokens []token
	for pos := 0; pos < len(src); {
		if end := skipSpace(src, pos); end > pos {
			pos = end
			continue
		}
		t := lexOne(src, pos)
		tokens = append(tokens, t)
		pos = t.end
	}
	return tokens
}

// skipSpace returns the end of the space or comment at pos, or pos.
func skipSpace(src string, pos int) int {
	rest := src[pos:]
	switch {
	case strings.HasPrefix(rest, "/*!"), strings.HasPrefix(rest, "/*M!"):
		pos += strings.IndexByte(rest, '!') + 1
		for pos < len(src) && isDigit(src[pos]) {
			pos++
		}
		return pos
	case strings.HasPrefix(rest, "*/"): // the end of an executable comment
		return pos + 2
	case strings.HasPrefix(rest, "/*"):
		return endOf(src, pos+2, "*/")
	case rest[0] == '#', rest == "--", strings.HasPrefix(rest, "-- "), strings.HasPrefix(rest, "--\n"):
		return endOf(src, pos, "\n")
	case strings.IndexByte(" \t\r\n;", rest[0]) >= 0:
		return pos + 1
	}
	return pos
}

// endOf is the position after the next stop, or the end of src.
func endOf(src string, pos int, stop string) int {
	if i := strings.Index(src[pos:], stop); i >= 0 {
		return pos + i + len(stop)
	}
	return len(src)
}

func lexOne(src string, pos int) token {
	switch b := src[pos]; {
	case b == '\'' || b == '"':
		return lexQuoted(src, pos, quoted)
	case b == '`':
		return lexQuoted(src, pos, identifier)
	case strings.HasPrefix(src[pos:], "@@"):
		end := wordEnd(src, pos+2, true)
		return token{systemVar, strings.ToLower(src[pos+2 : end]), pos, end}
	case b == '@':
		end := wordEnd(src, pos+1, true)
		return token{userVar, strings.ToLower(src[pos+1 : end]), pos, end}
	case isDigit(b):
		end := wordEnd(src, pos, true)
		return token{number, src[pos:end], pos, end}
	case isLetter(b):
		end := wordEnd(src, pos, false)
		return token{word, src[pos:end], pos, end}
	case b == '?':
		return token{placeholder, "?", pos, pos + 1}
	case strings.HasPrefix(src[pos:], ":="):
		return token{mark, ":=", pos, pos + 2}
	}
	return token{mark, src[pos : pos+1], pos, pos + 1}
}

// lexQuoted reads up to the closing quote; a doubled quote and, in strings, a backslash keep what follows.
func lexQuoted(src string, start int, kind tokenKind) token {
	quote := src[start]
	var text []byte
	pos := start + 1
	for ; pos < len(src); pos++ {
		next := byte(0)
		if pos+1 < len(src) {
			next = src[pos+1]
		}
		switch b := src[pos]; {
		case b == quote && next == quote, b == '\\' && kind == quoted && next != 0:
			pos++
			text = append(text, next)
		case b == quote:
			return token{kind, string(text), start, pos + 1}
		default:
			text = append(text, b)
		}
	}
	return token{kind, string(text), start, pos}
}

func wordEnd(src string, pos int, dots bool) int {
	for pos < len(src) && (isLetter(src[pos]) || isDigit(src[pos]) || dots && src[pos] == '.') {
		pos++
	}
	return pos
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func isLetter(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || b == '_' || b == '$' || b >= 0x80
}

func countPlaceholders(src string) int {
	n := 0
	for _, t := range lex(src) {
		if t.kind == placeholder {
			n++
		}
	}
	return n
}
