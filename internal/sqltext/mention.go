package sqltext

import "strings"

// mentions notes what the definition at hand asks for, if one is.
func (s *scan) mentions(what Sticky) {
	if s.creates {
		s.out.Mentions |= what & (LastInsertID | Identity | LastValue)
	}
}

// noteBody looks at a token of the body of a stored program.
func (s *scan) noteBody() {
	if !s.tok.isName() {
		return
	}
	var buf [longestWord]byte
	switch string(lower(s.plain(s.tok), &buf)) {
	case "last_insert_id", "identity", "session_variables", "system_variables":
		s.out.Mentions |= LastInsertID
	case "lastval", "previous":
		s.out.Mentions |= LastValue
	}
}

// noteList looks at a name that may be that of a table of all variables, or say that an INSERT has rows instead of an answer.
func (s *scan) noteList() {
	if s.tok.to-s.tok.from == len("returning") && strings.EqualFold(s.plain(s.tok), "returning") {
		s.unsaid = true
	}
	if n := s.tok.to - s.tok.from; n < len("system_variables") || n > len("`variables_by_thread`") {
		return
	}
	for _, list := range [...]string{"session_variables", "system_variables", "variables_by_thread"} {
		if strings.EqualFold(s.plain(s.tok), list) {
			s.out.Variables = true
			s.mentions(Identity)
		}
	}
}

// showVariables is SHOW VARIABLES, SHOW SESSION VARIABLES.
func (s *scan) showVariables() {
	if s.tok.word == wSession || s.tok.word == wLocal {
		s.advance()
	}
	if !strings.EqualFold(s.text[s.tok.from:s.tok.to], "variables") {
		return
	}
	if !strings.EqualFold(s.text[s.advance().from:s.tok.to], "like") {
		s.out.Variables = true
		return
	}
	if t := s.advance(); t.kind != literal || strings.Contains(s.plainString(t), `\`) {
		s.out.Variables = true
		return
	}
	pattern := s.plainString(s.tok)
	exact := !strings.ContainsAny(pattern, "%_")
	for _, v := range [...]struct {
		name string
		what Sticky
	}{{"last_insert_id", Identity}, {"identity", Identity}, {"warning_count", Warnings}, {"error_count", Warnings}, {"last_gtid", LastValue}} {
		switch {
		case !like(strings.ToLower(pattern), v.name):
		case exact || strings.EqualFold(pattern, v.name):
			s.asks(v.what)
		case v.what == Identity:
			s.out.Variables = true
		}
	}
}

// plainString returns a string without its quotes.
func (s *scan) plainString(t token) string { return s.text[t.from+1 : t.to-1] }

// like reports whether a name is like a pattern of LIKE.
func like(pattern, name string) bool {
	p, n := 0, 0
	star, from := -1, 0 // the last %, and how far it has reached
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '%':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '_' || pattern[p] == name[n]):
			p++
			n++
		case star < 0:
			return false
		default:
			from++
			p, n = star+1, from
		}
	}
	return strings.Trim(pattern[p:], "%") == ""
}

// hidden looks into the strings of PREPARE and EXECUTE for what they ask of statements before.
func (s *scan) hidden() {
	for _, h := range [...]struct {
		part string
		what Sticky
	}{{"found_rows", FoundRows}, {"lastval", LastValue}, {"previous", LastValue}, {"row_count", RowCount}, {"_count", Warnings}, {"warnings", Warnings}} {
		if (s.tok.word == wExecute || h.what.Has(FoundRows|LastValue)) && containsFold(s.text, h.part) {
			s.asks(h.what)
		}
	}
}

func containsFold(text, part string) bool {
	for i := range len(text) - len(part) + 1 {
		if strings.EqualFold(text[i:i+len(part)], part) {
			return true
		}
	}
	return false
}
