package mysqlpool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/weirpool/weir"
)

// A backend makes and judges the connections of one pool.
type backend struct {
	settings
	db      *sql.DB
	adviser adviser

	mu     sync.Mutex // guards the fields below
	conns  map[*sql.Conn]*connection
	latest *connection // the one opened last
}

// A connection is what is known of one *sql.Conn beside itself.
type connection struct {
	driver  driver.Conn // what database/sql holds; see [backend.probe]
	socket  socket
	flavour flavour // guarded by the backend's mu
}

func newBackend(db *sql.DB, s settings, w weir.Settings) *backend {
	return &backend{settings: s, db: db, adviser: adviser{settings: s, pool: w}, conns: map[*sql.Conn]*connection{}}
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
	err = conn.Raw(func(dc any) error {
		c.driver, _ = dc.(driver.Conn)
		return nil
	})
	if err == nil {
		err = b.prepare(ctx, conn, c)
	}
	if err != nil {
		closeForGood(conn) // adds nothing to why
		return nil, openError(err)
	}
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

// probe lets the driver look at its socket. A driver that cannot is taken at its word.
//
// It goes to the driver's connection directly: database/sql would wait for whatever the last borrower still runs or has left
// open on it, and the next one must not wait for that.
func (b *backend) probe(conn *sql.Conn) error {
	c, _ := b.of(conn)
	if c == nil {
		return sql.ErrConnDone
	}
	if r, ok := c.driver.(driver.SessionResetter); ok {
		if err := r.ResetSession(context.Background()); err != nil {
			return err
		}
	}
	if v, ok := c.driver.(driver.Validator); ok && !v.IsValid() {
		return driver.ErrBadConn
	}
	return nil
}

// cutAfter is how long a close may wait for the statement that still runs on the connection, or for the network to take
// the goodbye, before the connection is cut.
const cutAfter = time.Second

// close ends a connection. What a borrower left open on it may keep database/sql waiting, but not the connection alive.
func (b *backend) close(conn *sql.Conn) error {
	b.mu.Lock()
	c := b.conns[conn]
	delete(b.conns, conn)
	b.mu.Unlock()
	if c != nil {
		defer time.AfterFunc(cutAfter, func() {
			if !c.socket.cut() {
				c.driver.Close() // of a wrapped DB's connection the socket is not known
			}
		}).Stop()
	}
	return closeForGood(conn)
}

// closeForGood closes the driver's connection instead of giving it back to the *sql.DB.
func closeForGood(conn *sql.Conn) error {
	err := conn.Raw(func(any) error { return driver.ErrBadConn })
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
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
