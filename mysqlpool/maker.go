package mysqlpool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// A maker makes and judges the connections of one pool that lends *sql.Conn.
type maker struct {
	*judge
	db       *sql.DB
	door     *door
	status   atomic.Pointer[int] // the field of the status flags; nil: not known
	left     atomic.Uint64       // transactions that borrowers left open
	fresh    *source             // what resets sessions; nil without WithReset
	knowOnce sync.Once           // for what it has to know of the driver's configuration

	mu    sync.Mutex // guards the field below
	conns map[*sql.Conn]*connection
}

// A connection is what is known of one *sql.Conn beside itself.
type connection struct {
	socket  socket
	flavour *flavour
	backend *backend // nil without WithReset
}

func newMaker(db *sql.DB, s settings, w weir.Settings) *maker {
	m := &maker{db: db, door: findDoor(), conns: map[*sql.Conn]*connection{}}
	if !s.reset {
		j := newJudge(s, w)
		m.judge = &j
		return m
	}
	m.fresh = sourceOver(nil, s, w)
	m.fresh.counters, m.judge = new(counters), &m.fresh.judge
	return m
}

func (m *maker) factory() weir.Factory[*sql.Conn] {
	f := weir.Factory[*sql.Conn]{Open: m.open, Close: m.close, Check: m.check, Probe: m.probe, Dirty: m.dirty, Clean: m.clean, Classify: m.verdict}
	if m.fresh != nil {
		f.Dirty = nil // each one is cleaned
	}
	return f
}

// open dials, shakes hands and makes the session ready, all under the deadline of ctx.
func (m *maker) open(ctx context.Context) (*sql.Conn, error) {
	c := &connection{}
	conn, err := m.db.Conn(context.WithValue(ctx, socketKey{}, &c.socket))
	if err != nil {
		return nil, m.failedOpen(err)
	}
	if err := m.setUp(ctx, conn, c); err != nil {
		closeForGood(conn) // adds nothing to why
		return nil, m.failedOpen(err)
	}
	m.door.prove(conn)
	m.opened(c.flavour)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns[conn] = c
	return conn, nil
}

// setUp makes the session ready, and learns what can be told of it.
func (m *maker) setUp(ctx context.Context, conn *sql.Conn, c *connection) (err error) {
	if m.fresh != nil {
		if c.backend, err = m.makeReady(ctx, conn); err == nil {
			c.flavour = c.backend.flavour
		}
	} else {
		c.flavour, _, err = m.prepare(ctx, pooled{conn})
	}
	if err != nil {
		return err
	}
	return m.learnStatus(ctx, conn)
}

func (m *maker) check(ctx context.Context, conn *sql.Conn) error {
	m.mu.Lock()
	c := m.conns[conn]
	m.mu.Unlock()
	if c == nil {
		return sql.ErrConnDone
	}
	return m.judge.check(ctx, pooled{conn}, c.flavour)
}

// cutAfter is how long a close may wait for the statement that still runs on the connection, or for the network to take
// the goodbye, before the connection is cut. Of a wrapped DB's connections the socket is not known, and they are not cut.
const cutAfter = time.Second

func (m *maker) close(conn *sql.Conn) error {
	m.mu.Lock()
	c := m.conns[conn]
	delete(m.conns, conn)
	m.mu.Unlock()
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

// pooled asks through database/sql.
type pooled struct{ *sql.Conn }

func (p pooled) ask(ctx context.Context, query string) ([]sql.NullString, error) {
	rows, err := p.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		return nil, errors.Join(err, rows.Err())
	}
	row := make([]sql.NullString, len(columns))
	into := make([]any, len(row))
	for i := range row {
		into[i] = &row[i]
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	for rows.Next() {
	}
	return row, rows.Err()
}

func (p pooled) run(ctx context.Context, statement string) error {
	_, err := p.ExecContext(ctx, statement)
	return err
}

func (p pooled) mariaDB() (is bool) {
	p.Raw(func(dc any) error { // an error is that of the next statement, too
		is = greetedAsMariaDB(dc)
		return nil
	})
	return is
}
