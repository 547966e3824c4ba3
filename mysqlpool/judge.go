package mysqlpool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/weirpool/weir"
)

// A judge learns what a server is like and judges connections to it, whatever they look like to the pool that holds them.
type judge struct {
	settings
	adviser adviser
	columns []string // what else is asked of each new connection
	roles   bool     // the current role, too

	mu     sync.Mutex // guards the field below
	latest *flavour   // of the connection opened last
}

func newJudge(s settings, w weir.Settings) judge {
	return judge{settings: s, adviser: adviser{settings: s, pool: w}}
}

// An asker runs the statements by which a connection is judged.
type asker interface {
	// ask returns the first row of the answer, or nil if there is none.
	ask(ctx context.Context, query string) ([]sql.NullString, error)
	run(ctx context.Context, statement string) error
	// mariaDB reports whether the server greeted as MariaDB does, as far as the driver tells.
	mariaDB() bool
}

var errAutocommitOff = errors.New("mysqlpool: autocommit is off on new connections: switch it on in the server or the DSN, or use WithAutocommitUnchecked")

// prepare sets the session up and learns, in one round trip as a rule, what it and its server are like. It returns the answers to the
// judge's own columns, and after them the current role where the server knows roles.
func (j *judge) prepare(ctx context.Context, a asker) (*flavour, []sql.NullString, error) {
	if j.sessionSetup != "" {
		if err := a.run(ctx, j.sessionSetup); err != nil {
			return nil, nil, fmt.Errorf("mysqlpool: session set-up %q: %w", j.sessionSetup, err)
		}
	}
	f, row, err := j.discover(ctx, a)
	var maxConnections, waitTimeout int64
	if err == nil {
		_, err = fmt.Sscan(row[2].String+" "+row[3].String, &maxConnections, &waitTimeout)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("mysqlpool: learning about the server: %w", err)
	}
	if j.autocommit && !on(row[1].String) {
		return nil, nil, &permanentError{errAutocommitOff}
	}
	j.adviser.learned(f.version, maxConnections, waitTimeout)
	row = row[len(serverColumns):]
	if j.asksRoleOnOpen() {
		f.answers = readAnswers(row[:len(f.variables)])
		row = row[len(f.variables):]
	}
	f.fresh = j.adviser.pool.Checks[weir.OnOpen]
	return &f, row, nil
}

// serverColumns are asked on each new connection.
var serverColumns = []string{"@@version", "@@autocommit", "@@max_connections", "@@wait_timeout"}

// discover asks a new connection all there is to ask. Which variables and functions its server knows is guessed, from the connection opened
// last or else from how the server greeted. Where that is wrong, because another server answers, some of it is asked again.
func (j *judge) discover(ctx context.Context, a asker) (flavour, []sql.NullString, error) {
	var guess flavour
	var row []sql.NullString
	var err error
	for _, guess = range j.guesses(a) {
		if row, err = j.row(ctx, a, j.learnQuery(guess), j.learnColumns(guess)); !isServerError(err) {
			break
		}
	}
	if err != nil {
		return guess, nil, err
	}
	version := row[0].String
	if guess.version == version {
		return guess, row, nil
	}
	f := j.guessFlavour(version)
	if slices.Equal(j.roleColumns(f), j.roleColumns(guess)) && f.roles == guess.roles {
		return f, row, nil
	}
	return j.askAnew(ctx, a, f)
}

// guesses are what the server may be like, the likeliest first. The last one is right on any server, and tells too little.
func (j *judge) guesses(a asker) []flavour {
	j.mu.Lock()
	defer j.mu.Unlock()
	likeliest := j.guessFlavour("")
	switch {
	case j.latest != nil:
		likeliest = *j.latest
		likeliest.fresh, likeliest.answers = false, nil
	case a.mariaDB():
		likeliest = j.guessFlavour("MariaDB")
	}
	return []flavour{likeliest, j.guessFlavour("5.7"), {}}
}

// askAnew asks all of it where the version tells what the server knows, and where that misleads, each variable and function by itself.
func (j *judge) askAnew(ctx context.Context, a asker, f flavour) (flavour, []sql.NullString, error) {
	row, err := j.row(ctx, a, j.learnQuery(f), j.learnColumns(f))
	if !isServerError(err) {
		return f, row, err
	}
	if j.asksRoleOnOpen() {
		if f, err = j.narrow(ctx, a, f); err != nil {
			return f, nil, err
		}
	}
	if f.roles {
		_, err := a.ask(ctx, j.comment()+"SELECT "+currentRole)
		f.roles = err == nil
	}
	row, err = j.row(ctx, a, j.learnQuery(f), j.learnColumns(f))
	return f, row, err
}

// row asks for one row with that many columns.
func (j *judge) row(ctx context.Context, a asker, query string, columns int) ([]sql.NullString, error) {
	row, err := a.ask(ctx, query)
	if err == nil && len(row) != columns {
		err = fmt.Errorf("the answer has %d columns, not %d", len(row), columns)
	}
	return row, err
}

// learnQuery is all that a new connection is asked.
func (j *judge) learnQuery(f flavour) string {
	columns := slices.Concat(serverColumns, j.roleColumns(f), j.columns)
	if f.roles {
		columns = append(columns, currentRole)
	}
	return j.comment() + "SELECT " + strings.Join(columns, ", ")
}

func (j *judge) learnColumns(f flavour) int {
	n := len(serverColumns) + len(j.roleColumns(f)) + len(j.columns)
	if f.roles {
		n++
	}
	return n
}

// roleColumns tell the server's role, if the check on open wants it.
func (j *judge) roleColumns(f flavour) []string {
	if !j.asksRoleOnOpen() {
		return nil
	}
	out := make([]string, len(f.variables))
	for i, name := range f.variables {
		out[i] = "@@" + name
	}
	return out
}

func (j *judge) asksRoleOnOpen() bool { return j.role != Any && j.adviser.pool.Checks[weir.OnOpen] }

// opened remembers what the connection opened last is like.
func (j *judge) opened(f *flavour) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.latest = f
}

// check asks the server in one round trip whether it is there and, if that matters, what its role is. The check on open has both answers
// from what every new connection is asked.
func (j *judge) check(ctx context.Context, a asker, f *flavour) error {
	now, fresh := j.take(f)
	if j.validationQuery != "" || j.role == Any && !fresh {
		if _, err := a.ask(ctx, j.query()); err != nil {
			return err
		}
	}
	if j.role == Any {
		return nil
	}
	if fresh {
		return j.verify(now, now.answers)
	}
	answer, err := askRole(ctx, a, now)
	if isUnknownVariable(err) {
		if now, err = j.narrow(ctx, a, now); err == nil {
			j.learn(f, now)
			answer, err = askRole(ctx, a, now)
		}
	}
	if err != nil {
		return err
	}
	return j.verify(now, answer)
}

// take reads what is known of a connection's server; fresh answers are good for one check, the one on open.
func (j *judge) take(f *flavour) (now flavour, fresh bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now, fresh = *f, f.fresh
	f.fresh, f.answers = false, nil
	return now, fresh
}

func (j *judge) learn(f *flavour, is flavour) {
	j.mu.Lock()
	defer j.mu.Unlock()
	*f = is
}
