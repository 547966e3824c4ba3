package mysqlpool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/weirpool/weir"
)

// A borrower of a *sql.Conn can leave things on it. What database/sql has still in hand, a statement, rows or a transaction of BeginTx, is
// given a moment to end: a transaction whose context has ended is rolled back in a goroutine of database/sql. If it does not end the
// connection is closed, because the borrower's *sql.Tx could otherwise roll back the next one's transaction. A transaction of a plain
// BEGIN shows in the server's status flags and is rolled back. With WithReset the rest of the session goes, too.

var errLeftOpen = errors.New("mysqlpool: a statement, rows or a transaction of the last borrower is still open on the connection")

// dirty looks at a connection that was given back.
func (m *maker) dirty(conn *sql.Conn) bool {
	if !m.door.free(conn) {
		return true
	}
	left := false
	return !m.door.enter(conn, func(dc any) { left = m.inTransaction(dc) }) || left
}

// clean ends what the last borrower left.
func (m *maker) clean(ctx context.Context, conn *sql.Conn, by weir.Holder) error {
	if !m.vacated(ctx, conn) {
		m.door.enter(conn, func(dc any) {
			if m.inTransaction(dc) {
				m.leftOpen(by)
			}
		})
		return errLeftOpen
	}
	fresh := m.backendOf(conn)
	return conn.Raw(func(dc any) error {
		left := m.inTransaction(dc)
		if left {
			m.leftOpen(by)
		}
		switch {
		case fresh != nil:
			return m.fresh.reset(ctx, fresh)
		case left:
			return m.rollBack(ctx, dc)
		}
		return nil
	})
}

// vacated waits, no longer than probeLimit, until database/sql has nothing in hand on the connection any more. Its lock can only be
// tried: who waits for it keeps others from it, those included who are to end what is in hand.
func (m *maker) vacated(ctx context.Context, conn *sql.Conn) bool {
	if m.door.free(conn) || m.door.shut.Load() {
		return true
	}
	dead := false
	m.door.enter(conn, func(dc any) { dead = lookAt(dc) != nil })
	if dead { // or there are rows that nobody has read
		return false
	}
	late := time.NewTimer(probeLimit)
	defer late.Stop()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if m.door.free(conn) {
				return true
			}
		case <-late.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// leftOpen counts and names a borrower who left a transaction open.
func (m *maker) leftOpen(by weir.Holder) {
	m.left.Add(1)
	w := m.adviser.pool
	w.Logger.Warn("mysqlpool: a borrower left a transaction open; it is rolled back", "pool", w.Name,
		"borrowed_at", by.Site(), "age", by.Age, "note", by.Note)
}

// inTransaction reports whether the server has said that a transaction is open. Of a connection that others have wrapped, or that is
// closed, it cannot be told.
func (m *maker) inTransaction(dc any) bool {
	field := m.status.Load()
	c, err := plainPhysical(dc)
	return field != nil && err == nil && c.IsValid() && statusOf(c, *field)&flagInTransaction != 0
}

func (m *maker) rollBack(ctx context.Context, dc any) error {
	c, err := plainPhysical(dc)
	if err != nil {
		return err
	}
	if _, err := c.ExecContext(ctx, "ROLLBACK", nil); err != nil {
		return err
	}
	if m.inTransaction(dc) {
		return errLeftOpen
	}
	return nil
}

// learnStatus finds where the driver keeps the status flags, once. That they show autocommit, which was asked for, proves it; a server
// that has it switched off is tried with a transaction.
func (m *maker) learnStatus(ctx context.Context, conn *sql.Conn) error {
	if m.status.Load() != nil {
		return nil
	}
	return conn.Raw(func(dc any) error {
		c, err := plainPhysical(dc)
		if err != nil {
			return nil // it cannot be told
		}
		field := statusField(c)
		if field != noStatus && statusOf(c, field)&flagAutocommit == 0 {
			field, err = proveStatus(ctx, c)
		}
		if field != noStatus {
			m.status.Store(&field)
		}
		return err
	})
}

// plainPhysical is a connection of go-sql-driver with nothing around it.
func plainPhysical(dc any) (physical, error) {
	c, ok := dc.(driver.Conn)
	if !ok || !plain(c) {
		return nil, fmt.Errorf("mysqlpool: the driver's connection is of type %T: limit is go-sql-driver/mysql's own, with nothing around it", dc)
	}
	return asPhysical(c)
}

// WithReset resets the session of a connection (COM_RESET_CONNECTION) when it was given back and before it is lent again: variables,
// temporary tables, locks, prepared statements, the default database and the role are what they were when it was opened. It is for [New] and
// [Wrap]; sessions of [Open] are reset anyway. It costs three or more round trips for each use, while the connection counts as being
// checked. A connection that cannot be reset is closed. On MySQL a reset leaves the resource group that SET RESOURCE GROUP has chosen.
//
// It needs go-sql-driver/mysql's own connections, without compression, and a server without init_connect: otherwise New and Wrap fail.
// Default off.
func WithReset() Option {
	return option("WithReset", func(s *settings) error { s.reset = true; return nil })
}

func (s *settings) refuseReset() error {
	if s.reset {
		return errors.New("WithReset: this option is for New and Wrap: sessions of Open are reset without it")
	}
	return nil
}

// makeReady prepares a connection whose session is to be reset.
func (m *maker) makeReady(ctx context.Context, conn *sql.Conn) (b *backend, err error) {
	err = conn.Raw(func(dc any) error {
		c, err := plainPhysical(dc)
		if err != nil {
			return &permanentError{fmt.Errorf("WithReset: %w; leave WithReset out, or use a DB without instrumentation", err)}
		}
		cfg := configOf(c)
		if cfg == nil {
			return &permanentError{errors.New("WithReset: this version of go-sql-driver/mysql keeps its configuration elsewhere: leave WithReset out")}
		}
		if compressed(c) {
			return &permanentError{errors.New("WithReset: the connection is compressed: leave WithReset out, or compress out of the DSN")}
		}
		m.knowOnce.Do(func() { m.fresh.know(cfg) })
		b = &backend{states: m.fresh.states, conn: c}
		err = m.fresh.ready(ctx, b)
		if err == nil && m.fresh.resets.Load() != resetsWork {
			err = m.fresh.reset(ctx, b)
		}
		if errors.Is(err, errNoReset) {
			return &permanentError{errors.New("WithReset: the server does not reset sessions, or has an init_connect that a reset would undo: leave WithReset out")}
		}
		return err
	})
	return b, err
}

func (m *maker) backendOf(conn *sql.Conn) *backend {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.conns[conn]; c != nil {
		return c.backend
	}
	return nil
}
