package lab_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

func TestReplicasFollowThePrimaryAndRefuseWrites(t *testing.T) {
	c := startCluster(t, 3)
	run(t, app(t, c.Primary()), "CREATE TABLE t (id INT PRIMARY KEY)")
	run(t, app(t, c.Primary()), "INSERT INTO t VALUES (1), (2), (3)")
	must(t, c.Sync(t.Context()))
	if got := len(c.Replicas()); got != 2 {
		t.Fatalf("replicas: got %d, want 2", got)
	}
	for _, node := range c.Replicas() {
		wantRows(t, node, 3)
		_, err := app(t, node).ExecContext(t.Context(), "INSERT INTO t VALUES (4)")
		wantErrno(t, err, 1290)
		if node.Port() != c.Primary().Port() || node.Host() == c.Primary().Host() {
			t.Errorf("replica %s of %s: want another host and the same port", node.Addr(), c.Primary().Addr())
		}
	}
}

func TestSwitchoverKeepsRowsAndDemotesTheOldPrimary(t *testing.T) {
	c := startCluster(t, 2)
	run(t, app(t, c.Primary()), "CREATE TABLE t (id INT PRIMARY KEY)")
	for i := range 4 {
		old, to := c.Primary(), c.Replicas()[0]
		held := conn(t, app(t, old))
		run(t, held, "INSERT INTO t VALUES (?)", i)

		took, err := c.Switchover(t.Context(), to)
		must(t, err)
		t.Logf("switchover: no writes for %v, all done in %v", took.Gap, took.Total)

		if c.Primary() != to {
			t.Fatalf("primary: got %s, want %s", c.Primary().Addr(), to.Addr())
		}
		if took.Gap <= 0 || took.Gap > took.Total || took.Writable.IsZero() {
			t.Errorf("timings %+v make no sense", took)
		}
		wantRows(t, to, i+1)
		_, err = held.ExecContext(t.Context(), "INSERT INTO t VALUES (-1)")
		wantErrno(t, err, 1290)
	}
	must(t, c.Sync(t.Context()))
	for _, node := range c.Nodes() {
		wantRows(t, node, 4)
	}
}

func TestFailoverKeepsEveryAcknowledgedRow(t *testing.T) {
	c := startCluster(t, 2)
	run(t, app(t, c.Primary()), "CREATE TABLE t (id INT PRIMARY KEY)")
	next := 0
	for range 3 {
		dead, to := c.Primary(), c.Replicas()[0]
		acknowledged := writeUntilItFails(app(t, dead), &next)
		acknowledged.awaitFirst(t)

		took, err := c.Failover(t.Context(), to)
		must(t, err)
		ids := acknowledged.all()
		t.Logf("failover: no writes for %v, all done in %v, %d rows acknowledged", took.Gap, took.Total, len(ids))
		wantRefused(t, dead.Addr())
		wantIDs(t, to, ids)
		run(t, app(t, to), "INSERT INTO t VALUES (?)", next)
		next++

		took, err = c.Rejoin(t.Context(), dead)
		must(t, err)
		t.Logf("rejoin in %v", took.Total)
		must(t, c.Sync(t.Context()))
		wantIDs(t, dead, ids)
		_, err = app(t, dead).ExecContext(t.Context(), "INSERT INTO t VALUES (-1)")
		wantErrno(t, err, 1290)
	}
}

func TestFailoverRepointsTheOtherReplicas(t *testing.T) {
	c := startCluster(t, 3)
	run(t, app(t, c.Primary()), "CREATE TABLE t (id INT PRIMARY KEY)")
	must(t, c.Sync(t.Context()))
	dead, to, other := c.Nodes()[0], c.Nodes()[1], c.Nodes()[2]
	_, err := c.Failover(t.Context(), to)
	must(t, err)
	run(t, app(t, to), "INSERT INTO t VALUES (1)")
	_, err = c.Rejoin(t.Context(), dead)
	must(t, err)
	must(t, c.Sync(t.Context()))
	wantRows(t, other, 1)
	wantRows(t, dead, 1)
}

var stopReceiving = map[lab.Kind]string{lab.MariaDB: "STOP SLAVE IO_THREAD", lab.MySQL: "STOP REPLICA IO_THREAD"}

func TestRejoinThrowsAwayWhatOnlyTheDeadPrimaryHad(t *testing.T) {
	c := startCluster(t, 2)
	dead, to := c.Primary(), c.Replicas()[0]
	run(t, app(t, dead), "CREATE TABLE t (id INT PRIMARY KEY)")
	must(t, c.Sync(t.Context()))
	run(t, to.Admin(), stopReceiving[labtest.Kind()])
	run(t, app(t, dead), "INSERT INTO t VALUES (1), (2)")

	_, err := c.Failover(t.Context(), to)
	must(t, err)
	wantRows(t, to, 0)
	run(t, app(t, to), "INSERT INTO t VALUES (3)")
	_, err = c.Rejoin(t.Context(), dead)
	must(t, err)
	must(t, c.Sync(t.Context()))
	wantIDs(t, dead, []int{3})
	wantRows(t, dead, 1)
}

func TestASwitchoverToAReplicaThatLagsChangesNothing(t *testing.T) {
	c := startCluster(t, 2)
	old, to := c.Primary(), c.Replicas()[0]
	run(t, to.Admin(), stopReceiving[labtest.Kind()])
	run(t, app(t, old), "CREATE TABLE t (id INT PRIMARY KEY)")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Switchover(ctx, to); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want deadline exceeded", err)
	}
	run(t, app(t, old), "INSERT INTO t VALUES (1)")
	if c.Primary() != old {
		t.Error("the replica is called the primary")
	}
	_, err := app(t, to).ExecContext(t.Context(), "CREATE TABLE u (id INT)")
	wantErrno(t, err, 1290)
}

// A primary that has been demoted and promoted again waits as the first one does.
func TestAWriteWaitsForAReplica(t *testing.T) {
	timeout := map[lab.Kind]string{lab.MariaDB: "rpl_semi_sync_master_timeout", lab.MySQL: "rpl_semi_sync_source_timeout"}
	c := startCluster(t, 2)
	run(t, app(t, c.Primary()), "CREATE TABLE t (id INT PRIMARY KEY)")
	for i := range 3 {
		primary, replica := c.Primary(), c.Replicas()[0]
		must(t, primary.SetGlobal(t.Context(), timeout[labtest.Kind()], 60_000))
		must(t, replica.Pause(t.Context()))
		written := make(chan error, 1)
		go func() {
			_, err := app(t, primary).ExecContext(t.Context(), "INSERT INTO t VALUES (?)", i)
			written <- err
		}()
		until(t, "the write waits for the replica", func(ctx context.Context) (waits bool, err error) {
			err = primary.Admin().QueryRowContext(ctx, `SELECT COUNT(*) FROM information_schema.processlist
				WHERE user = 'app' AND state LIKE 'Waiting for semi-sync ACK%'`).Scan(&waits)
			return waits, err
		})
		must(t, replica.Continue())
		must(t, <-written)
		wantRows(t, primary, i+1)
		_, err := c.Switchover(t.Context(), replica)
		must(t, err)
	}
}

func TestNodesReplicateAgainAfterARestart(t *testing.T) {
	c := startCluster(t, 3)
	primary, replica := c.Primary(), c.Replicas()[0]
	run(t, app(t, primary), "CREATE TABLE t (id INT PRIMARY KEY)")
	for i, restart := range []func() error{
		func() error { return replica.Restart(t.Context()) },
		func() error { return errors.Join(replica.Kill9(), replica.Restart(t.Context())) },
		func() error { return errors.Join(primary.Kill9(), primary.Restart(t.Context())) },
		func() error { return errors.Join(primary.Pause(t.Context()), primary.Continue()) },
	} {
		must(t, restart())
		run(t, app(t, primary), "INSERT INTO t VALUES (?)", i)
		must(t, c.Sync(t.Context()))
		for _, node := range c.Nodes() {
			wantRows(t, node, i+1)
		}
		_, err := app(t, replica).ExecContext(t.Context(), "INSERT INTO t VALUES (-1)")
		wantErrno(t, err, 1290)
	}
}

func TestRolesGoToReplicasOnly(t *testing.T) {
	c := startCluster(t, 1)
	if _, err := c.Switchover(t.Context(), c.Primary()); err == nil {
		t.Error("a switchover to the primary was done")
	}
	if _, err := c.Failover(t.Context(), nil); err == nil {
		t.Error("a failover to nobody was done")
	}
	if !c.Primary().Running() {
		t.Error("a refused failover killed the primary")
	}
}

func TestNameFollowsThePrimary(t *testing.T) {
	c, err := lab.StartPair(t.Context(), labtest.Kind())
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	r, err := lab.NewResolver(map[string]string{"writer.lab": c.Primary().Host()})
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })

	cfg, err := mysql.ParseDSN(c.Primary().DSN("app", "app"))
	must(t, err)
	cfg.Addr = fmt.Sprintf("writer.lab:%d", c.Primary().Port())
	dialer := net.Dialer{Resolver: r.Resolver()}
	cfg.DialFunc = dialer.DialContext
	connector, err := mysql.NewConnector(cfg)
	must(t, err)
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(-1)
	t.Cleanup(func() { must(t, db.Close()) })

	run(t, db, "CREATE TABLE t (id INT PRIMARY KEY)")
	_, err = c.Failover(t.Context(), c.Replicas()[0])
	must(t, err)
	if _, err := db.ExecContext(t.Context(), "INSERT INTO t VALUES (1)"); !isRefused(err) {
		t.Errorf("write by the old address: got %v, want refused", err)
	}
	must(t, r.Set("writer.lab", c.Primary().Host()))
	run(t, db, "INSERT INTO t VALUES (1)")
	wantRows(t, c.Primary(), 1)
}

// writer inserts rows one after the other until the server is gone.
type writer struct {
	done chan struct{}

	mu  sync.Mutex // guards the field below
	ids []int
}

func writeUntilItFails(db *sql.DB, next *int) *writer {
	w := &writer{done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for {
			id := *next
			*next++
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			_, err := db.ExecContext(ctx, "INSERT INTO t VALUES (?)", id)
			cancel()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.ids = append(w.ids, id)
			w.mu.Unlock()
		}
	}()
	return w
}

func (w *writer) awaitFirst(t *testing.T) {
	t.Helper()
	until(t, "20 rows are written", func(context.Context) (bool, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.ids) >= 20, nil
	})
}

func (w *writer) all() []int {
	<-w.done
	return w.ids
}

func app(t *testing.T, srv *lab.Server) *sql.DB {
	t.Helper()
	return open(t, srv.DSN("app", "app"))
}

func wantRows(t *testing.T, srv *lab.Server, want int) {
	t.Helper()
	if got := queryInt(t, app(t, srv), "SELECT COUNT(*) FROM t"); got != want {
		t.Errorf("rows on %s: got %d, want %d", srv.Addr(), got, want)
	}
}

// wantIDs asserts that no id is missing. There may be one more: a write whose
// answer was lost.
func wantIDs(t *testing.T, srv *lab.Server, ids []int) {
	t.Helper()
	rows, err := app(t, srv).QueryContext(t.Context(), "SELECT id FROM t")
	must(t, err)
	defer rows.Close()
	have := map[int]bool{}
	for rows.Next() {
		var id int
		must(t, rows.Scan(&id))
		have[id] = true
	}
	must(t, rows.Err())
	for _, id := range ids {
		if !have[id] {
			t.Errorf("row %d was acknowledged and is not on %s", id, srv.Addr())
		}
	}
}
