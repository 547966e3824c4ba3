package sqltext

import "strings"

// Classify tells what text is, read under m. See [Statement].
func Classify(text string, m Modes) Statement {
	s := scan{lexer: lexer{text: text, modes: m}}
	s.statement()
	s.rest()
	return s.result()
}

// A scan is the one pass over a text. It looks at a window of two tokens; what counts wherever it stands is noted as each token
// passes.
type scan struct {
	lexer
	out       Statement
	tok, prev token
	depth     int // of open parentheses

	call     token // the name before the parenthesis just opened
	variable bool  // the tokens since @@ are its name
	columns  bool  // a list of columns may follow a name, but no arguments
	accounts bool  // user@host may come
	plan     bool  // the statement that follows is not run: EXPLAIN, SHOW
	body     body  // of a stored program; its statements are not run
	ended    bool  // a semicolon has passed
	several  bool  // and another statement followed

	head      word // the first of the statement
	locks     bool // FOR UPDATE, LOCK IN SHARE MODE
	into      bool // INTO, but not into variables
	impure    bool // a function that is not known to be harmless
	uncounted bool // rows that FOUND_ROWS() may not tell: of VALUES, TABLE and HELP, or an aggregate of none
	costly    bool // a function that changes nothing, and must not be run twice all the same
	setting   bool // SET has passed, but not that of an UPDATE
	once      bool // the statement is behind SET STATEMENT ... FOR
	tables    bool // FROM has passed
	creates   bool // a definition has passed or passes
	unsaid    bool // LAST_INSERT_ID() has an argument, or there are rows instead of an answer
	stored    bool // it is one of a view: it is not run
	taints    bool // what a reset leaves behind may have been set
	selected  int  // the depth of the last SELECT, counted from 1
	from      bool // the last FROM named what is read

	sequences int  // how often one was named
	behind    word // what stands before the call just opened, or before NEXT
	filtered  bool // what is selected may not be evaluated
}

// advance goes to the next token and notes what it means.
func (s *scan) advance() token {
	before := s.prev
	s.prev, s.tok = s.tok, s.next(s.tok)
	if s.ended && s.tok.kind != end {
		s.second()
	}
	if s.body.state == nobody || !s.inBody() {
		s.note(before)
	} else {
		s.noteBody()
	}
	return s.tok
}

// rest passes over the tokens that are left.
func (s *scan) rest() {
	for s.tok.kind != end {
		s.advance()
	}
}

// pin says that the statement pins; the first reason stands.
func (s *scan) pin(p Pin) {
	if s.out.Pin == NoPin {
		s.out.Pin = p
	}
}

// result draws the conclusions once the text has been passed.
func (s *scan) result() Statement {
	out := s.out
	if out.Kind == Read {
		if s.into && !s.plan {
			out.Reach = ReachAny
		}
		if s.impure || s.costly || !s.plan && (s.into || s.locks) {
			out.Kind = Share
		}
	}
	if out.Reach == ReachSession && s.impure {
		out.Reach = ReachTransaction
	}
	if s.sequences != 1 || s.filtered && out.Leaves.Has(LastValue) {
		out.Sequence = ""
	}
	out.Bare = s.head == wSelect && !s.tables && !s.impure && !s.ended
	out.Says = out.Says && !s.unsaid && !s.ended
	if s.stored && !s.ended {
		out.Sticky, out.Variables = 0, false
	}
	out.OwnFoundRows = out.Kind == Read && !s.plan && !s.uncounted
	if out.Leaves |= RowCount | FoundRows; !out.Sticky.Has(Warnings) || s.head != wShow && s.head != wGet {
		out.Leaves |= Warnings // MySQL forgets them with the answer to @@warning_count
	}
	if out.Pin == NoPin {
		return out
	}
	out.Kind, out.Changes, out.Schema, out.Chains, out.ReadOnly = Pins, nil, "", false, false
	out.Taints = s.taints
	switch out.Pin {
	case Call, MultiStatement, UnlistedSet, UnsafeCharset, Unknown, TextPrepare:
		out.Opaque = true
		out.Leaves, out.Sequence, out.OwnWarnings, out.OwnFoundRows = everything, "", false, false
		out.Reach = ReachAny
	case AutocommitOff, LockTables, FlushTables, XA:
		out.Reach = ReachAny
	}
	if s.several {
		out.Leaves, out.Sequence, out.OwnWarnings = everything, "", false
		out.Reach = ReachAny
	}
	return out
}

const everything = LastInsertID | RowCount | FoundRows | Warnings | Identity | LastValue

// second notes that another statement follows. What it asks for is the business of the one before it.
func (s *scan) second() {
	s.pin(MultiStatement)
	s.several, s.out.Several, s.out.Opaque = true, true, true
	s.out.Loads = s.out.Loads || s.tok.word == wLoad
}

// note looks at the token at hand; before is the one before s.prev.
func (s *scan) note(before token) {
	if opened := s.call; opened.to > 0 {
		s.call = token{}
		s.called(opened, !s.tok.is(')'))
	}
	switch s.tok.kind {
	case bad:
		s.pin(Unknown)
		s.tok.kind = end
	case userVar:
		s.noteUserVar()
	case name:
		if s.tok.word != other {
			s.noteWord(before)
		}
		fallthrough
	case quoted:
		if s.tok.to-s.tok.from >= len("returning") {
			s.noteList()
		}
		if s.from || s.setting {
			s.noteName()
		}
		if s.variable || s.prev.kind == sysVar {
			s.noteVariable()
		}
	case operator:
		s.noteOperator(before)
	}
}

// noteUserVar pins, unless the token is the host of an account.
func (s *scan) noteUserVar() {
	if s.accounts && (s.prev.isName() || s.prev.kind == literal) {
		return
	}
	s.into = s.into && s.prev.word != wInto
	if s.out.Pin == UnlistedSet {
		s.out.Pin = UserVariable
	}
	s.pin(UserVariable)
}

func (s *scan) noteWord(before token) {
	switch s.tok.word {
	case wCreate, wAlter:
		s.creates = s.creates || s.ended
	case wCalcFoundRows:
		s.pin(CalcFoundRows)
	case wInto:
		s.into = true
	case wLock:
		s.locks = true
	case wValues, wTable:
		s.uncounted = true
	case wUpdate, wShare:
		s.locks = s.locks || s.prev.word == wFor
	case wFor:
		if s.prev.word == wValue {
			ahead := s.lexer
			s.sequence(before.word == wPrevious, s.sequenceName(ahead, ahead.next(s.tok)), s.sure(s.depth))
		}
	case wNext:
		s.behind = s.prev.word
	case wSelect, wFrom, wWhere, wHaving, wLimit:
		s.noteClause()
	case wTransaction:
		if s.prev.word == wStart && s.head == wCreate { // a table that is not there before COMMIT
			s.pin(Unknown)
		}
	case wSet:
		s.setting = s.head != wUpdate || s.ended
	case wXA:
		s.taints = s.taints || s.prev.kind == end || s.prev.is(';')
	case wResource:
		s.taints = s.taints || s.setting && s.prev.word == wSet
	}
}

// noteClause looks at the words that a query consists of.
func (s *scan) noteClause() {
	s.tables = s.tables || s.tok.word == wFrom
	s.filtered = s.filtered || s.tok.word != s.head
	switch s.tok.word {
	case wSelect:
		s.selected = s.depth + 1
	case wFrom: // not that of a function such as TRIM
		s.from = s.head == wSelect && (s.depth == 0 || s.selected == s.depth+1)
	}
}

// noteName looks at a name, or a word that may be one, behind FROM or SET.
func (s *scan) noteName() {
	if s.from && s.prev.word == wFrom {
		s.from = false
		s.out.OwnWarnings = s.out.OwnWarnings || s.tok.word != wDual
	}
	if s.setting && s.tok.to-s.tok.from >= len("profiling") {
		s.taints = s.taints || strings.EqualFold(s.plain(s.tok), "profiling")
	}
}

// noteVariable looks at a name behind @@, or behind the dot of one.
func (s *scan) noteVariable() {
	s.variable = s.prev.kind == sysVar || s.variable && s.prev.is('.')
	if !s.variable {
		return
	}
	var buf [longestWord]byte
	switch string(lower(s.plain(s.tok), &buf)) {
	case "identity", "last_insert_id":
		s.asks(Identity)
	case "warning_count", "error_count":
		s.asks(Warnings)
	case "last_gtid":
		s.asks(LastValue)
	}
}

// asks notes what is wanted of an earlier statement. A later statement of the same text may want it of the first one.
func (s *scan) asks(what Sticky) {
	s.mentions(what)
	if s.ended {
		what &^= s.out.Leaves | RowCount | FoundRows | Warnings
	}
	s.out.Sticky |= what
}

func (s *scan) noteOperator(before token) {
	switch byte(s.tok.word) {
	case '(':
		s.depth++
		if s.prev.isName() && !s.columns && before.word != wInto && before.word != wAs && s.prev.word != wAnalyze {
			s.call, s.behind = s.prev, before.word
			s.impure = s.impure || before.is('.')
		}
	case ')':
		if s.depth--; s.selected > s.depth+1 {
			s.selected = 0
		}
	case ';':
		s.ended = true
	}
}

// plain returns a name without its quotes. Doubled quotes stay doubled.
func (s *scan) plain(t token) string {
	if t.kind == quoted {
		return s.text[t.from+1 : t.to-1]
	}
	return s.text[t.from:t.to]
}

// called notes a call of the function named by t. Names of built-in functions may be quoted.
func (s *scan) called(t token, argument bool) {
	var buf [longestWord]byte
	f := lower(s.plain(t), &buf)
	switch string(f) {
	case "get_lock", "release_lock", "release_all_locks", "service_get_read_locks", "service_get_write_locks",
		"service_release_locks", "version_tokens_lock_shared", "version_tokens_lock_exclusive", "version_tokens_unlock":
		s.pin(GetLock)
	case "last_insert_id":
		if argument {
			s.out.Leaves |= LastInsertID | Identity
			s.impure, s.unsaid = true, true
			return
		}
		s.asks(LastInsertID)
	case "row_count":
		s.asks(RowCount)
	case "found_rows":
		s.asks(FoundRows)
	case "nextval", "setval", "lastval":
		s.sequence(string(f) == "lastval", s.sequenceName(s.lexer, s.tok), string(f) == "nextval" && s.sure(s.depth-1))
	case "wsrep_last_seen_gtid", "wsrep_last_written_gtid":
		s.asks(LastValue)
		s.impure = true // a server that does not replicate so has no such function of its own
	case "sleep", "benchmark", "uuid_short":
		s.costly = true
		s.impure = s.impure || t.kind == quoted
	default:
		s.impure = s.impure || t.kind == quoted || !isHarmless(f, s.modes)
		if _, ok := aggregates[string(f)]; ok {
			s.uncounted = true
		}
	}
}
