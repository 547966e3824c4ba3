package mysqlpool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/weirpool/weir"
)

// A judge learns what a server is like and judges connections to it, whatever they look like to the pool that holds them.
type judge struct {
	settings
	adviser adviser

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
}

var errAutocommitOff = errors.New("mysqlpool: autocommit is off on new connections: switch it on in the server or the DSN, or use WithAutocommitUnchecked")

// prepare learns what the server is like and sets the session up.
func (j *judge) prepare(ctx context.Context, a asker) (*flavour, error) {
	row, err := a.ask(ctx, j.learnQuery())
	if err == nil && len(row) != learnColumns {
		err = fmt.Errorf("the answer has %d columns", len(row))
	}
	var maxConnections, waitTimeout int64
	if err == nil {
		_, err = fmt.Sscan(row[2].String+" "+row[3].String, &maxConnections, &waitTimeout)
	}
	if err != nil {
		return nil, fmt.Errorf("mysqlpool: learning about the server: %w", err)
	}
	version := row[0].String
	if j.autocommit && !on(row[1].String) {
		return nil, &permanentError{errAutocommitOff}
	}
	j.adviser.learned(version, maxConnections, waitTimeout)
	f := j.guessFlavour(version)
	if j.sessionSetup != "" {
		if err := a.run(ctx, j.sessionSetup); err != nil {
			return nil, fmt.Errorf("mysqlpool: session set-up %q: %w", j.sessionSetup, err)
		}
	}
	return &f, nil
}

// learnColumns is how many columns learnQuery asks for.
const learnColumns = 4

func (s *settings) learnQuery() string {
	return s.comment() + "SELECT @@version, @@autocommit, @@max_connections, @@wait_timeout"
}

// opened remembers what the connection opened last is like.
func (j *judge) opened(f *flavour) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.latest = f
}

// check asks the server in one round trip whether it is there and, if that matters, what its role is.
func (j *judge) check(ctx context.Context, a asker, f *flavour) error {
	if j.role == Any || j.validationQuery != "" {
		if _, err := a.ask(ctx, j.query()); err != nil || j.role == Any {
			return err
		}
	}
	now := j.flavour(f)
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

func (j *judge) flavour(f *flavour) flavour {
	j.mu.Lock()
	defer j.mu.Unlock()
	return *f
}

func (j *judge) learn(f *flavour, is flavour) {
	j.mu.Lock()
	defer j.mu.Unlock()
	*f = is
}
