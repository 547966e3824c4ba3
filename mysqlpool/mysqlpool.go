package mysqlpool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// A Pool lends connections to a MySQL server as *sql.Conn. It is a [weir.Pool] with what MySQL needs around it; Acquire,
// Do, Stats and the rest are that pool's. All its methods may be called from any goroutine.
//
// A *sql.Conn is good for as long as its lease. Closing it, instead of releasing the lease, costs the connection.
type Pool struct {
	*weir.Pool[*sql.Conn]

	maker  *maker
	driver []string     // what the driver runs on a new connection
	leave  func() error // what Close does last
	made   weir.Settings
}

// New makes a pool of connections to the server that the DSN names, in the form of go-sql-driver/mysql. See [NewConfig].
func New(ctx context.Context, dsn string, opts ...Option) (*Pool, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("mysqlpool: new: %w", err)
	}
	w, _ := weir.ReadSettings(coreOptions(opts)...)
	cfg.Logger = driverLog{w.Logger}
	return NewConfig(ctx, cfg, opts...)
}

// NewConfig makes a pool of connections as cfg says. cfg is copied. Unless it brings its own DialFunc or a network other
// than TCP, dialing uses keepalive and TCP_USER_TIMEOUT; each open as a whole (dial, TLS, handshake, set-up, check) is
// bounded by [weir.WithOpenTimeout]. rejectReadOnly must be off: it would make a demoted server look like a dead connection.
//
// At the start MinIdle connections are opened, by default one, and unless [weir.WithStartBackground] is given at least one; a wrong
// password or an unknown database makes NewConfig fail at once.
//
// Unless named otherwise the pool is called address/database.
func NewConfig(ctx context.Context, cfg *mysql.Config, opts ...Option) (*Pool, error) {
	if cfg == nil {
		return nil, errors.New("mysqlpool: new: configuration is nil")
	}
	cfg = cfg.Clone()
	s, rest, err := readSettings(cfg.Addr+"/"+cfg.DBName, opts)
	if err := errors.Join(err, refuseRejectReadOnly(cfg), s.refuseSessionOptions()); err != nil {
		return nil, fmt.Errorf("mysqlpool: new: %w", err)
	}
	connector, err := s.driverConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("mysqlpool: new: %w", err)
	}
	db := sql.OpenDB(connector)
	takeOver(db)
	p, err := start(ctx, db, s, rest)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mysqlpool: new: %w", err), db.Close())
	}
	p.driver = driverStatements(cfg)
	p.leave = db.Close
	if !cfg.CheckConnLiveness {
		p.Settings().Logger.Warn("mysqlpool: checkConnLiveness is off: dead connections are found by the validation query only", "pool", p.Settings().Name)
	}
	return p, nil
}

// Wrap makes a pool of the connections of db, whatever is wrapped around its driver. While the pool lives db's own limits are
// lifted (any number open, none idle, no lifetimes), which is logged, so that the pool's govern; use the pool, not db, for
// statements. When the pool is closed db is as it was, limits included, and still open.
//
// A db that another pool wraps, or that [Open] made, is an error. Unless named otherwise the pool is called mysql: give two of them names
// of their own. Rows and
// transactions that a borrower left open keep a connection whose driver is wrapped by others open until they are closed.
func Wrap(ctx context.Context, db *sql.DB, opts ...Option) (*Pool, error) {
	if db == nil {
		return nil, errors.New("mysqlpool: wrap: db is nil")
	}
	s, rest, err := readSettings("mysql", opts)
	if err := errors.Join(err, s.refuseSessionOptions(), s.refuseCredentials()); err != nil {
		return nil, fmt.Errorf("mysqlpool: wrap: %w", err)
	}
	if err := claim(db); err != nil {
		return nil, fmt.Errorf("mysqlpool: wrap: %w", err)
	}
	before := limitsOf(db)
	takeOver(db)
	giveBack := func() {
		before.apply(db)
		unclaim(db)
	}
	p, err := start(ctx, db, s, rest)
	if err != nil {
		giveBack()
		return nil, fmt.Errorf("mysqlpool: wrap: %w", err)
	}
	p.leave = sync.OnceValue(func() error { giveBack(); return nil }) // later they are the user's again
	w := p.Settings()
	w.Logger.Info("mysqlpool: took over the limits of the wrapped sql.DB until the pool is closed", "pool", w.Name,
		"max_open", before.maxOpen, "max_idle", before.maxIdle, "max_lifetime", before.maxLifetime,
		"max_idle_time", before.maxIdleT, "guessed", before.guessed)
	return p, nil
}

// Close closes the pool as [weir.Pool.Close] does, then gives a wrapped DB its limits back, or closes a DB of its own.
func (p *Pool) Close(ctx context.Context) error {
	err := p.Pool.Close(ctx)
	if _, forced := errors.AsType[*weir.CloseError](err); err != nil && !forced {
		return err // it was nil, or another Close is still at it
	}
	return errors.Join(err, p.leave())
}

// Settings returns what the pool was made with.
func (p *Pool) Settings() weir.Settings { return p.made }

// Warnings lists what the comparison with the server found at the first connection: too small a max_connections, too short a
// wait_timeout. The same was logged.
func (p *Pool) Warnings() []string { return p.maker.adviser.warnings() }

// HandshakeStatements lists what runs on a connection from its opening until it is lent for the first time: the statements of the
// driver, as far as its configuration tells (nothing is known of a wrapped DB's), and those of the pool, which check it. On the first connection
// to a server of another kind than expected some are repeated in another form; with [WithReset] it is also reset once, to try whether it can be.
func (p *Pool) HandshakeStatements() []string {
	return append(slices.Clone(p.driver), p.maker.statements()...)
}

// LeftTransactions is how many transactions borrowers left open. Each was rolled back before its connection was lent again, or its
// connection was closed, and the line that had borrowed it was logged.
func (p *Pool) LeftTransactions() uint64 { return p.maker.left.Load() }

func refuseRejectReadOnly(cfg *mysql.Config) error {
	if cfg.RejectReadOnly {
		return errors.New("rejectReadOnly: true: limit is false; roles are checked by WithRole")
	}
	return nil
}

func readSettings(name string, opts []Option) (settings, []Option, error) {
	s := defaultSettings()
	rest, errs := weir.AdapterOptions(opts, &s)
	rest = append(defaultOptions(name), rest...)
	_, err := weir.ReadSettings(rest...)
	return s, rest, errors.Join(append(errs, err)...)
}

func coreOptions(opts []Option) []Option {
	var s settings
	rest, _ := weir.AdapterOptions(opts, &s)
	return rest
}

// start makes the pool.
func start(ctx context.Context, db *sql.DB, s settings, opts []Option) (*Pool, error) {
	w, err := weir.ReadSettings(opts...)
	if err != nil {
		return nil, err
	}
	m := newMaker(db, s, w)
	pool, err := newPool(ctx, m.factory(), w, opts)
	if err != nil {
		return nil, err
	}
	return &Pool{Pool: pool, maker: m, made: w}, nil
}

// driverLog sends the driver's messages, which repeat what its errors say, to the pool's log.
type driverLog struct{ log *slog.Logger }

func (d driverLog) Print(v ...any) { d.log.Debug("mysqlpool: driver: " + fmt.Sprint(v...)) }
