package clustertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

// makeBooks makes the bank's tables.
func makeBooks(ctx context.Context, t *testing.T, srv *lab.Server) {
	t.Helper()
	for _, query := range schema {
		_, err := srv.Admin().ExecContext(ctx, query)
		labtest.Must(t, err)
	}
	for id := range accounts {
		_, err := srv.Admin().ExecContext(ctx, "INSERT INTO app.accounts VALUES (?, ?)", id, deposit)
		labtest.Must(t, err)
	}
}

// books are what a server has.
type books struct {
	entries  map[entry]bool
	balances map[int]int64
}

func readBooks(ctx context.Context, srv *lab.Server) (books, error) {
	out := books{entries: map[entry]bool{}, balances: map[int]int64{}}
	err := readRows(ctx, srv, "SELECT id, payer, payee, amount FROM app.entries", func(rows *sql.Rows) error {
		var e entry
		err := rows.Scan(&e.id, &e.payer, &e.payee, &e.amount)
		out.entries[e] = true
		return err
	})
	if err != nil {
		return out, err
	}
	return out, readRows(ctx, srv, "SELECT id, balance FROM app.accounts", func(rows *sql.Rows) error {
		var id int
		var balance int64
		err := rows.Scan(&id, &balance)
		out.balances[id] = balance
		return err
	})
}

func readRows(ctx context.Context, srv *lab.Server, query string, scan func(*sql.Rows) error) error {
	rows, err := srv.Admin().QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// check compares what the tellers were told with what the nodes have. Nobody works any more, and every node will have the same in a while.
func (b *bank) check(ctx context.Context, t *testing.T, nodes []*lab.Server) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for said, n := range b.strange {
		t.Errorf("%d times a teller was told: %s", n, said)
	}
	there := 0
	for _, node := range nodes {
		var has books
		labtest.Must(t, lab.Until(ctx, node.Addr()+" has every acknowledged entry", func(ctx context.Context) (bool, error) {
			var err error
			if has, err = readBooks(ctx, node); err != nil {
				return false, err
			}
			for e := range b.acked {
				if !has.entries[e] {
					return false, fmt.Errorf("acknowledged entry %+v is not there, %d are", e, len(has.entries))
				}
			}
			return true, nil
		}))
		b.checkBalances(t, node, has)
		there = len(has.entries) - len(b.acked)
	}
	t.Logf("books: %d entries acknowledged, %d unknown, of which %d are there; right on %d nodes", len(b.acked), len(b.unknown), there, len(nodes))
}

func (b *bank) checkBalances(t *testing.T, node *lab.Server, has books) {
	t.Helper()
	want, total := map[int]int64{}, int64(0)
	for id := range accounts {
		want[id] = deposit
	}
	for e := range has.entries {
		want[e.payer] -= e.amount
		want[e.payee] += e.amount
		if !b.acked[e] && !b.unknown[e] {
			t.Errorf("%s has entry %+v, which the teller knew as not executed", node.Addr(), e)
		}
	}
	for id, balance := range want {
		total += has.balances[id]
		if has.balances[id] != balance {
			t.Errorf("%s: account %d has %d, its entries make %d", node.Addr(), id, has.balances[id], balance)
		}
	}
	if total != accounts*deposit {
		t.Errorf("%s: all accounts together have %d, want %d", node.Addr(), total, accounts*deposit)
	}
}

// A crisis is something that happens to a cluster, and what became of it.
type crisis struct {
	name        string
	begun, seen time.Time // another node is fit for writes
	told        map[string]int
}

// recoverWithin is the bound of all crises: from when the name leads to a fit node until entries are acknowledged again.
const recoverWithin = 10 * time.Second

// awaitRecovery waits until the tellers work again, some entries after the name has been moved.
func (b *bank) awaitRecovery(ctx context.Context, t *testing.T, c *crisis) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, recoverWithin)
	defer cancel()
	err := lab.Until(ctx, "the tellers work again after "+c.name, func(context.Context) (bool, error) {
		return b.ackedSince(c.seen) >= 4*tellersPerWay, nil
	})
	if err != nil {
		t.Fatalf("%v; %s; sessions: %+v; pool: %+v", err, since(c.told, b.toldSoFar()), b.sessions.Stats(), b.pool.Stats())
	}
	pause, until := b.pauseSince(c.begun)
	t.Logf("%s: another node fit after %v; no entry acknowledged for %v, until %v after that; %s", c.name,
		c.seen.Sub(c.begun).Round(time.Millisecond), pause.Round(time.Millisecond), until.Sub(c.seen).Round(time.Millisecond), since(c.told, b.toldSoFar()))
}

// awaitTold waits until tellers were told an error so often in the crisis.
func (b *bank) awaitTold(ctx context.Context, t *testing.T, c *crisis, name string, times int) {
	t.Helper()
	err := lab.Until(ctx, fmt.Sprintf("tellers were told %q %d times after %s", name, times, c.name), func(context.Context) (bool, error) {
		return b.toldSoFar()[name]-c.told[name] >= times, nil
	})
	if err != nil {
		t.Fatalf("%v; %s", err, since(c.told, b.toldSoFar()))
	}
}

// begin notes the beginning of a crisis.
func (b *bank) begin(name string) *crisis {
	return &crisis{name: name, begun: time.Now(), told: b.toldSoFar()}
}
