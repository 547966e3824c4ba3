package embedded

import (
	"context"
	"sync"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"
	"github.com/dolthub/vitess/go/sqltypes"
	querypb "github.com/dolthub/vitess/go/vt/proto/query"
)

// handler stands between the protocol and the engine's own handler. For one connection its methods are called one
// at a time, in the order of the client's commands.
type handler struct {
	mysql.Handler // the engine's
	engine        *sqle.Engine
	clients       *clients
	data          *Data
	newSession    server.SessionBuilder
	identity      identity

	// running is held while a statement touches tables and while the role changes, so that no write is under way
	// with the old role once the change returns. The turn of data is taken first.
	running sync.Mutex
}

func newHandler(cfg Config, engine *sqle.Engine, open *clients) *handler {
	return &handler{
		engine:     engine,
		clients:    open,
		data:       cfg.Data,
		newSession: memory.NewSessionBuilder(cfg.Data.provider),
		identity:   identity{name: cfg.Name, maxConnections: cfg.MaxConnections},
	}
}

func (h *handler) wrap(inner mysql.Handler) (mysql.Handler, error) {
	h.Handler = inner
	return h, nil
}

func (h *handler) role() Role {
	if h.engine.ReadOnly.Load() {
		return Replica
	}
	return Primary
}

func (h *handler) setRole(role Role) {
	h.running.Lock()
	defer h.running.Unlock()
	h.engine.ReadOnly.Store(role == Replica)
}

// buildSession is the engine's server.SessionBuilder: it runs on a connection's first command and on each reset.
func (h *handler) buildSession(ctx context.Context, c *mysql.Conn, addr string) (sql.Session, error) {
	session, err := h.newSession(ctx, c, addr)
	if err != nil {
		return nil, err
	}
	cl := clientOf(c)
	h.release(cl) // a reset ends the old session's transaction
	cl.session, cl.role = session, h.role()
	if err := h.identity.show(session); err != nil {
		return nil, err
	}
	return session, showRole(session, cl.role)
}

// NewConnection implements mysql.Handler.
func (h *handler) NewConnection(c *mysql.Conn) {
	c.ClientData = h.clients.name(c.Conn, c.ConnectionID)
	h.Handler.NewConnection(c)
}

// ConnectionClosed implements mysql.Handler.
func (h *handler) ConnectionClosed(c *mysql.Conn) {
	h.Handler.ConnectionClosed(c)
	h.release(clientOf(c))
	h.clients.remove(clientOf(c).conn)
}

// ComQuery implements mysql.Handler.
func (h *handler) ComQuery(ctx context.Context, c *mysql.Conn, query string, send mysql.ResultSpoolFn) error {
	return h.run(ctx, c, query, func() error { return h.Handler.ComQuery(ctx, c, query, send) })
}

// ComMultiQuery implements mysql.Handler.
func (h *handler) ComMultiQuery(ctx context.Context, c *mysql.Conn, query string, send mysql.ResultSpoolFn) (string, error) {
	var rest string
	err := h.run(ctx, c, query, func() (err error) {
		rest, err = h.Handler.ComMultiQuery(ctx, c, query, send)
		return err
	})
	return rest, err
}

// ComPrepare implements mysql.Handler.
func (h *handler) ComPrepare(ctx context.Context, c *mysql.Conn, query string, p *mysql.PrepareData) ([]*querypb.Field, error) {
	var fields []*querypb.Field
	err := h.guard(c, readStatement(query), func() (err error) {
		fields, err = h.Handler.ComPrepare(ctx, c, query, p)
		return asMySQL(err)
	})
	return fields, err
}

// ComStmtExecute implements mysql.Handler.
func (h *handler) ComStmtExecute(ctx context.Context, c *mysql.Conn, p *mysql.PrepareData, send func(*sqltypes.Result) error) error {
	return h.run(ctx, c, p.PrepareStmt, func() error { return h.Handler.ComStmtExecute(ctx, c, p, send) })
}

// run executes one statement as a MySQL server of the current role would.
func (h *handler) run(ctx context.Context, c *mysql.Conn, query string, execute func() error) error {
	st, cl := readStatement(query), clientOf(c)
	return h.guard(c, st, func() error {
		err := h.showNewRole(cl)
		switch {
		case err != nil:
			return err
		case st.verb == "COMMIT" && cl.wrote && h.role() == Replica:
			err = errRefused() // the engine would commit
		default:
			err = asMySQL(execute())
		}
		if isRefused(err) && cl.inTransaction() {
			// A demoted server rolls the transaction back; were it left open, the next borrower would be in it.
			if h.Handler.ComQuery(ctx, c, "ROLLBACK", discard) != nil {
				cl.kill()
			}
		}
		cl.wrote = cl.wrote || err == nil && st.touchesTables() && st.writes()
		return err
	})
}

// guard gives a statement that touches tables the turn of the data, which it keeps to the end of its transaction.
func (h *handler) guard(c *mysql.Conn, st statement, do func() error) error {
	cl := clientOf(c)
	if st.touchesTables() && !cl.holds {
		if err := h.data.take(cl.killed); err != nil {
			return err
		}
		cl.holds = true
	}
	if cl.holds {
		h.running.Lock()
		defer h.running.Unlock()
	}
	err := do()
	if !cl.inTransaction() {
		cl.endImplicit()
		h.release(cl)
	}
	return err
}

func (h *handler) release(cl *client) {
	if cl.holds {
		h.data.pass()
	}
	cl.holds, cl.wrote = false, false
}

// showNewRole brings the variables of a session up to date. Only the connection's own goroutine may touch them, so a
// change of role leaves it to each client's next statement.
func (h *handler) showNewRole(cl *client) error {
	role := h.role()
	if cl.session == nil || cl.role == role {
		return nil
	}
	cl.role = role
	return showRole(cl.session, role)
}

func discard(*sqltypes.Result, bool) error { return nil }
