package pooltest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// On MySQL an administrator may write while read_only is on, and nobody while super_read_only is: what a pool lends goes by the server, not
// by the account.
func TestReadOnlyAndSuperReadOnly(t *testing.T) {
	labtest.Only(t, lab.MySQL, "MariaDB has no super_read_only")
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	for _, user := range []string{"app", "admin"} {
		for _, set := range []string{"read_only", "super_read_only"} {
			t.Run(user+" "+set, func(t *testing.T) {
				dsn := srv.DSN(user, "app")
				roles := map[mysqlpool.Role]*mysqlpool.Pool{}
				for _, role := range []mysqlpool.Role{mysqlpool.Primary, mysqlpool.Replica} {
					roles[role] = open(t, dsn, mysqlpool.WithRole(role), weir.WithCheckWindow(0), weir.WithStartBackground(), weir.WithMinIdle(0), weir.WithMaxWait(300*time.Millisecond))
				}
				serves := func(role mysqlpool.Role) {
					t.Helper()
					until(ctx, t, role.String()+" is served", func() bool { return roles[role].Do(ctx, selectOne) == nil })
				}
				refuses := func(role mysqlpool.Role) {
					t.Helper()
					err := roles[role].Do(ctx, selectOne)
					if wrong, ok := errors.AsType[*mysqlpool.RoleError](err); !ok || !strings.Contains(wrong.Answers, "super_read_only=") {
						t.Errorf("%v: got %v, want a RoleError with the server's answers", role, err)
					}
				}
				serves(mysqlpool.Primary)
				must(t, srv.SetGlobal(ctx, set, 1))
				refuses(mysqlpool.Primary)
				serves(mysqlpool.Replica)
				must(t, srv.SetGlobal(ctx, "read_only", 0)) // super_read_only, too
				refuses(mysqlpool.Replica)
				serves(mysqlpool.Primary)
			})
		}
	}
}

// Under writers of an administrator's account, which read_only does not stop, super_read_only does.
func TestSuperReadOnlyUnderWritersIsNoticedAndHeals(t *testing.T) {
	labtest.Only(t, lab.MySQL, "MariaDB has no super_read_only")
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	exec(ctx, t, srv.Admin(), schema)
	pool := open(t, srv.DSN("admin", "app"), weir.WithMaxOpen(8), mysqlpool.WithRole(mysqlpool.Primary), weir.WithMaxWait(300*time.Millisecond))
	writers := write(ctx, pool, 16)
	writers.await(ctx, t, "the writers are at work", 160, time.Time{})
	for range 2 {
		before := len(writers.starvedSoFar())
		must(t, srv.SetGlobal(ctx, "super_read_only", 1))
		until(ctx, t, "callers are told about the role", func() bool { return len(writers.starvedSoFar()) >= before+16 })
		wantRoleErrors(t, writers.starvedSoFar()[before:])
		must(t, srv.SetGlobal(ctx, "read_only", 0))
		writers.await(ctx, t, "the writers are at work again", 160, time.Now())
	}
	writers.end()
	writers.check(t, rows(ctx, t, srv.Admin()))
	if n := len(writers.lost); n > 0 {
		t.Errorf("%d writes with unknown outcome, the first %v", n, writers.lost[0])
	}
}
