package mysqlpool_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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

// crowdedOut opens two backends of which one is held by a transaction, has the server refuse new connections, and cancels a statement on
// the other one.
func crowdedOut(t *testing.T, s *mysqltest.Server, number uint16, log *slog.Logger, then func(con *mysqlpool.Connector, held *sql.Tx)) {
	t.Helper()
	con, err := mysqlpool.NewConnector(t.Context(), configOf(s), weir.WithLogger(log), weir.WithMaxOpen(2), weir.WithMinIdle(2))
	if err != nil {
		t.Fatal(err)
	}
	db := con.OpenDB()
	defer db.Close()
	held, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Rollback()
	s.FailConnects(mysqltest.NewError(number))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := db.ExecContext(ctx, "SELECT SLEEP(60)"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v", err)
	}
	then(con, held)
}

// A connection that is cut could not be replaced: the kill waits for a backend that becomes idle.
func TestKillWaitsForAnIdleBackendWhereDialsAreRefused(t *testing.T) {
	for _, number := range []uint16{1040, 1129, 1045, 3159} {
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
				crowdedOut(t, s, number, slog.New(slog.DiscardHandler), func(con *mysqlpool.Connector, held *sql.Tx) {
					time.Sleep(time.Second) // the kill has three
					dials := s.Stats().Dials
					if err := held.Commit(); err != nil {
						t.Fatal(err)
					}
					time.Sleep(100 * time.Millisecond)
					if got := con.Sessions(); got.Kills == 0 || got.Cuts != 0 {
						t.Errorf("kills = %d, cuts = %d, want at least one and 0", got.Kills, got.Cuts)
					}
					if n := s.Stats().Open; n != 2 {
						t.Errorf("%d connections are open, want the 2 backends", n)
					}
					if number != 1040 && dials != 3 {
						t.Errorf("%d dials, want 3: a refusal that stays is not tried again", dials)
					}
				})
			})
		})
	}
}

// What the server goes on with is told, and why: each doubling of the number in a row.
func TestKillsThatFailAreLogged(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		var log bytes.Buffer
		crowdedOut(t, s, 3159, slog.New(slog.NewTextHandler(&log, nil)), func(con *mysqlpool.Connector, _ *sql.Tx) {
			time.Sleep(4 * time.Second)
			if got := con.Sessions(); got.Cuts != 1 {
				t.Errorf("%d connections were cut, want 1", got.Cuts)
			}
		})
		if n := strings.Count(log.String(), "KILL QUERY failed"); n != 1 || !strings.Contains(log.String(), "3159") {
			t.Errorf("the log has %d lines about it, want 1 that names the error:\n%s", n, &log)
		}
	})
}
