package mysqlpool

import (
	"context"
	"time"

	"github.com/weirpool/weir"
)

// behind runs work apart from its caller. It is bounded, and Shutdown waits for it. behind returns false, and does nothing, once
// the connector is closed.
func (c *Connector) behind(work func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.works.Go(work)
	}
	return !c.closed
}

// background is behind, or does the work at once: where the connector is closed it finds its backend closed.
func (c *Connector) background(work func()) {
	if !c.behind(work) {
		work()
	}
}

// putDown discards, behind its caller, a backend that was cut under a statement, when the statement has been killed: until then it counts.
// What it returns takes the lease's place.
func (c *Connector) putDown(lease weir.Lease[*backend], b *backend) (none weir.Lease[*backend]) {
	if c.killTimeout == 0 {
		discard(lease)
		return none
	}
	c.background(func() {
		defer discard(lease)
		ctx, cancel := context.WithTimeout(context.Background(), c.killTimeout)
		defer cancel()
		c.counters.kills.Add(1)
		c.killer.kill(ctx, b.birth.identity, nil) // if it fails the server finds out by itself, when it sends
	})
	return none
}

// discard ends the lease of a backend that is of no use any more, unless the pool has taken it back.
func discard(lease weir.Lease[*backend]) {
	if lease.Valid() {
		lease.Discard()
	}
}

// giveBack ends a lease, with the worst error of its statements.
func (c *Connector) giveBack(lease weir.Lease[*backend], b *backend, worst error) {
	if !lease.Valid() {
		return // the pool was closed by force
	}
	b.usedAt = time.Now()
	if l := b.state.labels(); l != b.labelled {
		b.labelled = l
		lease.Label(l)
	}
	if worst != nil {
		lease.Finish(worst)
		return
	}
	lease.Release()
}

// cleaningLimit bounds the cleaning of one backend. It is out of the pool meanwhile.
const cleaningLimit = 2 * time.Second

// resetAndRelease gives back what had been pinned, clean.
func (c *Connector) resetAndRelease(lease weir.Lease[*backend], b *backend, worst error) {
	ctx, cancel := context.WithTimeout(context.Background(), cleaningLimit)
	defer cancel()
	c.counters.resets.Add(1)
	if c.source.reset(ctx, b) != nil {
		c.counters.resetFails.Add(1)
		discard(lease)
		return
	}
	c.giveBack(lease, b, worst)
}

// rollBackAndRelease gives back what had a transaction open.
func (c *Connector) rollBackAndRelease(lease weir.Lease[*backend], b *backend, worst error) {
	ctx, cancel := context.WithTimeout(context.Background(), cleaningLimit)
	defer cancel()
	c.counters.rollbacks.Add(1)
	if b.rollback(ctx) != nil {
		discard(lease)
		return
	}
	c.giveBack(lease, b, worst)
}
