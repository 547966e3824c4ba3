package lab_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

func startGroup(t *testing.T) *lab.Group {
	t.Helper()
	labtest.Only(t, lab.MySQL, "Group Replication is MySQL's")
	begun := time.Now()
	g, err := lab.StartGroup(t.Context(), lab.Config{})
	if errors.Is(err, lab.ErrNoMySQL) {
		t.Skip(err)
	}
	must(t, err)
	t.Logf("three nodes ONLINE in %v", time.Since(begun).Round(time.Millisecond))
	t.Cleanup(func() { must(t, g.Close()) })
	return g
}

func TestGroupSwitchesChoosesAndHeals(t *testing.T) {
	ctx, g := t.Context(), startGroup(t)
	nodes := g.Nodes()
	run(t, app(t, nodes[0]), "CREATE TABLE t (id INT PRIMARY KEY)")
	must(t, g.Switch(ctx, nodes[1]))
	awaitPrimary(t, g, nodes[1])
	must(t, g.SwitchWithin(ctx, nodes[2], 0))
	awaitPrimary(t, g, nodes[2])
	run(t, app(t, nodes[2]), "INSERT INTO t VALUES (1)")
	_, err := app(t, nodes[0]).ExecContext(ctx, "INSERT INTO t VALUES (2)")
	wantErrno(t, err, 1290)

	// What a kill does clustertest tries.
	old, begun := nodes[2], time.Now()
	must(t, old.Pause(ctx))
	var to *lab.Server
	until(t, "another node is primary", func(ctx context.Context) (bool, error) {
		to = g.Primary(ctx)
		return to != nil && to != old, nil
	})
	chosen := time.Now()
	run(t, app(t, to), "INSERT INTO t VALUES (2)")
	must(t, g.Heal(ctx)) // the old primary still takes itself for it
	t.Logf("another primary %v after SIGSTOP, healed in %v", chosen.Sub(begun).Round(time.Millisecond), time.Since(chosen).Round(time.Millisecond))
	wantMembers(t, g)
	until(t, "the old primary has the rows", func(context.Context) (bool, error) {
		return queryInt(t, app(t, old), "SELECT COUNT(*) FROM t") == 2, nil
	})
	awaitPrimary(t, g, to)
}

func awaitPrimary(t *testing.T, g *lab.Group, want *lab.Server) {
	t.Helper()
	until(t, want.Addr()+" is primary", func(ctx context.Context) (bool, error) { return g.Primary(ctx) == want, nil })
}

// wantMembers asserts that each node sees three ONLINE members.
func wantMembers(t *testing.T, g *lab.Group) {
	t.Helper()
	for _, node := range g.Nodes() {
		until(t, node.Addr()+" sees three ONLINE members", func(ctx context.Context) (bool, error) {
			members, err := g.Members(ctx, node)
			online := 0
			for _, m := range members {
				if m.State == "ONLINE" {
					online++
				}
			}
			return online == 3, err
		})
	}
}
