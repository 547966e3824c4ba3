package sessiontest_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// With MySQL's two passwords an account is rotated without a moment in which either side is wrong: the new one is added, handed out, and the
// old one dropped. No call fails, and no login does.
func TestRotationWithRetainedPasswordsRefusesNoLogin(t *testing.T) {
	labtest.Only(t, lab.MySQL, "MariaDB has no RETAIN CURRENT PASSWORD")
	ctx := within(t, time.Minute)
	v := &vault{srv: start(t, lab.Config{})}
	first := "app"
	v.now.Store(&first)
	db, c := open(t, v.srv.DSN("nobody", "app"), mysqlpool.WithCredentials(v.credentials), weir.WithMaxOpen(8), weir.WithMinIdle(4))
	var calls atomic.Int64
	var all sync.WaitGroup
	stop := make(chan struct{})
	for caller := range 8 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if caller == 0 { // its KILL QUERY may need a login
					short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
					if err := readAll(short, db, "SELECT SLEEP(60)"); short.Err() == nil {
						t.Errorf("the call to be killed: %v", err)
					}
					cancel()
					continue
				}
				var n int64
				if err := db.QueryRowContext(ctx, "SELECT ? + SLEEP(0.002)", 7).Scan(&n); err != nil || n != 7 {
					t.Errorf("%d, %v", n, err)
				}
				calls.Add(1)
			}
		})
	}
	for _, password := range []string{"second", "third", "fourth"} {
		admin(t, v.srv, "ALTER USER app@'%' IDENTIFIED BY '"+password+"' RETAIN CURRENT PASSWORD")
		renew := func() {
			c.EvictAll()
			done, opened := calls.Load(), c.Stats().Opened
			until(ctx, t, "the calls go on over new connections", func() bool {
				return calls.Load() > done+100 && c.Stats().Opened > opened && c.Stats().Opening == 0
			})
		}
		renew() // logins with the old one
		v.now.Store(&password)
		renew() // and with the new one
		admin(t, v.srv, "ALTER USER app@'%' DISCARD OLD PASSWORD")
	}
	close(stop)
	all.Wait()
	if s := c.Stats(); s.OpenFails != 0 || c.Sessions().Cuts != 0 {
		t.Errorf("%d logins failed, the last with %v; %d statements were cut instead of killed; want none", s.OpenFails, s.LastOpenError, c.Sessions().Cuts)
	}
	t.Logf("%d calls, %d logins, %d kills", calls.Load(), c.Stats().Opened, c.Sessions().Kills)
}
