package mysqltest

import "slices"

// writeKind is what a statement changes.
type writeKind uint8

const (
	noWrite writeKind = iota
	rowWrite
	rowLock        // SELECT ... FOR UPDATE
	schemaWrite    // commits on its own
	temporaryTable // allowed by read_only
)

// statement is a parsed statement with its arguments.
type statement struct {
	text   string
	tokens []token
	args   []any // those of the placeholders not yet evaluated
}

func parse(q Query) *statement {
	return &statement{text: q.Text, tokens: lex(q.Text), args: q.Args}
}

// starts tells whether the statement begins with these keywords.
func (s *statement) starts(words ...string) bool { return startWith(s.tokens, words...) }

func startWith(tokens []token, words ...string) bool {
	if len(tokens) < len(words) {
		return false
	}
	for i, w := range words {
		if !tokens[i].is(w) {
			return false
		}
	}
	return true
}

// has tells whether these keywords stand anywhere in the statement, one after the other.
func (s *statement) has(words ...string) bool {
	for i := range s.tokens {
		if startWith(s.tokens[i:], words...) {
			return true
		}
	}
	return false
}

func (s *statement) startsWithOneOf(words ...string) bool {
	return len(s.tokens) > 0 && slices.ContainsFunc(words, s.tokens[0].is)
}

func (s *statement) writes() writeKind {
	switch {
	case s.starts("CREATE", "TEMPORARY"), s.starts("DROP", "TEMPORARY"):
		return temporaryTable
	case s.startsWithOneOf("CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "GRANT", "REVOKE"):
		return schemaWrite
	case s.startsWithOneOf("INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD"):
		return rowWrite
	case s.startsWithOneOf("SELECT") && s.has("FOR", "UPDATE"):
		return rowLock
	}
	return noWrite
}

// readsTables tells whether the statement opens a transaction when autocommit is off.
func (s *statement) readsTables() bool {
	return s.startsWithOneOf("SELECT", "WITH") && s.has("FROM") && !s.has("FROM", "DUAL")
}

// split cuts tokens at the commas outside of parentheses.
func split(tokens []token) [][]token {
	var parts [][]token
	start, depth := 0, 0
	for i, t := range tokens {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case t.is(",") && depth == 0:
			parts = append(parts, tokens[start:i])
			start = i + 1
		}
	}
	return append(parts, tokens[start:])
}

// source is the text of tokens as it was written.
func (s *statement) source(tokens []token) string {
	if len(tokens) == 0 {
		return ""
	}
	if len(tokens) == 1 && (tokens[0].kind == quoted || tokens[0].kind == identifier) {
		return tokens[0].text
	}
	return s.text[tokens[0].start:tokens[len(tokens)-1].end]
}
