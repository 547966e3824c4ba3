package sessiontest_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// A walk gives the same statements to sessions over few backends and to one stock connection for each: all variables of both must agree,
// and the collation of arguments, which no variable shows.
type walk struct {
	t        *testing.T
	ctx      context.Context
	r        *rand.Rand
	db, real *sql.DB
	c        *mysqlpool.Connector
	schemas  []string
	settings []setting
	pairs    []*pair
	tied     *pair // the one that keeps a backend until it is checked in

	checks, refused, pins int
}

// A pair is a session and the stock connection beside it.
type pair struct {
	got, want *sql.Conn
	past      []string
}

func TestSettingsAreThoseOfOneConnection(t *testing.T) {
	seed := *historySeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	steps := 2000
	if *historyFor > historyDefault {
		steps = 20000
	}
	t.Logf("seed %d, %d steps", seed, steps)
	w := newWalk(within(t, *historyFor+time.Minute), t, rand.New(rand.NewPCG(seed, 7)))
	for range steps {
		w.step()
		if t.Failed() {
			return
		}
	}
	s := w.c.Sessions()
	t.Logf("%d comparisons, %d statements refused, %d pins; %d replays, %d resets", w.checks, w.refused, w.pins, s.Replays, s.Resets)
	if w.checks == 0 || w.refused == 0 || w.pins == 0 || s.Replays == 0 || s.Resets == 0 {
		t.Error("the walk has proved nothing")
	}
}

func newWalk(ctx context.Context, t *testing.T, r *rand.Rand) *walk {
	w := &walk{t: t, ctx: ctx, r: r, settings: settings(), pairs: make([]*pair, 6)}
	srv := setsAll(t)
	dsn := databaseOn(t, srv)
	for _, collation := range []string{"latin1_german1_ci", "latin2_general_ci", "utf8mb4_bin"} {
		cfg, err := mysql.ParseDSN(databaseOn(t, srv))
		must(t, err)
		name := cfg.DBName
		admin(t, srv, "ALTER DATABASE `"+name+"` COLLATE "+collation)
		w.schemas = append(w.schemas, name)
	}
	dsn = withParam(t, dsn, "collation=utf8mb4_unicode_ci")
	w.real = stock(t, dsn)
	w.real.SetMaxIdleConns(-1) // a connection is used once
	w.db, w.c = open(t, dsn, weir.WithMaxOpen(3))
	for i := range w.pairs {
		w.renew(i)
	}
	return w
}

// renew checks a session out, and connects beside it.
func (w *walk) renew(i int) {
	p := w.pairs[i]
	if p != nil {
		must(w.t, p.got.Close())
		must(w.t, p.want.Close())
	}
	if w.tied == p {
		w.tied = nil
	}
	w.pairs[i] = &pair{got: hold(w.ctx, w.t, w.db), want: hold(w.ctx, w.t, w.real)}
}

// step gives one session a statement, or compares.
func (w *walk) step() {
	i := w.r.IntN(len(w.pairs))
	p := w.pairs[i]
	switch n := w.r.IntN(100); {
	case n < 2 || w.tied == p && n < 15:
		w.renew(i)
	case n < 6:
		if w.tied == nil || w.tied == p {
			w.pins++
			w.run(p, w.pinning())
		}
	case n < 18:
		w.run(p, "USE `"+w.schemas[w.r.IntN(len(w.schemas))]+"`")
	case n < 60:
		w.run(p, w.assignments())
	default:
		w.compare(p)
	}
}

// run has both execute the statement.
func (w *walk) run(p *pair, statement string) {
	p.past = append(p.past, statement)
	_, err := p.want.ExecContext(w.ctx, statement)
	_, got := p.got.ExecContext(w.ctx, statement)
	if number(got) != number(err) || (got == nil) != (err == nil) {
		w.wrong(p, "%s: %v, want %v", statement, got, err)
	}
	if got != nil {
		w.refused++ // and the session keeps its backend
	}
	switch held := w.c.Stats().InUse; {
	case w.tied == nil && held > 0:
		w.tied = p
	case w.tied != p && held > 1: // or one is being reset, but then it does no harm
		w.renew(slices.Index(w.pairs, p))
	}
}

func (w *walk) wrong(p *pair, format string, args ...any) {
	w.t.Errorf("%s, after\n\t%s", fmt.Sprintf(format, args...), strings.Join(p.past, "\n\t"))
}

// compare reads everything back on both.
func (w *walk) compare(p *pair) {
	w.checks++
	ask := "SELECT CONCAT(SUM(CRC32(CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE))), ' ', COLLATION(?), ' ', IFNULL(DATABASE(), '-')) " +
		"FROM " + sessionVariables() + " WHERE VARIABLE_NAME NOT IN (" + ofTheMoment + ") LIMIT 1"
	got, want := text(w.ctx, w.t, p.got, ask, "x"), text(w.ctx, w.t, p.want, ask, "x")
	if got == want {
		return
	}
	w.wrong(p, "%s, want %s: %s", got, want, strings.Join(differing(w.variables(p.got), w.variables(p.want)), ", "))
}

// sessionVariables is the table of all variables that a session has.
func sessionVariables() string {
	return byFamily("information_schema.SESSION_VARIABLES", "performance_schema.session_variables")
}

// ofTheMoment are variables that are no settings.
const ofTheMoment = "'TIMESTAMP', 'RAND_SEED1', 'RAND_SEED2', 'INSERT_ID', 'LAST_INSERT_ID', 'IDENTITY', 'PSEUDO_THREAD_ID', 'ERROR_COUNT', 'WARNING_COUNT', " +
	"'LAST_GTID', 'GTID_CURRENT_POS', 'GTID_BINLOG_POS', 'GTID_BINLOG_STATE', 'STATEMENT_ID'"

func (w *walk) variables(on *sql.Conn) map[string]string {
	rows, err := on.QueryContext(w.ctx, "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM "+sessionVariables()+" WHERE VARIABLE_NAME NOT IN ("+ofTheMoment+") LIMIT 10000")
	must(w.t, err)
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var name, value string
		must(w.t, rows.Scan(&name, &value))
		out[name] = value
	}
	must(w.t, rows.Err())
	return out
}

func differing(got, want map[string]string) []string {
	var out []string
	for name, value := range want {
		if got[name] != value {
			out = append(out, fmt.Sprintf("%s = %q, want %q", name, got[name], value))
		}
	}
	slices.Sort(out)
	return out
}

// pinning is a statement that keeps the session on its backend, and may change settings unseen.
func (w *walk) pinning() string {
	return []string{
		"SET @x = 1", "PREPARE p FROM 'SET NAMES latin1'", "SET " + unlisted() + " = 7", "SET sql_mode = CONCAT('ANSI', '')", "SET NAMES gbk",
		"SET collation_database = latin2_bin", "SET sort_buffer_size = 4096 + 1024, time_zone = '+09:00'", "SET autocommit = 0", "SET NAMES DEFAULT",
	}[w.r.IntN(9)]
}

// assignments is a SET of one, two or three variables.
func (w *walk) assignments() string {
	switch w.r.IntN(12) {
	case 0:
		return "SET SESSION TRANSACTION " + w.one("READ ONLY", "READ WRITE", "ISOLATION LEVEL SERIALIZABLE", "ISOLATION LEVEL READ COMMITTED, READ ONLY")
	case 1:
		return "SET autocommit = 1"
	}
	var parts []string
	for range 1 + w.r.IntN(3) {
		switch w.r.IntN(6) {
		case 0, 1:
			parts = append(parts, w.characterSet())
		case 2:
			parts = append(parts, "sql_mode = '"+w.mode()+"'")
		default:
			parts = append(parts, w.variable())
		}
	}
	return "SET " + strings.Join(parts, ", ")
}

func (w *walk) one(of ...string) string { return of[w.r.IntN(len(of))] }

func (w *walk) characterSet() string {
	charset := w.one("latin1", "utf8mb4", "utf8mb3", "latin2", "ascii", "binary", "'cp1250'", "utf8")
	collation := w.one("latin1_german2_ci", "utf8mb4_bin", "utf8mb4_unicode_ci", "latin2_czech_cs", "utf8mb3_bin", "binary", byFamily("utf8mb4_czech_ci", "utf8mb4_de_pb_0900_as_cs"))
	plain, _, _ := strings.Cut(collation, "_")
	return w.one("NAMES "+charset, "NAMES "+plain+" COLLATE "+collation, "CHARACTER SET "+charset, "CHARSET "+charset, "character_set_client = "+charset,
		"character_set_results = "+charset, "character_set_results = NULL", "character_set_connection = "+charset, "collation_connection = "+collation,
		"@@session.character_set_server = "+charset, "collation_server = '"+collation+"'", "LOCAL character_set_filesystem = "+charset)
}

func (w *walk) mode() string {
	modes := []string{
		"ANSI", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "STRICT_ALL_TABLES", "STRICT_TRANS_TABLES", "TRADITIONAL", "NO_ZERO_DATE", "PAD_CHAR_TO_FULL_LENGTH",
		"TRADITIONAL", "STRICT_ALL_TABLES", "IGNORE_SPACE",
	}
	w.r.Shuffle(len(modes), func(i, j int) { modes[i], modes[j] = modes[j], modes[i] })
	return strings.Join(modes[:w.r.IntN(4)], ",")
}

// variable assigns to a variable of the table: its value there, its default, or a number that may be cut or refused.
func (w *walk) variable() string {
	for {
		s := w.settings[w.r.IntN(len(w.settings))]
		switch s.variable {
		case "query_cache_type", "max_statement_time", "max_execution_time", "wait_timeout", "interactive_timeout", "sql_mode": // are refused, or end connections, or are set elsewhere
			continue
		}
		if strings.HasPrefix(s.variable, "character_set_") || strings.HasPrefix(s.variable, "collation_") {
			continue
		}
		value := w.one(s.literal, s.literal, "DEFAULT")
		if strings.Trim(s.literal, "0123456789") == "" && w.r.IntN(2) == 0 {
			value = w.one("0", "1", "5", "99", "1025", "123456789", "18446744073709551615", "-1")
		}
		return w.one("", "SESSION ", "LOCAL ", "@@", "@@session.", "@@local.") + s.variable + w.one(" = ", ":=") + value
	}
}
