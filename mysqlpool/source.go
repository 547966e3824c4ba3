package mysqlpool

import (
	"context"
	"database/sql/driver"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// A source makes and judges the backends of one connector.
type source struct {
	judge
	connector driver.Connector
	driver    []string                                 // what the driver runs on a new connection
	names     string                                   // the assignment that gave a new connection its character_set_client
	status    atomic.Pointer[int]                      // the field of the status flags, tried on the first connection; noStatus: sessions keep their backends until check-in
	resets    atomic.Uint32                            // whether sessions can be reset, tried by the first that must be
	checker   atomic.Pointer[driver.NamedValueChecker] // go-sql-driver's: it has no state
	modes     atomic.Uint32                            // how a new backend reads texts
	noKills   sync.Once                                // for the warning that KILL QUERY cannot be used
	counters  *counters
	states    *states
	pins      *pins
}

func newSource(cfg *mysql.Config, s settings, w weir.Settings) (*source, error) {
	connector, err := s.driverConnector(cfg)
	if err != nil {
		return nil, err
	}
	src := sourceOver(connector, s, w)
	src.know(cfg)
	return src, nil
}

func sourceOver(connector driver.Connector, s settings, w weir.Settings) *source {
	src := &source{judge: newJudge(s, w), connector: connector, states: newStates()}
	src.columns, src.roles = birthColumns, true
	return src
}

// know takes from the driver's configuration what it does to a new connection.
func (s *source) know(cfg *mysql.Config) {
	s.driver = driverStatements(cfg)
	s.names = clientCharset(cfg.Collation, slices.Concat(s.driver, []string{s.sessionSetup}))
}

func (s *source) factory() weir.Factory[*backend] {
	return weir.Factory[*backend]{Open: s.open, Close: s.close, Check: s.check, Probe: probeBackend, Classify: s.verdict}
}

// open dials, shakes hands and makes the session ready, all under the deadline of ctx.
func (s *source) open(ctx context.Context) (*backend, error) {
	b := &backend{states: s.states, verbatim: s.fullTexts, severed: make(chan struct{})}
	c, err := s.connector.Connect(context.WithValue(ctx, socketKey{}, &b.socket))
	if err != nil {
		return nil, s.failedOpen(err)
	}
	if b.conn, err = asPhysical(c); err == nil {
		err = s.ready(ctx, b)
	}
	if err != nil {
		c.Close() // adds nothing to why
		return nil, s.failedOpen(err)
	}
	return b, nil
}

func (s *source) ready(ctx context.Context, b *backend) error {
	flavour, answers, err := s.prepare(ctx, b)
	if err != nil {
		return err
	}
	b.flavour, b.birth = flavour, newBirth(flavour.version, s.names, answers)
	if b.birth.identity, err = b.identify(ctx, flavour.version, answers[identityColumns:]); err != nil {
		return err
	}
	if b.birth.id == "" && s.killTimeout > 0 {
		s.noKills.Do(func() {
			s.adviser.pool.Logger.Warn("mysqlpool: connections lead through a proxy: a statement whose context ends is not killed on the server", "pool", s.adviser.pool.Name)
		})
	}
	b.birth.roles = flavour.roles
	b.birth.statements = s.setUp()
	b.cache.limit, b.cache.n = s.statementCache, s.counters
	b.cache.typed = !strings.Contains(flavour.version, "MariaDB")
	s.modes.Store(uint32(b.birth.modes))
	s.opened(flavour)
	if s.status.Load() != nil {
		return nil
	}
	checker := driver.NamedValueChecker(b.conn)
	s.checker.Store(&checker)
	return s.tryStatus(ctx, b)
}

// setUp lists what makes a session that has been reset like a new one, but for its character sets and default database.
func (s *source) setUp() []string {
	set := slices.DeleteFunc(slices.Clone(s.driver), func(q string) bool {
		return q == askMaxAllowedPacket || strings.HasPrefix(q, "SET NAMES ")
	})
	if s.sessionSetup != "" {
		set = append(set, s.sessionSetup)
	}
	return set
}

// tryStatus finds out, on the first connection, whether the status flags can be relied upon.
func (s *source) tryStatus(ctx context.Context, b *backend) error {
	field, err := proveStatus(ctx, b.conn)
	if err != nil {
		return err
	}
	if s.status.CompareAndSwap(nil, &field) && field == noStatus {
		s.adviser.pool.Logger.Warn("mysqlpool: the server's status flags cannot be read: sessions keep their backends until they are checked in", "pool", s.adviser.pool.Name)
	}
	return nil
}

func (s *source) statusField() int {
	if field := s.status.Load(); field != nil {
		return *field
	}
	return noStatus
}

// checkValue converts an argument as go-sql-driver does. Before the first backend was opened it is database/sql that converts.
func (s *source) checkValue(v *driver.NamedValue) error {
	if c := s.checker.Load(); c != nil {
		return (*c).CheckNamedValue(v)
	}
	if _, ok := v.Value.(uint64); ok {
		return nil // go-sql-driver takes them all, database/sql those below 1<<63
	}
	return driver.ErrSkip
}

func (s *source) close(b *backend) error {
	if made := b.pin.Load(); made != nil {
		s.pins.free(made) // a pin that was taken back by force holds nothing any more
	}
	if !b.use.TryLock() { // it is closed by force, under its holder
		b.cutNow()
		b.use.Lock()
	}
	if b.demoted != nil {
		b.demoted.Stop()
	}
	defer b.dismiss()
	defer b.use.Unlock()
	if b.orphan {
		b.cutNow()
		return nil
	}
	defer time.AfterFunc(cutAfter, b.cutNow).Stop()
	b.cache.clear() // the server closes them
	b.conn.Close()  // fails only to say goodbye to a server that is not there
	return nil
}

func (s *source) check(ctx context.Context, b *backend) error {
	b.use.Lock()
	defer b.use.Unlock()
	if b.state.twists() {
		if err := b.plain(ctx); err != nil {
			b.spoilt = true
			return err
		}
	}
	return s.judge.check(ctx, b, b.flavour)
}

// justUsed is how lately a backend must have been given back for its socket not to be looked at again: a connection dies no likelier between
// two statements that follow each other so closely than under one. The look costs 0.6 µs and three allocations.
const justUsed = 100 * time.Microsecond

// probeBackend lets the driver look at its socket, without a round trip.
func probeBackend(b *backend) error {
	if b.spoilt || b.wasCut() {
		return driver.ErrBadConn
	}
	if !b.usedAt.IsZero() && time.Since(b.usedAt) < justUsed && b.conn.IsValid() {
		return nil
	}
	return lookAt(b.conn)
}
