package mysqlpool

import (
	"context"
	"errors"
	"time"
)

// An ending ends a command whose context has ended, behind its caller: it kills the command until it has returned, and cuts the
// connection if that takes too long, which leaves the command to the server.
type ending struct {
	over chan struct{} // closed when the command has returned and no kill is on its way
	hit  bool          // a kill was sent before the command had returned; read after over
}

// killAgain is the pause before a kill is repeated: it may have come before the statement did.
const killAgain = 5 * time.Millisecond

// end starts the ending of what runs on b. returned is closed when it has returned. Without kills the ending only waits, and cuts when
// patience is over.
func (c *Connector) end(b *backend, returned <-chan struct{}, kills bool, patience time.Duration) *ending {
	e := &ending{over: make(chan struct{})}
	work := func() {
		if !e.settled(c, b, returned, kills, patience) {
			c.counters.cuts.Add(1)
			b.cutNow()
			e.outlast(returned)
			return
		}
		close(e.over)
	}
	if !c.behind(work) { // the connector is closed
		b.cutNow()
		e.outlast(returned)
	}
	return e
}

// endWork starts the ending of what b's worker does.
func (c *Connector) endWork(b *backend, kills bool, patience time.Duration) *ending {
	returned := make(chan struct{})
	go func() { // as long as the worker works
		<-b.worker.done
		close(returned)
	}()
	return c.end(b, returned, kills, patience)
}

// outlast waits until what was cut has returned, apart from all that Shutdown waits for: it may be the user's, a reader of LOAD DATA, or
// somebody who looks at a row and does not go on.
func (e *ending) outlast(returned <-chan struct{}) {
	go func() {
		<-returned
		close(e.over)
	}()
}

// settled waits for the command to return and reports whether the backend can be used again: no kill is on its way that could hit a
// later command.
func (e *ending) settled(c *Connector, b *backend, returned <-chan struct{}, kills bool, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if kills && b.birth.id == "" {
		return false
	}
	if !kills {
		select {
		case <-returned:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for wait := killAgain; ctx.Err() == nil; wait *= 2 {
		select {
		case <-returned:
			return true
		default:
		}
		e.hit = true
		c.counters.kills.Add(1)
		if err := c.killer.kill(ctx, b.birth.identity, returned); err != nil {
			c.killFailed(err)
			return false // it was not answered, or refused
		}
		c.counters.killFails.Store(0)
		pause := time.NewTimer(wait)
		select {
		case <-returned:
			pause.Stop()
			return true
		case <-pause.C:
		case <-ctx.Done():
		}
	}
	return false
}

// killFailed tells why a connection is closed instead of its statement being killed: each doubling of the number in a row, not each one.
func (c *Connector) killFailed(err error) {
	n := c.counters.killFails.Add(1)
	if n&(n-1) != 0 || errors.Is(err, errKillerClosed) {
		return
	}
	c.made.Logger.Warn("mysqlpool: KILL QUERY failed: the connection is closed, and the server may continue with the statement",
		"pool", c.made.Name, "err", err, "failures_in_a_row", n)
}

// killed reports whether a kill may have ended the command.
func (e *ending) killed() bool { return e != nil && e.hit }
