package sqltext

import (
	"strings"
	"unicode/utf8"
)

// Mask returns the beginning of text as people may see it: read under m, without comments, and with "?" for every literal. What may
// be a literal counts as one: a word that begins with a digit, the name of a variable or of a host in quotes, a name in backquotes
// with quotes in it. Where the text can't be read it is "?" and ends. It has at most that many bytes, and "..." if there is more.
func Mask(text string, m Modes, most int) string {
	l := lexer{text: text, modes: m}
	var out []byte
	var prev token
	for t := l.next(prev); t.kind != end; prev, t = t, l.next(t) {
		part, ok := l.masked(t)
		if prefixed(text, prev, t) {
			out = out[:len(out)-1]
		}
		from := len(out)
		if from > 0 && prev.to < t.from {
			out = append(out, ' ')
		}
		if out = append(out, part...); len(out) > most {
			return string(out[:from]) + "..."
		}
		if !ok {
			break
		}
	}
	return string(out)
}

// masked returns what is shown of t, and whether what follows can be read.
func (l *lexer) masked(t token) (part string, ok bool) {
	s := l.text[t.from:t.to]
	switch t.kind {
	case bad:
		return "?", false
	case literal, number:
		return "?", readable(s)
	case userVar:
		if strings.ContainsAny(s, `'"`) {
			return "@?", readable(s)
		}
	case name:
		if isDigit(s[0]) {
			return "?", true
		}
	case quoted:
		if strings.ContainsAny(s[1:len(s)-1], `'"`) {
			return "?", readable(s)
		}
	case operator:
		if isBlankOrControl(s[0]) {
			return "?", true
		}
	}
	if !utf8.ValidString(s) {
		return "?", false
	}
	return s, true
}

// readable reports whether a string certainly ends where it seems to: in some character sets the second byte of a character may be a
// backslash.
func readable(s string) bool {
	for i := 1; i < len(s); i++ {
		if s[i] == '\\' && s[i-1] >= utf8.RuneSelf {
			return false
		}
	}
	return utf8.ValidString(s)
}

// prefixed reports whether the letter before a string belongs to it: X'4D', B'01', N'x'.
func prefixed(text string, before, t token) bool {
	return t.kind == literal && before.kind == name && before.to == t.from && before.to-before.from == 1 &&
		strings.IndexByte("xXbBnN", text[before.from]) >= 0
}
