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
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// A payer writes pairs of rows, one statement or one transaction after the other, and repeats what was certainly not executed.
type payer struct {
	db   *sql.DB
	id   int
	inTx bool

	acked, unknown map[int]bool
	odd            []error // what says neither that it was executed, nor that it was not, nor that nobody knows
}

func (p *payer) pay(ctx context.Context, seq int) error {
	const insert = "INSERT INTO t (payer, seq, half) VALUES (?, ?, 1), (?, ?, 2)"
	if !p.inTx {
		_, err := p.db.ExecContext(ctx, insert, p.id, seq, p.id, seq)
		return err
	}
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for half := range 2 {
		if _, err := tx.ExecContext(ctx, "INSERT INTO t (payer, seq, half) VALUES (?, ?, ?)", p.id, seq, half+1); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// work pays until stop is closed. acked counts what was acknowledged.
func (p *payer) work(ctx context.Context, stop <-chan struct{}, acked func()) {
	p.acked, p.unknown = map[int]bool{}, map[int]bool{}
	for seq := 0; ctx.Err() == nil; {
		select {
		case <-stop:
			return
		default:
		}
		err := p.pay(ctx, seq)
		switch class := mysqlpool.Classify(err); {
		case err == nil:
			p.acked[seq] = true
			acked()
		case class == mysqlpool.NotSent, class == mysqlpool.RolledBack:
			continue
		case class == mysqlpool.Unknown, class == mysqlpool.GoingAway:
			p.unknown[seq] = true
		default:
			p.odd = append(p.odd, err)
		}
		seq++
	}
}

// Whatever ends the connections of sessions that write: what was acknowledged is there once, what was refused is not there, and no half of
// a pair is there alone.
func TestOutagesUnderWritersLoseAndRepeatNothing(t *testing.T) {
	for name, outage := range map[string]func(context.Context, *lab.Server) error{
		"offline mode": func(ctx context.Context, srv *lab.Server) error {
			if err := srv.SetGlobal(ctx, "offline_mode", 1); err != nil {
				return err
			}
			return srv.SetGlobal(ctx, "offline_mode", 0)
		},
		"restart": func(ctx context.Context, srv *lab.Server) error { return srv.Restart(ctx) },
		"kill -9": func(ctx context.Context, srv *lab.Server) error {
			if err := srv.Kill9(); err != nil {
				return err
			}
			return srv.Restart(ctx)
		},
		"all connections killed": func(ctx context.Context, srv *lab.Server) error {
			_, err := srv.KillConnections(ctx, "app")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "offline mode" {
				labtest.Only(t, lab.MySQL, "MariaDB has no offline_mode")
			}
			outageUnderWriters(t, outage)
		})
	}
}

func outageUnderWriters(t *testing.T, outage func(context.Context, *lab.Server) error) {
	ctx := within(t, 90*time.Second)
	srv := start(t, lab.Config{})
	admin(t, srv, "CREATE TABLE app.t (id INT AUTO_INCREMENT PRIMARY KEY, payer INT, seq INT, half INT)")
	db, c := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(4), weir.WithMaxWait(500*time.Millisecond), mysqlpool.WithRole(mysqlpool.Primary))
	var mu sync.Mutex
	n := 0
	acked := func() { mu.Lock(); n++; mu.Unlock() }
	atWork := func(since string) {
		t.Helper()
		mu.Lock()
		goal := n + 100
		mu.Unlock()
		until(ctx, t, "the payers are at work "+since, func() bool { mu.Lock(); defer mu.Unlock(); return n >= goal })
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	payers := make([]*payer, 16)
	for i := range payers {
		payers[i] = &payer{db: db, id: i, inTx: i%2 == 0}
		all.Go(func() { payers[i].work(ctx, stop, acked) })
	}
	atWork("at first")
	for range 2 {
		must(t, outage(ctx, srv))
		atWork("again")
	}
	close(stop)
	all.Wait()
	wantFree(ctx, t, c)

	t.Logf("%d pairs acknowledged; %+v", n, c.Stats().Retired)
	balance(ctx, t, srv, payers)
}

// balance compares what the payers were told with what the server has.
func balance(ctx context.Context, t *testing.T, srv *lab.Server, payers []*payer) {
	t.Helper()
	there := map[string]int{}
	for _, row := range listed(ctx, t, srv, "SELECT CONCAT(payer, ' ', seq, ' ', SUM(half)) FROM app.t GROUP BY payer, seq") {
		var payer, seq, halves int
		_, err := fmt.Sscan(row, &payer, &seq, &halves)
		must(t, err)
		there[fmt.Sprint(payer, " ", seq)] = halves
	}
	unknown := 0
	for _, p := range payers {
		unknown += len(p.unknown)
		for seq := range p.acked {
			key := fmt.Sprint(p.id, " ", seq)
			if there[key] != 3 {
				t.Errorf("payer %d's pair %d was acknowledged, its halves there add up to %d", p.id, seq, there[key])
			}
			delete(there, key)
		}
		for seq := range p.unknown {
			key := fmt.Sprint(p.id, " ", seq)
			if halves := there[key]; halves != 0 && halves != 3 {
				t.Errorf("payer %d's pair %d, of unknown outcome, is there in parts: %d", p.id, seq, halves)
			}
			delete(there, key)
		}
		for _, err := range p.odd {
			t.Errorf("payer %d got %v, class %v", p.id, err, mysqlpool.Classify(err))
		}
	}
	for key, halves := range there {
		t.Errorf("pair %s is there, halves %d, and nobody was told", key, halves)
	}
	t.Logf("%d pairs of unknown outcome", unknown)
}
