package sqltext

import (
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	end      tokenKind = iota
	bad                // an unterminated string or comment, a NUL, a word that is not UTF-8, an executable comment of a later version
	name               // an unquoted word that is not a number
	quoted             // a name in backquotes, or in double quotes with AnsiQuotes
	literal            // a string
	number             // without a sign
	userVar            // @x, @'x' or the host of an account: the token is the @ with what follows it
	sysVar             // @@, without the name
	operator           // any other single byte
)

// A token is a piece of the text: text[from:to]. With one field more the compiler would not keep it in registers.
type token struct {
	kind     tokenKind
	word     word // the operator, or the keyword that a name is: other if it is none or stands behind a dot
	from, to int
}

// is reports whether t is the operator b.
func (t token) is(b byte) bool { return t.kind == operator && t.word == word(b) }

// isName reports whether t can name something.
func (t token) isName() bool { return t.kind == name || t.kind == quoted }

// A lexer cuts a text into tokens as the lexers of MySQL and MariaDB do. It never looks back and looks ahead by a few bytes, but
// for the end of what it has begun.
type lexer struct {
	text       string
	modes      Modes
	pos        int
	executable bool // inside an executable comment
}

// next returns the token after prev. At the end, and behind a bad token, it returns end for ever.
func (l *lexer) next(prev token) token {
	if !l.skipBlanks() {
		return l.spoil()
	}
	if l.pos >= len(l.text) {
		if l.executable {
			l.executable = false
			return l.spoil()
		}
		return token{kind: end, from: l.pos, to: l.pos}
	}
	glued := prev.to == l.pos
	switch c := l.text[l.pos]; {
	case isDigit(c) && !(glued && prev.is('.')):
		return l.number()
	case c == '.' && isDigit(l.peek(1)) && !(glued && prev.kind == name):
		return l.fraction()
	case isWordByte(c):
		return l.name(l.pos, glued && prev.is('.'))
	case c == '\'':
		return l.enclosed(literal, l.modes&NoBackslashEscapes == 0)
	case c == '"' && l.modes&AnsiQuotes == 0:
		return l.enclosed(literal, l.modes&NoBackslashEscapes == 0)
	case c == '"' || c == '`':
		return l.enclosed(quoted, false)
	case c == '@':
		return l.variable()
	case c == 0:
		return l.spoil()
	default:
		l.pos++
		return token{kind: operator, word: word(c), from: l.pos - 1, to: l.pos}
	}
}

// peek returns the byte n bytes ahead, 0 behind the end.
func (l *lexer) peek(n int) byte {
	if l.pos+n < len(l.text) {
		return l.text[l.pos+n]
	}
	return 0
}

// spoil gives up on the rest of the text, from the position on.
func (l *lexer) spoil() token {
	from := l.pos
	l.pos = len(l.text)
	l.executable = false
	return token{kind: bad, from: from, to: l.pos}
}

func (l *lexer) token(kind tokenKind, from int) token {
	return token{kind: kind, from: from, to: l.pos}
}

// number reads what begins with a digit: a number, which ends where it must, so that 1.5INTO is two tokens, or a name such as 2nd.
func (l *lexer) number() token {
	from := l.pos
	l.digits()
	switch c := l.peek(0); {
	case c == '.':
		l.pos++
		l.digits()
		l.exponent()
	case !isWordByte(c):
	case l.exponent():
	default:
		return l.name(from, false)
	}
	return l.token(number, from)
}

// fraction reads a number that begins with a dot.
func (l *lexer) fraction() token {
	from := l.pos
	l.pos++
	l.digits()
	l.exponent()
	return l.token(number, from)
}

func (l *lexer) digits() {
	for l.pos < len(l.text) && isDigit(l.text[l.pos]) {
		l.pos++
	}
}

// exponent reads e, a sign and digits; it reports false if that does not follow.
func (l *lexer) exponent() bool {
	if l.peek(0)|0x20 != 'e' {
		return false
	}
	at := 1
	if c := l.peek(1); c == '+' || c == '-' {
		at = 2
	}
	if !isDigit(l.peek(at)) {
		return false
	}
	l.pos += at
	l.digits()
	return true
}

// name reads the rest of a word that began at from. Behind a dot no word is a keyword. What MySQL quotes in dollars, $$...$$ or
// $tag$...$tag$, is a name to MariaDB and may be anything.
func (l *lexer) name(from int, behindDot bool) token {
	var high byte
	for l.pos < len(l.text) && isWordByte(l.text[l.pos]) {
		high |= l.text[l.pos]
		l.pos++
	}
	t := l.token(name, from)
	switch {
	case high >= utf8.RuneSelf && !utf8.ValidString(l.text[from:l.pos]),
		l.text[from] == '$' && strings.IndexByte(l.text[from+1:l.pos], '$') >= 0:
		l.pos = from
		return l.spoil()
	case !behindDot:
		t.word = keyword(l.text[from:l.pos])
	}
	return t
}

// enclosed reads a string or a quoted name. The quote doubled stands for itself.
func (l *lexer) enclosed(kind tokenKind, backslash bool) token {
	from, quote := l.pos, l.text[l.pos]
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch c := l.text[l.pos]; {
		case c == '\\' && backslash:
			l.pos++
		case c == quote && l.peek(1) == quote:
			l.pos++
		case c == quote:
			l.pos++
			return l.token(kind, from)
		case c == 0 && kind == quoted:
			l.pos = from
			return l.spoil()
		}
	}
	l.pos = from
	return l.spoil()
}

// variable reads @@, or @ with the name, string or host that follows it.
func (l *lexer) variable() token {
	from := l.pos
	l.pos++
	switch c := l.peek(0); c {
	case '@':
		l.pos++
		return l.token(sysVar, from)
	case '\'', '"', '`':
		ansi := c == '"' && l.modes&AnsiQuotes != 0
		if t := l.enclosed(userVar, c != '`' && !ansi && l.modes&NoBackslashEscapes == 0); t.kind == bad {
			return t
		}
	default:
		for c := l.peek(0); isWordByte(c) && c < utf8.RuneSelf || c == '.'; c = l.peek(0) {
			l.pos++
		}
	}
	return l.token(userVar, from)
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// isWordByte reports whether c can be part of an unquoted name.
func isWordByte(c byte) bool {
	return (c|0x20)-'a' <= 'z'-'a' || c-'0' <= 9 || c == '_' || c == '$' || c >= utf8.RuneSelf
}
