package clustertest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

// A groupBank is a bank on a group whose primary a proxy leads to.
type groupBank struct {
	*bank
	group *lab.Group
	proxy *lab.Proxy
}

func startGroupBank(ctx context.Context, t *testing.T, args ...string) *groupBank {
	t.Helper()
	labtest.Only(t, lab.MySQL, "MariaDB has no Group Replication; TestGalera... are its tests")
	labtest.Begin(t)
	begun := time.Now()
	// A switch waits for the global read lock, which waits for a statement that waits for a row of a transaction that waits for the global
	// read lock: it goes on when the wait for the row ends.
	group, err := lab.StartGroup(ctx, lab.Config{Args: append(args, "--innodb-lock-wait-timeout=1")})
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, group.Close()) })
	t.Logf("group up in %v", time.Since(begun).Round(time.Millisecond))
	g := &groupBank{group: group}
	primary := g.primary(ctx, t, nil)
	makeBooks(ctx, t, primary)
	var dsn string
	g.proxy, dsn = labtest.Through(t, primary, primary.DSN("app", "app"))
	g.bank = openBank(ctx, openDB(ctx, t, dsn), openPool(ctx, t, dsn))
	labtest.Until(ctx, t, "the tellers are at work", func() bool { return g.ackedSince(begun) > 200 })
	return g
}

// primary waits until the group has one, another than not.
func (g *groupBank) primary(ctx context.Context, t *testing.T, not *lab.Server) *lab.Server {
	t.Helper()
	var primary *lab.Server
	labtest.Must(t, lab.Until(ctx, "the group has another primary", func(ctx context.Context) (bool, error) {
		primary = g.group.Primary(ctx)
		return primary != nil && primary != not, nil
	}))
	return primary
}

// survive lets something happen to the primary, leads the tellers to the next one, and waits until they work there.
func (g *groupBank) survive(ctx context.Context, t *testing.T, name string, happen func(old *lab.Server) error) (old *lab.Server) {
	t.Helper()
	old = g.primary(ctx, t, nil)
	c := g.begin(name)
	done := make(chan error, 1)
	go func() { done <- happen(old) }()
	g.lead(ctx, t, c, g.primary(ctx, t, old))
	labtest.Must(t, <-done)
	return old
}

// lead leads new connections to another node, and waits until the tellers work there.
func (g *groupBank) lead(ctx context.Context, t *testing.T, c *crisis, next *lab.Server) {
	t.Helper()
	g.proxy.SetUpstream(next.Addr())
	c.seen = time.Now()
	g.awaitRecovery(ctx, t, c)
}

func (g *groupBank) heal(ctx context.Context, t *testing.T) {
	t.Helper()
	begun := time.Now()
	labtest.Must(t, g.group.Heal(ctx))
	t.Logf("healed in %v", time.Since(begun).Round(time.Millisecond))
}

// balance ends the tellers and looks at the books.
func (g *groupBank) balance(ctx context.Context, t *testing.T) {
	t.Helper()
	g.end()
	g.check(ctx, t, g.group.Nodes())
}

func TestGroupSwitchesItsPrimaryUnderLoad(t *testing.T) {
	ctx := labtest.Within(t, 150*time.Second)
	g := startGroupBank(ctx, t)
	for _, way := range []struct {
		name string
		to   func(*lab.Server) error
	}{
		{"a switch that waits for transactions", func(to *lab.Server) error { return g.group.Switch(ctx, to) }},
		{"a switch within 1 s", func(to *lab.Server) error { return g.group.SwitchWithin(ctx, to, time.Second) }},
		{"a switch at once", func(to *lab.Server) error { return g.group.SwitchWithin(ctx, to, 0) }},
	} {
		g.survive(ctx, t, way.name, func(old *lab.Server) error { return way.to(g.other(old)) })
	}
	g.balance(ctx, t)
}

// other is a node that is not this one.
func (g *groupBank) other(node *lab.Server) *lab.Server {
	for _, other := range g.group.Nodes() {
		if other != node {
			return other
		}
	}
	return nil
}

func TestGroupLosesItsPrimaryUnderLoad(t *testing.T) {
	ctx := labtest.Within(t, 200*time.Second)
	g := startGroupBank(ctx, t)
	g.survive(ctx, t, "kill -9 of the primary", (*lab.Server).Kill9)
	g.heal(ctx, t)
	dead := g.survive(ctx, t, "SIGTERM of the primary", func(old *lab.Server) error { return stop(ctx, old) })
	g.end()
	g.check(ctx, t, slices.DeleteFunc(g.group.Nodes(), func(node *lab.Server) bool { return node == dead }))
}

// A primary that wakes takes itself for one for seconds: its role checks pass, it accepts BEGIN and writes, and COMMIT fails with 3100. Then
// it knows, and where it may not join again by itself it goes offline.
func TestGroupsPrimaryIsPausedAndWakesUnderLoad(t *testing.T) {
	ctx := labtest.Within(t, 150*time.Second)
	g := startGroupBank(ctx, t, "--group-replication-autorejoin-tries=0")
	old := g.primary(ctx, t, nil)
	c := g.begin("SIGSTOP of the primary, which wakes and goes offline while new connections still lead to it")
	labtest.Must(t, old.Pause(ctx))
	next := g.primary(ctx, t, old)
	labtest.Must(t, old.Continue())
	g.awaitTold(ctx, t, c, "unknown 3100", 1)
	g.awaitTold(ctx, t, c, "not sent 6400", 1)
	g.lead(ctx, t, c, next)
	g.heal(ctx, t)
	g.balance(ctx, t)
}
