package sqltext

// WithOtherLiterals returns text with other contents in its literals, which are as long, and in its comments.
func WithOtherLiterals(text string, m Modes) string {
	l := lexer{text: text, modes: m}
	out := []byte(text)
	for t := l.next(token{}); t.kind != end; t = l.next(t) {
		if t.kind == bad {
			return string(out)
		}
		part, ok := l.masked(t)
		if !ok {
			return string(out)
		}
		inner := out[t.from:t.to]
		switch {
		case part != "?" && part != "@?" || t.kind == operator:
			continue
		case part == "@?":
			inner = inner[2 : len(inner)-1]
		case t.kind == literal, t.kind == quoted:
			inner = inner[1 : len(inner)-1]
		}
		for i, c := range inner {
			switch {
			case t.kind != literal && (c == '\'' || c == '"'): // for which it is masked
			case isDigit(c):
				inner[i] = '7'
			case t.kind != number:
				inner[i] = 'z'
			}
		}
	}
	return string(out)
}
