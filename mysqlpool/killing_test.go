package mysqlpool_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

// Whatever the server refuses new connections for, TLS that it requires since a while (3159) for example: an idle backend is let in already.
func TestKillGoesOverAnIdleBackendWhereDialsAreRefused(t *testing.T) {
	for _, number := range []uint16{1040, 1203, 1226, 1045, 3159} {
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
				con, err := mysqlpool.NewConnector(t.Context(), configOf(s), quiet(), weir.WithMaxOpen(2), weir.WithMinIdle(2))
				if err != nil {
					t.Fatal(err)
				}
				db := con.OpenDB()
				defer db.Close()
				s.FailConnects(mysqltest.NewError(number))
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				if _, err := db.ExecContext(ctx, "SELECT SLEEP(60)"); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error = %v", err)
				}
				synctest.Wait()
				if got := con.Sessions(); got.Kills == 0 || got.Cuts != 0 {
					t.Errorf("kills = %d, cuts = %d, want at least one and 0", got.Kills, got.Cuts)
				}
				if n := s.Stats().Open; n != 2 {
					t.Errorf("%d connections are open, want the 2 backends", n)
				}
			})
		})
	}
}
