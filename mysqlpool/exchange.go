package mysqlpool

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir/internal/sqltext"
)

// exchange does all that goes over the wire for one attempt of a command. It touches the backend and the call, and nothing of the session:
// its caller may have left. The driver is not given the caller's context: it would close the connection when that ends.
func (b *backend) exchange(c *call) {
	b.use.Lock()
	defer b.use.Unlock()
	if b.closed || !b.sound() { // it was closed by force
		c.err = driver.ErrBadConn
		return
	}
	returned := false
	defer func() {
		if !returned { // it panicked, in a reader of LOAD DATA for example, and the connection is in the middle of something
			b.spoilt, c.err = true, mysql.ErrInvalidConn
		}
	}()
	ctx := context.Background()
	c.err = b.ready(ctx, c)
	if c.err == nil {
		c.err = c.ownNumber(ctx, b)
	}
	b.sent.Store(c.err == nil) // before the context is looked at: whoever leaves later must not take it for unsent
	if c.err == nil && c.ctx.Err() != nil && !c.rollsBackTx() {
		b.sent.Store(false)
		c.err = &lateError{c.ctx.Err()}
	}
	if c.err == nil {
		c.err = b.perform(ctx, c)
	}
	if b.birth.interrupted(c.err) {
		c.unsure, b.spoilt = c.sent, b.spoilt || c.depends
	}
	if isServerError(c.err) && c.stale() && b.refresh(c) != nil {
		b.spoilt = true
	}
	returned = true
}

// perform sends the command and reads the beginning of its rows.
func (b *backend) perform(ctx context.Context, c *call) error {
	began := c.con.clock()
	c.sent = true
	err := b.send(ctx, c)
	c.trail.sent(c, b, err)
	if err == nil && c.result == nil && c.inner != nil {
		err = b.fetch(ctx, c)
	}
	c.timedOut = c.con.timedOut(began)
	if err == nil || isServerError(err) { // what was refused may have set it before
		c.keepNumber(ctx, b)
	}
	return err
}

// ready gives the backend the session's state, and reads what the statement is about to change for the first time.
func (b *backend) ready(ctx context.Context, c *call) error {
	c.changes = c.st.Changes
	if b.strange != 0 {
		return nil // it is pinned, and stays as the session made it
	}
	wanted := c.want
	if c.st.Kind == sqltext.Use {
		wanted = b.states.in(wanted, b.state.defaultSchema()) // that of the session may be gone
	}
	if b.state != wanted {
		if err := b.replay(ctx, wanted); err != nil {
			return err
		}
		c.con.counters.replays.Add(1)
	}
	if c.st.Kind == sqltext.Set {
		var err error
		if c.changes, err = b.settled(ctx, c.st.Changes); err != nil {
			return err
		}
		if err := b.learnPristine(ctx, b.states.with(c.want, c.changes)); err != nil && !isUnknownVariable(err) {
			return err // a variable that does not exist is for the server to refuse
		}
		return b.replay(ctx, c.want)
	}
	return nil
}

// send hands the command to the driver.
func (b *backend) send(ctx context.Context, c *call) (err error) {
	b.uses++
	b.numbered = b.numbered && !c.st.Leaves.Has(stickyID) && !c.st.Opaque
	switch c.do {
	case pings:
		return b.conn.Ping(ctx)
	case begins:
		_, err = b.conn.BeginTx(ctx, c.opts) // what ends it is as good as a text
		return err
	case endsTx:
		_, err = b.conn.ExecContext(ctx, c.text, nil)
		return err
	case prepares:
		c.inputs, err = b.inputs(ctx, c)
		return err
	case pinsOnly:
		return nil
	}
	if len(c.args) > 0 || c.named {
		return b.sendWithArguments(ctx, c)
	}
	if c.do == execs {
		c.result, err = b.conn.ExecContext(ctx, c.text, nil)
		return err
	}
	c.inner, err = b.conn.QueryContext(ctx, c.text, nil)
	return err
}

// sendWithArguments lets the driver put them into the text, if it was told to, or uses a prepared statement.
func (b *backend) sendWithArguments(ctx context.Context, c *call) (err error) {
	if c.con.interpolate && !c.named {
		if c.do == execs {
			c.result, err = b.conn.ExecContext(ctx, c.text, c.args)
		} else {
			c.inner, err = b.conn.QueryContext(ctx, c.text, c.args)
		}
		if !errors.Is(err, driver.ErrSkip) {
			return err
		}
		c.inner = nil
	}
	return b.execute(ctx, c)
}

// fetch makes rows of what the backend has begun to send, and reads ahead as far as rows are buffered. What ends within that, in an error
// too, is closed: the backend has no more to send.
func (b *backend) fetch(ctx context.Context, c *call) error {
	inner, ok := c.inner.(driverRows)
	if !ok {
		return fmt.Errorf("mysqlpool: rows of type %T lack interfaces that go-sql-driver's have", c.inner)
	}
	r := &rows{inner: inner, columns: inner.Columns(), once: c.once}
	c.rows = r
	ended, err := r.ahead.read(inner, len(r.columns), c.con.rowLimit, c.con.byteLimit)
	switch {
	case err == nil && !ended && c.unproved:
		err = c.con.lostTrail(c.asks())
	case err == nil && !ended:
		r.more, c.streams, b.streams = true, true, true
		return nil
	case err == nil && inner.HasNextResultSet():
		c.streams, b.streams = true, true
		return nil
	}
	if err == nil {
		err = c.prove(ctx, b, inner)
	}
	closing := r.closeInner()
	if err == nil {
		err = closing
	}
	return err
}

// stale reports whether the status flags may not be true any more after an error: it does not bring new ones, and what was refused may have
// begun or ended a transaction. A plain statement has not.
func (c *call) stale() bool {
	if !c.sent {
		return false
	}
	switch c.st.Kind {
	case sqltext.Read, sqltext.Share, sqltext.Savepoint, sqltext.Use, sqltext.Set, sqltext.Pins:
		return false
	}
	return true
}

// refresh asks the server for its status flags, by the cheapest of its commands, and ends a transaction that a failed COMMIT has left
// open.
func (b *backend) refresh(c *call) error {
	ctx, cancel := context.WithTimeout(context.Background(), cleaningLimit)
	defer cancel()
	b.uses, b.runs = b.uses+1, b.runs+1
	err := b.conn.Ping(ctx)
	if err == nil && c.do == endsTx && c.con.inTransaction(b) {
		err = b.run(ctx, "ROLLBACK")
	}
	return err
}
