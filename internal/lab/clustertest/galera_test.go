package clustertest_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// The final dot keeps the resolver from trying the machine's search domains.
const endpoint = "db.weir.test."

// A galeraBank is a bank on a Galera cluster. A name leads to the one node that is written to.
type galeraBank struct {
	*bank
	cluster *lab.Galera
	names   *lab.Resolver
	writer  *lab.Server
}

func startGaleraBank(ctx context.Context, t *testing.T) *galeraBank {
	t.Helper()
	labtest.Only(t, lab.MariaDB, "Galera is MariaDB's; TestGroup... are the tests of MySQL's own")
	labtest.Begin(t)
	begun := time.Now()
	cluster, err := lab.StartGalera(ctx, lab.Config{})
	if errors.Is(err, lab.ErrNoGalera) {
		t.Skip(err)
	}
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, cluster.Close()) })
	t.Logf("cluster up in %v", time.Since(begun).Round(time.Millisecond))
	g := &galeraBank{cluster: cluster, writer: cluster.Nodes()[0]}
	makeBooks(ctx, t, g.writer)
	g.names, err = lab.NewResolver(map[string]string{endpoint: g.writer.Host()})
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, g.names.Close()) })
	dsn := labtest.Redirect(t, g.writer.DSN("app", "app"), net.JoinHostPort(endpoint, strconv.Itoa(g.writer.Port())))
	resolver := mysqlpool.WithResolver(g.names.Resolver())
	g.bank = openBank(ctx, openDB(ctx, t, dsn, resolver), openPool(ctx, t, dsn, resolver))
	labtest.Until(ctx, t, "the tellers are at work", func() bool { return g.ackedSince(begun) > 200 })
	return g
}

// survive lets something happen to the node that is written to, leads the tellers to another one as soon as that goes on without it, and
// waits until they work there.
func (g *galeraBank) survive(ctx context.Context, t *testing.T, name string, happen func(old *lab.Server) error) {
	t.Helper()
	c, old := g.begin(name), g.writer
	done := make(chan error, 1)
	go func() { done <- happen(old) }()
	g.lead(ctx, t, c, g.successor(ctx, t))
	labtest.Must(t, <-done)
}

// successor waits until the other nodes go on without the one that is written to, and returns one of them.
func (g *galeraBank) successor(ctx context.Context, t *testing.T) (next *lab.Server) {
	t.Helper()
	labtest.Must(t, lab.Until(ctx, "the others go on as two", func(ctx context.Context) (bool, error) {
		for _, node := range g.cluster.Nodes() {
			if node == g.writer {
				continue
			}
			if n, err := g.cluster.Size(ctx, node); err != nil || n != 2 || !g.cluster.Ready(ctx, node) {
				return false, err
			}
			next = node
		}
		return true, nil
	}))
	return next
}

// lead moves the name to another node, and waits until the tellers work there.
func (g *galeraBank) lead(ctx context.Context, t *testing.T, c *crisis, next *lab.Server) {
	t.Helper()
	labtest.Must(t, g.names.Set(endpoint, next.Host()))
	g.writer = next
	c.seen = time.Now()
	g.awaitRecovery(ctx, t, c)
}

func (g *galeraBank) heal(ctx context.Context, t *testing.T) {
	t.Helper()
	c := g.begin("a node comes back")
	labtest.Must(t, g.cluster.Heal(ctx))
	c.seen = time.Now()
	g.awaitRecovery(ctx, t, c)
}

// balance ends the tellers and looks at the books.
func (g *galeraBank) balance(ctx context.Context, t *testing.T) {
	t.Helper()
	g.end()
	g.check(ctx, t, g.cluster.Nodes())
}

func TestGaleraLosesItsWriterUnderLoad(t *testing.T) {
	ctx := labtest.Within(t, 200*time.Second)
	g := startGaleraBank(ctx, t)
	g.survive(ctx, t, "kill -9 of the writer", (*lab.Server).Kill9)
	g.heal(ctx, t)
	dead := g.writer
	g.survive(ctx, t, "SIGTERM of the writer", func(old *lab.Server) error { return stop(ctx, old) })
	g.end()
	g.check(ctx, t, slices.DeleteFunc(g.cluster.Nodes(), func(node *lab.Server) bool { return node == dead }))
}

// A node without a majority answers each statement of a teller with 1047, each COMMIT with 1180, and the check of a connection as ever, unless
// that reads a table.
func TestGaleraWriterIsCutOffUnderLoad(t *testing.T) {
	ctx := labtest.Within(t, 150*time.Second)
	g := startGaleraBank(ctx, t)
	careful := openPool(ctx, t, g.writer.DSN("app", "app"), weir.WithMaxWait(time.Second), weir.WithCheckWindow(0),
		mysqlpool.WithValidationQuery("SELECT 1 FROM accounts LIMIT 1"))
	labtest.Must(t, lend(ctx, careful))
	c, old := g.begin("the writer is cut off"), g.writer
	labtest.Must(t, isolate(ctx, old, 1))
	next := g.successor(ctx, t)
	g.awaitTold(ctx, t, c, "not sent 1047", tellersPerWay)
	if g.cluster.Ready(ctx, old) {
		t.Error("the node that is cut off is ready")
	}
	if err := lend(ctx, careful); !errors.Is(err, weir.ErrExhausted) || labtest.Number(err) != 1047 {
		t.Errorf("a pool whose validation query reads a table: %v, want that it lends nothing because of 1047", err)
	}
	g.lead(ctx, t, c, next)
	labtest.Must(t, isolate(ctx, old, 0))
	g.heal(ctx, t)
	labtest.Until(ctx, t, "the pool whose validation query reads a table lends again", func() bool { return lend(ctx, careful) == nil })
	g.balance(ctx, t)
}

// lend borrows a connection and does nothing with it.
func lend(ctx context.Context, pool *mysqlpool.Pool) error {
	return pool.Do(ctx, func(context.Context, *sql.Conn) error { return nil })
}

// isolate cuts a node off from the others (1), or ends that (0).
func isolate(ctx context.Context, node *lab.Server, on int) error {
	return node.SetGlobal(ctx, "wsrep_provider_options", "gmcast.isolate="+strconv.Itoa(on))
}
