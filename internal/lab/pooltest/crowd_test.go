package pooltest_test

import (
	"context"
	"database/sql"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir/mysqlpool"
)

// statementLimit is what a caller of a crowd grants one statement.
const statementLimit = time.Second

// A borrow is what a caller saw of one turn.
type borrow struct {
	begun, lent, ended time.Time // lent is zero where Acquire failed
	acquire, statement error
}

func (b borrow) ok() bool { return b.acquire == nil && b.statement == nil }

func (b borrow) err() error {
	if b.acquire != nil {
		return b.acquire
	}
	return b.statement
}

// waited is how long the caller was in Acquire.
func (b borrow) waited() time.Duration {
	if b.acquire != nil {
		return b.ended.Sub(b.begun)
	}
	return b.lent.Sub(b.begun)
}

// A crowd is callers that borrow, use and return, again and again, until they are sent home.
type crowd struct {
	pool *mysqlpool.Pool
	use  func(context.Context, *sql.Conn) error
	stop chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex // guards the field below
	borrows []borrow
}

// gather makes n callers begin. The test must send them home.
func gather(ctx context.Context, pool *mysqlpool.Pool, n int, use func(context.Context, *sql.Conn) error) *crowd {
	c := &crowd{pool: pool, use: use, stop: make(chan struct{})}
	for range n {
		c.wg.Go(func() { c.call(ctx) })
	}
	return c
}

func (c *crowd) call(ctx context.Context) {
	for {
		select {
		case <-c.stop:
			return
		case <-ctx.Done():
			return
		default:
		}
		b := c.turn(ctx)
		c.mu.Lock()
		c.borrows = append(c.borrows, b)
		c.mu.Unlock()
	}
}

func (c *crowd) turn(ctx context.Context) borrow {
	b := borrow{begun: time.Now()}
	lease, err := c.pool.Acquire(ctx)
	if err != nil {
		b.acquire, b.ended = err, time.Now()
		return b
	}
	b.lent = time.Now()
	short, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	b.statement = c.use(short, lease.Value())
	b.ended = time.Now()
	lease.Finish(b.statement)
	return b
}

// seen returns the borrows so far that match.
func (c *crowd) seen(match func(borrow) bool) []borrow {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []borrow
	for _, b := range c.borrows {
		if match(b) {
			out = append(out, b)
		}
	}
	return out
}

// await waits until at least n borrows match.
func (c *crowd) await(ctx context.Context, t testing.TB, what string, n int, match func(borrow) bool) {
	t.Helper()
	until(ctx, t, what, func() bool { return len(c.seen(match)) >= n })
}

// home ends the callers' work and returns all borrows in the order of their end.
func (c *crowd) home() []borrow {
	close(c.stop)
	c.wg.Wait()
	all := c.seen(func(borrow) bool { return true })
	slices.SortFunc(all, func(a, b borrow) int { return a.ended.Compare(b.ended) })
	return all
}

// goodAfter picks good borrows that began after a time.
func goodAfter(at time.Time) func(borrow) bool {
	return func(b borrow) bool { return b.ok() && b.begun.After(at) }
}

// firstGood returns how long after at the first caller was lent a connection that then worked.
func firstGood(borrows []borrow, at time.Time) time.Duration {
	first := time.Duration(-1)
	for _, b := range borrows {
		if b.ok() && b.lent.After(at) && (first < 0 || b.lent.Sub(at) < first) {
			first = b.lent.Sub(at)
		}
	}
	return first
}
