package lab_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

func startGalera(t *testing.T) *lab.Galera {
	t.Helper()
	labtest.Only(t, lab.MariaDB, "Galera comes with MariaDB")
	begun := time.Now()
	g, err := lab.StartGalera(t.Context(), lab.Config{})
	if errors.Is(err, lab.ErrNoGalera) {
		t.Skip(err)
	}
	must(t, err)
	t.Logf("Galera up in %v", time.Since(begun).Round(time.Millisecond))
	t.Cleanup(func() { must(t, g.Close()) })
	return g
}

func TestGaleraGoesOnWithoutOneNodeAndTakesItBack(t *testing.T) {
	ctx, g := t.Context(), startGalera(t)
	dead, other := g.Nodes()[0], g.Nodes()[1]
	run(t, app(t, dead), "CREATE TABLE t (id INT PRIMARY KEY)")
	run(t, app(t, other), "INSERT INTO t VALUES (1)")
	until(t, "the row is on another node, too", func(context.Context) (bool, error) {
		return queryInt(t, app(t, dead), "SELECT COUNT(*) FROM t") == 1, nil
	})
	// What a kill does clustertest tries.
	begun := time.Now()
	must(t, dead.Pause(ctx))
	run(t, app(t, other), "INSERT INTO t VALUES (2)")
	written := time.Now()
	until(t, "the others are two", func(ctx context.Context) (bool, error) {
		n, err := g.Size(ctx, other)
		return n == 2 && g.Ready(ctx, other), err
	})
	must(t, g.Heal(ctx)) // the node still takes itself for one of three
	t.Logf("a row written %v after SIGSTOP, healed in %v", written.Sub(begun).Round(time.Millisecond), time.Since(written).Round(time.Millisecond))
	wantRows(t, dead, 2)
}
