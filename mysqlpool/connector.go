package mysqlpool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// Open makes a pool of connections to the server that the DSN names, in the form of go-sql-driver/mysql, and returns a *sql.DB whose
// connections are sessions over it: any number of them share at most MaxOpen connections, the backends. Code for database/sql, ORMs
// included, uses it like any other *sql.DB. See [NewConnector] for how it behaves, [ConnectorOf] for its statistics and controls.
//
// database/sql's own limits are lifted: [WithMaxSessions] may be in use, [WithIdleSessions] stay idle, none grows too old. A session
// costs well under a kilobyte and no connection. A SetMaxOpenConns of yours would bound the sessions, in random order and without a limit
// on the wait, before the pool gets to see them.
//
// Closing the DB closes the backends; see [WithDrainTimeout]. It fails with a [*SessionsInUseError] if somebody still uses a session.
func Open(ctx context.Context, dsn string, opts ...Option) (*sql.DB, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("mysqlpool: open: %w", err)
	}
	w, _ := weir.ReadSettings(coreOptions(opts)...)
	cfg.Logger = driverLog{w.Logger}
	c, err := NewConnector(ctx, cfg, opts...)
	if err != nil {
		return nil, err
	}
	return c.OpenDB(), nil
}

// A Connector is a [driver.Connector] whose connections are sessions: settings, which hold a backend only while they need one. All its
// methods may be called from any goroutine.
type Connector struct {
	settings
	made        weir.Settings
	source      *source
	pool        *weir.Pool[*backend]
	texts       *sqltext.Cache
	pins        *pins
	killer      *killer
	tracer      *tracer
	checkouts   *checkouts
	askers      *askers
	counters    counters
	interpolate bool
	readTimeout time.Duration  // the driver's, 0 for none
	works       sync.WaitGroup // what goes on behind its callers: endings, cleaning
	closing     atomic.Bool

	mu     sync.Mutex // guards the field below
	closed bool
}

// NewConnector makes the pool of backends as cfg and the options say, with the rules of [NewConfig], and returns the connector over it.
//
// In [TransactionMode] a session borrows a backend for a statement or a transaction. What it has set before, its default database, its
// character sets and the variables that can be told to any backend, goes with it; what cannot pins the session to its backend until it
// is checked in, which is counted and bounded, see [PinReason], [WithMaxPinned] and [WithStrictPins]. When it is checked in all of it
// ends: the next user of a session finds none of it.
//
// A statement with arguments is prepared on its backend once, see [WithStatementCache]. One whose context ends is ended on the server,
// too, see [WithKillTimeout]. One that was certainly not sent is run on another backend, a plain SELECT outside a transaction also if its
// answer was lost; nothing else is repeated, and a lost answer to a COMMIT is [ErrOutcomeUnknown]. What asks for something of the
// previous statement gets that or a [*StickyError].
func NewConnector(ctx context.Context, cfg *mysql.Config, opts ...Option) (*Connector, error) {
	c, err := newConnector(ctx, cfg, opts)
	if err != nil {
		return nil, fmt.Errorf("mysqlpool: open: %w", err)
	}
	return c, nil
}

func newConnector(ctx context.Context, cfg *mysql.Config, opts []Option) (*Connector, error) {
	if cfg == nil {
		return nil, errors.New("configuration is nil")
	}
	cfg = cfg.Clone()
	s, rest, err := readSettings(cfg.Addr+"/"+cfg.DBName, opts)
	if err := errors.Join(err, refuseRejectReadOnly(cfg), s.refuseReset(), s.refuseContradictions()); err != nil {
		return nil, err
	}
	w, err := weir.ReadSettings(rest...)
	if err != nil {
		return nil, err
	}
	if err := s.settleSessions(w); err != nil {
		return nil, err
	}
	src, err := newSource(cfg, s, w)
	if err != nil {
		return nil, err
	}
	return startConnector(ctx, src, s, w, rest, cfg)
}

// startConnector makes the pool.
func startConnector(ctx context.Context, src *source, s settings, w weir.Settings, opts []Option, cfg *mysql.Config) (*Connector, error) {
	c := &Connector{
		settings: s, made: w, source: src, texts: sqltext.NewCache(), pins: newPins(w.Name, s.maxPinned, w.MaxWait),
		interpolate: cfg.InterpolateParams, readTimeout: cfg.ReadTimeout,
	}
	c.killer = newKiller(src.connector, &c.settings, func() (weir.Lease[*backend], bool) { return c.pool.TryAcquire() })
	c.tracer = newTracer(w.LeakThreshold)
	c.checkouts = newCheckouts(&s.sessionSettings, w, c.tracer)
	c.askers = newAskers(s.searchEvery)
	src.counters, src.pins = &c.counters, c.pins
	c.counters.seen.init()
	var err error
	w.MaxOpen -= s.reserved
	c.pool, err = newPool(ctx, src.factory(), w, append(slices.Clip(opts), weir.WithMaxOpen(w.MaxOpen)))
	if err != nil {
		return nil, err
	}
	c.askers.begin(c.pool, c.giveBack)
	return c, nil
}

// OpenDB returns a *sql.DB over the connector, with database/sql's own limits lifted as [Open] says. Call it once: closing the DB closes
// the connector.
func (c *Connector) OpenDB() *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(0)
	db.SetMaxIdleConns(c.idleSessions)
	db.SetConnMaxLifetime(0)
	db.SetConnMaxIdleTime(0)
	return db
}

// ConnectorOf returns the connector of a DB that [Open] or [Connector.OpenDB] made, also if others have wrapped its connector but pass
// Driver through. For any other DB, nil included, it returns false.
func ConnectorOf(db *sql.DB) (*Connector, bool) {
	if db == nil {
		return nil, false
	}
	d, ok := db.Driver().(*sessionDriver)
	if !ok {
		return nil, false
	}
	return d.con, true
}

// Connect implements [driver.Connector]: it makes a session, which borrows its first backend when it runs its first statement. Where as
// many are in use as [WithMaxSessions] allows it waits, and fails with a [*SessionLimitError].
func (c *Connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &session{con: c, mode: modeOf(ctx, c.mode), out: new(checkout)}
	if err := c.checkouts.wait(ctx, s.out); err != nil {
		return nil, err
	}
	c.counters.sessions.Add(1)
	return s, nil
}

// Driver implements [driver.Connector].
func (c *Connector) Driver() driver.Driver { return &sessionDriver{con: c} }

// A sessionDriver leads from a *sql.DB to its connector.
type sessionDriver struct {
	mysql.MySQLDriver
	con *Connector
}

// Stats returns a picture of the pool of backends. With [weir.WithStrictMaxOpen] its MaxOpen is one less than was given: that is for KILL QUERY.
func (c *Connector) Stats() weir.Stats { return c.pool.Stats() }

// Settings returns what the pool of backends was made with.
func (c *Connector) Settings() weir.Settings { return c.made }

// Pause stops lending backends: statements wait, MaxWait at most. See [weir.Pool.Pause].
func (c *Connector) Pause() { c.pool.Pause() }

// Resume ends a pause.
func (c *Connector) Resume() { c.pool.Resume() }

// EvictAll replaces every backend, those in use when they come back.
func (c *Connector) EvictAll() { c.pool.EvictAll() }

// Resize changes MinIdle and MaxOpen of the pool of backends. How many sessions may be pinned stays as it was. With [weir.WithStrictMaxOpen]
// one of maxOpen is for KILL QUERY, as at the start.
func (c *Connector) Resize(minIdle, maxOpen int) error {
	if err := c.checkBackends(minIdle, maxOpen); err != nil {
		return fmt.Errorf("mysqlpool: resize: %w", err)
	}
	return c.pool.Resize(minIdle, maxOpen-c.reserved)
}

// Warnings lists what the comparison with the server found at the first connection; see [Pool.Warnings].
func (c *Connector) Warnings() []string { return c.source.adviser.warnings() }

// HandshakeStatements lists what runs on a backend from its opening until it is lent for the first time. On the very first one a transaction
// is begun and rolled back besides, to try the status flags.
func (c *Connector) HandshakeStatements() []string {
	return append(slices.Clone(c.source.driver), c.source.statements()...)
}

// modes is how a new backend reads texts.
func (c *Connector) modes() sqltext.Modes { return sqltext.Modes(c.source.modes.Load()) }

// clock reads the clock, if it matters how long a statement takes.
func (c *Connector) clock() time.Time {
	if c.readTimeout == 0 {
		return time.Time{}
	}
	return time.Now()
}

// timedOut reports whether the driver may have given up waiting for an answer.
func (c *Connector) timedOut(began time.Time) bool {
	return c.readTimeout > 0 && time.Since(began) >= c.readTimeout
}

// blind reports whether the status flags cannot be read.
func (c *Connector) blind() bool { return c.source.statusField() == noStatus }

// inTransaction reports whether something is open on the backend that only the session which began it may end.
func (c *Connector) inTransaction(b *backend) bool {
	field := c.source.statusField()
	if field == noStatus {
		return false
	}
	return statusOf(b.conn, field)&(flagInTransaction|flagAutocommit) != flagAutocommit
}
