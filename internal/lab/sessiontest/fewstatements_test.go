package sessiontest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
)

// Where the server allows one prepared statement for each backend and refuses more (1461), texts take turns. Where it allows none the
// application gets that error.
func TestFewPreparedStatementsAreShared(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	srv := start(t, lab.Config{Args: []string{"--max-prepared-stmt-count=3"}})
	db, c := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(3), weir.WithMinIdle(3), weir.WithMaxWait(time.Minute))
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			for i := range 50 {
				var sum int
				query := fmt.Sprintf("SELECT ? + %d", i%7)
				if err := db.QueryRowContext(ctx, query, caller).Scan(&sum); err != nil || sum != caller+i%7 {
					t.Errorf("%s of %d: %d, %v", query, caller, sum, err)
				}
			}
		})
	}
	callers.Wait()
	if s := c.Sessions().Statements; s.Evictions == 0 {
		t.Errorf("%+v, want statements that were given up", s)
	}
	must(t, srv.SetGlobal(ctx, "max_prepared_stmt_count", 0))
	c.EvictAll()
	var sum int
	if err := db.QueryRowContext(ctx, "SELECT ? + 1", 1).Scan(&sum); number(err) != 1461 {
		t.Errorf("without any: %d, %v, want error 1461", sum, err)
	}
}
