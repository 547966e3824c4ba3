package sessiontest_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// cancelSleepers runs n statements that would take a minute, and cancels them when the server has all of them. It returns when their callers
// have returned and the statements have ended.
func cancelSleepers(ctx context.Context, t *testing.T, srv *lab.Server, db *sql.DB, n int) {
	t.Helper()
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	var calls sync.WaitGroup
	for range n {
		calls.Go(func() {
			if err := readAll(short, db, "SELECT SLEEP(60) /* mark */"); !isCause(err, context.Canceled) {
				t.Errorf("error = %v, want one that matches context.Canceled", err)
			}
		})
	}
	until(ctx, t, "all statements run", func() bool { return running(ctx, t, srv, "mark") == n })
	cancel()
	calls.Wait()
	until(ctx, t, "no statement runs", func() bool { return running(ctx, t, srv, "mark") == 0 })
}

// The server refuses whatever there is beyond MaxOpen, and counts that.
func TestKillsCountUnderStrictMaxOpen(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	const maxOpen = 16
	admin(t, srv, fmt.Sprintf("ALTER USER app@'%%' WITH MAX_USER_CONNECTIONS %d", maxOpen))
	db, c := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(maxOpen), weir.WithStrictMaxOpen())
	backends := c.Stats().MaxOpen // one less: the connection for KILL QUERY counts
	for range 3 {
		cancelSleepers(ctx, t, srv, db, backends)
	}
	wantFree(ctx, t, c)
	if s := c.Sessions(); s.Kills < uint64(3*backends) || s.Cuts != 0 {
		t.Errorf("kills = %d, cuts = %d, want at least %d and 0", s.Kills, s.Cuts, 3*backends)
	}
	var name, refused string
	must(t, srv.Admin().QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Aborted_connects'").Scan(&name, &refused))
	want(t, "connections refused", refused, "0")
}

// An account, or a server, that is full lets no connection in for KILL QUERY. An idle backend is used for it, or a place becomes free.
func TestKillsGetThroughWhereNoConnectionIsLetIn(t *testing.T) {
	user := func(limit int) func(context.Context, *testing.T, *lab.Server) {
		return func(ctx context.Context, t *testing.T, srv *lab.Server) {
			admin(t, srv, fmt.Sprintf("ALTER USER app@'%%' WITH MAX_USER_CONNECTIONS %d", limit))
		}
	}
	all := func(limit int) func(context.Context, *testing.T, *lab.Server) {
		return func(ctx context.Context, t *testing.T, srv *lab.Server) {
			must(t, srv.SetGlobal(ctx, "max_user_connections", limit))
		}
	}
	var filling *sql.DB
	var others []*sql.Conn
	refusals := map[string]struct {
		config                 lab.Config
		before, refuse, relent func(context.Context, *testing.T, *lab.Server)
	}{
		"1226, the account is full":   {before: user(2), relent: user(3)},
		"1203, the user has too many": {config: lab.Config{Args: []string{"--max-user-connections=1000"}}, before: all(2), relent: all(3)},
		"1040, the server is full": {
			config: lab.Config{MaxConnections: 10},
			refuse: func(ctx context.Context, t *testing.T, srv *lab.Server) {
				filling = stock(t, srv.DSN("app", "app"))
				for {
					conn, err := filling.Conn(ctx)
					if err != nil {
						return
					}
					others = append(others, conn)
				}
			},
			relent: func(ctx context.Context, t *testing.T, srv *lab.Server) {
				for _, conn := range others {
					must(t, conn.Close())
				}
				must(t, filling.Close())
			}},
		"1045, the password is another": {refuse: func(ctx context.Context, t *testing.T, srv *lab.Server) {
			admin(t, srv, "ALTER USER app@'%' IDENTIFIED BY 'another'")
		}},
	}
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			ctx := within(t, 60*time.Second)
			srv := start(t, c.config)
			if c.before != nil {
				c.before(ctx, t, srv)
			}
			db, con := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(2), weir.WithMinIdle(2))
			if c.refuse != nil {
				c.refuse(ctx, t, srv)
			}
			cancelSleepers(ctx, t, srv, db, 1)
			kills := con.Sessions().Kills
			if cuts := con.Sessions().Cuts; kills == 0 || cuts != 0 {
				t.Errorf("over an idle backend: kills = %d, cuts = %d, want at least one and 0", kills, cuts)
			}
			if c.relent == nil {
				return
			}
			held, err := db.BeginTx(ctx, nil) // no backend is idle
			must(t, err)
			var relenting sync.WaitGroup
			relenting.Go(func() {
				until(ctx, t, "the kill is on its way", func() bool { return con.Sessions().Kills > kills })
				c.relent(ctx, t, srv)
			})
			cancelSleepers(ctx, t, srv, db, 1)
			relenting.Wait()
			must(t, held.Rollback())
			if s := con.Sessions(); s.Cuts != 0 {
				t.Errorf("when a place became free: cuts = %d, want 0", s.Cuts)
			}
		})
	}
}

func TestStrictMaxOpenLeavesRoomForKills(t *testing.T) {
	dsn := database(t)
	for name, c := range map[string]struct {
		opts []mysqlpool.Option
		want string
	}{
		"one connection":    {[]mysqlpool.Option{weir.WithMaxOpen(1)}, "MaxOpen: 1: limit is at least 2: WithStrictMaxOpen keeps one connection for KILL QUERY"},
		"MinIdle":           {[]mysqlpool.Option{weir.WithMaxOpen(4), weir.WithMinIdle(4)}, "MinIdle: 4: limit is MaxOpen less the one"},
		"pinned":            {[]mysqlpool.Option{weir.WithMaxOpen(4), mysqlpool.WithMaxPinned(4)}, "WithMaxPinned: 4: limit is MaxOpen less the one"},
		"without kills":     {[]mysqlpool.Option{weir.WithMaxOpen(1), mysqlpool.WithoutKill()}, ""},
		"the least":         {[]mysqlpool.Option{weir.WithMaxOpen(2)}, ""},
		"one that is small": {[]mysqlpool.Option{weir.WithMaxOpen(3), weir.WithMinIdle(2), mysqlpool.WithMaxPinned(2)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := mysqlpool.Open(t.Context(), dsn, append(c.opts, weir.WithStrictMaxOpen())...)
			if err == nil {
				must(t, db.Close())
			}
			if c.want == "" {
				must(t, err)
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			contains(t, "error", err.Error(), c.want)
		})
	}
	_, con := open(t, dsn, weir.WithMaxOpen(8), weir.WithStrictMaxOpen())
	if err := con.Resize(1, 1); err == nil {
		t.Error("Resize to one connection has no error")
	}
	must(t, con.Resize(1, 4))
	if got := con.Stats().MaxOpen; got != 3 {
		t.Errorf("there may be %d backends, want 3", got)
	}
}
