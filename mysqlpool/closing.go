package mysqlpool

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Close closes the pool, waiting for sessions that hold a backend as long as [WithDrainTimeout] says. It is what sql.DB.Close calls.
func (c *Connector) Close() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), c.drainTimeout,
		fmt.Errorf("WithDrainTimeout of %v has passed: %w", c.drainTimeout, context.DeadlineExceeded))
	defer cancel()
	return c.Shutdown(ctx)
}

// Shutdown closes the pool: new statements fail with [weir.ErrClosed], those under way and open transactions may end until ctx does,
// then their backends are closed under them and a [*weir.CloseError] says how many and who has them. A session that only holds a backend,
// pinned and idle, loses it at once. Where sessions are still in use 0.1 s after that, a [*SessionsInUseError] tells whose.
func (c *Connector) Shutdown(ctx context.Context) error {
	c.pins.close()
	c.checkouts.close()
	c.askers.end()
	c.closing.Store(true)
	ended := make(chan error, 1)
	go func() { ended <- c.pool.Close(ctx) }()
	err := c.awaitClose(ended)
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.works.Wait() // each is bounded, and finds its backend closed
	c.killer.close()
	if held := c.checkouts.left(ctx); held != nil {
		return errors.Join(err, held)
	}
	return err
}

// idleLook is how often a closing connector looks for backends that are held by idle sessions.
const idleLook = 20 * time.Millisecond

// awaitClose takes back what idle sessions hold until the pool is closed.
func (c *Connector) awaitClose(ended <-chan error) error {
	look := time.NewTicker(idleLook)
	defer look.Stop()
	for {
		c.pool.Reclaim(c.heldIdle)
		select {
		case err := <-ended:
			return err
		case <-look.C:
		}
	}
}

// heldIdle reports whether a lent backend has nothing under way, and makes it useless for its holder if so.
func (c *Connector) heldIdle(b *backend) bool {
	if !b.use.TryLock() {
		return false
	}
	defer b.use.Unlock()
	if b.streams || c.blind() || c.inTransaction(b) {
		return false
	}
	b.sever()
	return true
}
