package pooltest_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// Pools of the size that PlanSize computes fit the server, with all they have at work, their kills and the others' reserve.
func TestPlannedPoolsFitTheServer(t *testing.T) {
	const instances, reserve = 2, 2
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{MaxConnections: 20})
	var maxConnections int
	must(t, labtest.Stock(t, srv.DSN("app", "app")).QueryRowContext(ctx, "SELECT @@max_connections").Scan(&maxConnections))
	sizing, err := mysqlpool.PlanSize(mysqlpool.Plan{MaxConnections: maxConnections, Instances: instances, Reserve: reserve})
	must(t, err)
	if sizing.MaxOpen != 5 {
		t.Errorf("MaxOpen %d, want (20 - 2) / 2 - 4 for KILL QUERY = 5:\n%s", sizing.MaxOpen, sizing.Reasoning)
	}
	occupy(t, srv, reserve)
	var all []*mysqlpool.Connector
	var ends []func()
	for range instances {
		db, err := mysqlpool.Open(ctx, srv.DSN("app", "app"), quiet([]mysqlpool.Option{weir.WithMaxOpen(sizing.MaxOpen), mysqlpool.WithInstances(instances, reserve)})...)
		must(t, err)
		defer func() { must(t, db.Close()) }()
		c, _ := mysqlpool.ConnectorOf(db)
		if said := c.Warnings(); len(said) > 0 {
			t.Errorf("warnings %q, want none", said)
		}
		all = append(all, c)
		var calls sync.WaitGroup
		short, cancel := context.WithCancel(ctx)
		defer cancel()
		for range sizing.MaxOpen {
			calls.Go(func() { sleepLong(short, t, db) })
		}
		ends = append(ends, func() { cancel(); calls.Wait() })
	}
	until(ctx, t, "all backends are at work", func() bool { return all[0].Stats().InUse+all[1].Stats().InUse == instances*sizing.MaxOpen })
	must(t, lab.Until(ctx, "all statements run", func(ctx context.Context) (bool, error) {
		n, err := sleepers(ctx, srv)
		return n == instances*sizing.MaxOpen, err
	}))
	for i, c := range all { // one after the other: MariaDB takes seconds where two kill at once
		ends[i]()
		until(ctx, t, "no backend is in use", func() bool { return c.Stats().InUse == 0 })
		if n, err := sleepers(ctx, srv); err != nil || n != (instances-1-i)*sizing.MaxOpen {
			t.Errorf("%d statements run, %v, want %d", n, err, (instances-1-i)*sizing.MaxOpen)
		}
		if c.Stats().OpenFails != 0 || c.Sessions().Cuts != 0 {
			t.Errorf("%d opens failed, %d statements were cut instead of killed, want none", c.Stats().OpenFails, c.Sessions().Cuts)
		}
	}
	var name string
	var refused int
	must(t, srv.Admin().QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Connection_errors_max_connections'").Scan(&name, &refused))
	if refused != 0 {
		t.Errorf("the server refused %d connections", refused)
	}
}

func sleepLong(ctx context.Context, t *testing.T, db *sql.DB) {
	if _, err := db.ExecContext(ctx, "DO SLEEP(60)"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}
