package mysqlpool

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/weirpool/weir/internal/sqltext"
)

// A state is what a session has set and another backend can be given as well: the default database, the character sets, and the
// variables of the allow-list. It is never changed, and nil is the state of a new connection: two sessions with the same settings
// mostly share one.
type state struct {
	schema  string            // the default database; "" is that of a new connection
	charset []sqltext.Change  // SET NAMES and the like, in the order in which they have to be repeated
	vars    map[string]string // all others, by name, as literals

	modes    sqltext.Modes // how sql_mode makes texts be read, if vars has it
	hasModes bool
	key      string // equal for equal states
	label    uint64 // for the pool: which idle backends to prefer
	bound    uint64 // equal for states under which a text is prepared to the same statement
}

const pristineLabel = 1

func (s *state) labels() uint64 {
	if s == nil {
		return pristineLabel
	}
	return s.label
}

func (s *state) prepares() uint64 {
	if s == nil {
		return 0
	}
	return s.bound
}

// reads is how texts are read in this state, where a new connection reads them as pristine says.
func (s *state) reads(pristine sqltext.Modes) sqltext.Modes {
	if s == nil || !s.hasModes {
		return pristine
	}
	return s.modes.Of(pristine)
}

func (s *state) defaultSchema() string {
	if s == nil {
		return ""
	}
	return s.schema
}

// inside is s with another default database, for one use.
func (s *state) inside(schema string) *state {
	return &state{schema: schema, charset: s.charsets(), vars: s.names()}
}

// twists reports whether what we ask for ourselves may be answered otherwise than it is meant.
func (s *state) twists() bool {
	_, limited := s.value("sql_select_limit")
	return limited || s.hurries() || len(s.charsets()) > 0
}

// hurries reports whether what we ask for ourselves may be ended by a limit of the session.
func (s *state) hurries() bool {
	_, statement := s.value("max_statement_time")
	_, execution := s.value("max_execution_time")
	return statement || execution
}

func (s *state) value(name string) (string, bool) {
	if s == nil {
		return "", false
	}
	v, ok := s.vars[name]
	return v, ok
}

func (s *state) charsets() []sqltext.Change {
	if s == nil {
		return nil
	}
	return s.charset
}

func (s *state) names() map[string]string {
	if s == nil {
		return nil
	}
	return s.vars
}

// states makes states and hands out the same one for the same settings.
type states struct {
	seed maphash.Seed

	mu    sync.Mutex // guards the field below
	known map[string]*state
}

// mostStates is how many are remembered. When there are more all are forgotten: two equal states that are not the same one
// cost a comparison by value, nothing else.
const mostStates = 4096

func newStates() *states { return &states{seed: maphash.MakeSeed(), known: map[string]*state{}} }

// with is s with these changes on top.
func (ss *states) with(s *state, changes []sqltext.Change) *state {
	next := state{schema: s.defaultSchema(), charset: slices.Clone(s.charsets()), vars: maps.Clone(s.names())}
	if s != nil {
		next.modes, next.hasModes = s.modes, s.hasModes
	}
	for _, c := range changes {
		switch {
		case c.Name == "autocommit": // the server's flags tell
		case ofCharset(c.Name):
			next.charset = addCharset(next.charset, c)
		default:
			if next.vars == nil {
				next.vars = map[string]string{}
			}
			next.vars[c.Name] = c.Value
			if c.Name == "sql_mode" {
				next.modes, next.hasModes = sqltext.ModesOf(c.Value), !strings.EqualFold(c.Value, "DEFAULT")
			}
		}
	}
	return ss.same(next)
}

// in is s with another default database.
func (ss *states) in(s *state, schema string) *state {
	next := state{schema: schema, charset: s.charsets(), vars: s.names()}
	if s != nil {
		next.modes, next.hasModes = s.modes, s.hasModes
	}
	return ss.same(next)
}

// boundVariables are those, besides character sets, that a statement takes over when it is prepared. MariaDB does that with sql_mode only,
// and looks at the others when the statement is executed.
var boundVariables = []string{"default_week_format", "div_precision_increment", "group_concat_max_len", "lc_time_names", "sql_mode"}

// same returns the known state that is like s, or makes s known.
func (ss *states) same(s state) *state {
	if s.schema == "" && len(s.charset) == 0 && len(s.vars) == 0 {
		return nil
	}
	var key, bound strings.Builder
	part := func(b *strings.Builder, name, value string) {
		b.WriteString(name)
		b.WriteByte(0)
		b.WriteString(value)
		b.WriteByte(0)
	}
	part(&bound, "", s.schema)
	for _, c := range s.charset {
		part(&bound, c.Name, c.Value)
	}
	for _, name := range boundVariables {
		if value, ok := s.vars[name]; ok {
			part(&bound, name, value)
		}
	}
	key.WriteString(bound.String())
	for _, name := range slices.Sorted(maps.Keys(s.vars)) {
		part(&key, name, s.vars[name])
	}
	s.key = key.String()
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if known := ss.known[s.key]; known != nil {
		return known
	}
	s.label = maphash.String(ss.seed, s.key) | 1<<63 // neither none nor that of a new connection
	if bound.Len() > len("\x00\x00") {
		s.bound = maphash.String(ss.seed, bound.String()) | 1<<63
	}
	if len(ss.known) == mostStates {
		clear(ss.known)
	}
	ss.known[s.key] = &s
	return &s
}
