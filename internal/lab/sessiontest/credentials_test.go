package sessiontest_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// A vault has the password of the moment. Each rotation changes it on the server first, so that some dials are refused.
type vault struct {
	srv   *lab.Server
	now   atomic.Pointer[string]
	asked atomic.Int64
}

func (v *vault) credentials(context.Context) (string, string, error) {
	v.asked.Add(1)
	return "app", *v.now.Load(), nil
}

func (v *vault) rotate(ctx context.Context, t *testing.T, password string) {
	t.Helper()
	admin(t, v.srv, "ALTER USER app@'%' IDENTIFIED BY '"+password+"'")
	v.now.Store(&password)
}

func TestRotatedCredentialsFailNoCall(t *testing.T) {
	ctx := within(t, 60*time.Second)
	v := &vault{srv: start(t, lab.Config{})}
	v.rotate(ctx, t, "first")
	db, c := open(t, v.srv.DSN("nobody", "app"), mysqlpool.WithCredentials(v.credentials), weir.WithMaxOpen(8), weir.WithMinIdle(4),
		weir.WithMaxWait(30*time.Second), mysqlpool.WithKillTimeout(30*time.Second)) // a busy machine takes long for a login
	const calls, callers = 1000, 16
	var next, failed, kills atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for i := next.Add(1); i <= calls; i = next.Add(1) {
				if i%100 == 0 { // its KILL QUERY may need a dial
					short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
					if err := readAll(short, db, "SELECT SLEEP(60)"); short.Err() == nil {
						t.Errorf("the call to be killed: %v", err)
					}
					cancel()
					kills.Add(1)
					continue
				}
				var n int64
				if err := db.QueryRowContext(ctx, "SELECT ? + SLEEP(0.002)", i).Scan(&n); err != nil || n != i {
					failed.Add(1)
					t.Errorf("call %d: %d, %v", i, n, err)
				}
			}
		})
	}
	rotations := 0
	for ; next.Load() < calls; rotations++ {
		v.rotate(ctx, t, fmt.Sprint("password ", rotations))
		c.EvictAll()
		last := c.Stats().Opened
		until(ctx, t, "somebody has logged in since", func() bool { return c.Stats().Opened > last || next.Load() >= calls })
	}
	all.Wait()
	s := c.Stats()
	t.Logf("%d rotations under %d calls: %d failed, %d asks, %d opens failed, %d killed calls: %+v", rotations, calls, failed.Load(), v.asked.Load(), s.OpenFails, kills.Load(), c.Sessions().Kills)
	if rotations < 5 || s.Opened < 20 {
		t.Errorf("%d rotations, %d opens: the test shows nothing", rotations, s.Opened)
	}
	if cuts := c.Sessions().Cuts; cuts != 0 {
		t.Errorf("%d statements were cut instead of killed", cuts)
	}
}
