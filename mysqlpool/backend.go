package mysqlpool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// A backend makes and judges the connections of one pool.
type backend struct {
	settings
	db      *sql.DB
	adviser adviser
	door    *door

	mu     sync.Mutex // guards the fields below
	conns  map[*sql.Conn]*connection
	latest *connection // the one opened last
}

// A connection is what is known of one *sql.Conn beside itself.
type connection struct {
	socket  socket
	flavour flavour // guarded by the backend's mu
}

func newBackend(db *sql.DB, s settings, w weir.Settings) *backend {
	return &backend{
		settings: s, db: db, adviser: adviser{settings: s, pool: w}, door: findDoor(), conns: map[*sql.Conn]*connection{},
	}
}

func (b *backend) factory() weir.Factory[*sql.Conn] {
	return weir.Factory[*sql.Conn]{Open: b.open, Close: b.close, Check: b.check, Probe: b.probe, Classify: b.verdict}
}

var errAutocommitOff = errors.New("mysqlpool: autocommit is off on new connections: switch it on in the server or the DSN, or use WithAutocommitUnchecked")

// open dials, shakes hands and makes the session ready, all under the deadline of ctx.
func (b *backend) open(ctx context.Context) (*sql.Conn, error) {
	c := &connection{}
	conn, err := b.db.Conn(context.WithValue(ctx, socketKey{}, &c.socket))
	if err != nil {
		return nil, openError(err)
	}
	if err := b.prepare(ctx, conn, c); err != nil {
		closeForGood(conn) // adds nothing to why
		return nil, openError(err)
	}
	b.door.prove(conn)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conns[conn] = c
	b.latest = c
	return conn, nil
}

// prepare learns what the server is like and sets the session up.
func (b *backend) prepare(ctx context.Context, conn *sql.Conn, c *connection) error {
	var version, autocommit string
	var maxConnections, waitTimeout int64
	if err := queryRow(ctx, conn, b.learnQuery(), &version, &autocommit, &maxConnections, &waitTimeout); err != nil {
		return fmt.Errorf("mysqlpool: learning about the server: %w", err)
	}
	if b.autocommit && !on(autocommit) {
		return &permanentError{errAutocommitOff}
	}
	b.adviser.learned(version, maxConnections, waitTimeout)
	c.flavour = b.guessFlavour(version) // nobody else knows c yet
	if b.sessionSetup != "" {
		if _, err := conn.ExecContext(ctx, b.sessionSetup); err != nil {
			return fmt.Errorf("mysqlpool: session set-up %q: %w", b.sessionSetup, err)
		}
	}
	return nil
}

func (s *settings) learnQuery() string {
	return s.comment() + "SELECT @@version, @@autocommit, @@max_connections, @@wait_timeout"
}

// check asks the server in one round trip whether it is there and, if that matters, what its role is.
func (b *backend) check(ctx context.Context, conn *sql.Conn) error {
	c, f := b.of(conn)
	if c == nil {
		return sql.ErrConnDone
	}
	if b.role == Any || b.validationQuery != "" {
		if err := runAndDrain(ctx, conn, b.query()); err != nil || b.role == Any {
			return err
		}
	}
	a, err := askRole(ctx, conn, f)
	if isUnknownVariable(err) {
		if f, err = b.narrow(ctx, conn, f); err == nil {
			b.learn(c, f)
			a, err = askRole(ctx, conn, f)
		}
	}
	if err != nil {
		return err
	}
	return b.verify(f, a)
}

// of returns what is known of a connection, or nil.
func (b *backend) of(conn *sql.Conn) (*connection, flavour) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.conns[conn]
	if c == nil {
		return nil, flavour{}
	}
	return c, c.flavour
}

func (b *backend) learn(c *connection, f flavour) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.flavour = f
}

// cutAfter is how long a close may wait for the statement that still runs on the connection, or for the network to take
// the goodbye, before the connection is cut. Of a wrapped DB's connections the socket is not known, and they are not cut.
const cutAfter = time.Second

func (b *backend) close(conn *sql.Conn) error {
	b.mu.Lock()
	c := b.conns[conn]
	delete(b.conns, conn)
	b.mu.Unlock()
	if c != nil {
		defer time.AfterFunc(cutAfter, c.socket.cut).Stop()
	}
	return closeForGood(conn)
}

// closeForGood closes the driver's connection instead of giving it back to the *sql.DB, which would first wait for rows and
// transactions that a borrower left open. go-sql-driver's own is therefore closed before; one that others have wrapped is
// closed once, by database/sql, because they may count.
func closeForGood(conn *sql.Conn) error {
	err := conn.Raw(func(dc any) error {
		if c, ok := dc.(driver.Conn); ok && plain(c) {
			c.Close() // fails only to say goodbye to a server that is not there
		}
		return driver.ErrBadConn
	})
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}

// plain reports whether a connection is go-sql-driver's, with nothing around it. Its Close may be called twice.
func plain(c driver.Conn) bool {
	t := reflect.TypeOf(c)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == reflect.TypeFor[mysql.Config]().PkgPath()
}

func queryRow(ctx context.Context, conn *sql.Conn, query string, into ...any) error {
	return conn.QueryRowContext(ctx, query).Scan(into...)
}

func runAndDrain(ctx context.Context, conn *sql.Conn, query string) error {
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}
