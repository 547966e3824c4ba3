package sessiontest_test

import (
	"context"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// An error names the pool, and the option that set the limit.
func TestErrorsNameTheOptionThatLimits(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, err := mysqlpool.Open(ctx, database(t), weir.WithMaxOpen(2), weir.WithMinIdle(2), weir.WithName("orders"), mysqlpool.WithMaxPinned(1), weir.WithMaxWait(20*time.Millisecond),
		mysqlpool.WithDrainTimeout(30*time.Millisecond))
	must(t, err)
	pinned, other := hold(ctx, t, db), hold(ctx, t, db)
	exec(ctx, t, pinned, "SET @a = 1")
	_, err = other.ExecContext(ctx, "SET @a = 1")
	wantCause(t, "a second pin", err, weir.ErrExhausted)
	contains(t, "a second pin", err.Error(), `pool "orders": no more sessions can be pinned (user variable): 1 of 1 are (WithMaxPinned)`)
	exec(ctx, t, other, "BEGIN")
	err = db.Close()
	wantCause(t, "Close under a transaction", err, context.DeadlineExceeded)
	contains(t, "Close under a transaction", err.Error(), "WithDrainTimeout of 30ms has passed: context deadline exceeded")
}
