package embedded_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"

	"github.com/weirpool/weir/examples/internal/embedded"
)

func TestServersThatShareDataSeeTheSameRows(t *testing.T) {
	data := embedded.NewData()
	primary := open(t, start(t, embedded.Config{Name: "db-1", Data: data}))
	replica := open(t, start(t, embedded.Config{Name: "db-2", Data: data, Role: embedded.Replica}))
	apart := open(t, start(t, embedded.Config{Name: "db-3"}))

	res, err := primary.ExecContext(t.Context(), "INSERT INTO payments (note, amount) VALUES (?, ?)", "rent", 700)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := res.LastInsertId(); id != 1 || err != nil {
		t.Errorf("got id %d, %v, want 1", id, err)
	}
	if got := get[int](t, replica, "SELECT amount FROM payments WHERE id = ? AND note = 'rent'", 1); got != 700 {
		t.Errorf("the replica has %d, want 700", got)
	}
	if got := get[int](t, apart, "SELECT COUNT(*) FROM payments"); got != 0 {
		t.Errorf("a server with data of its own has %d rows", got)
	}
}

func TestNoCommitIsLostAmongConcurrentClients(t *testing.T) {
	data := embedded.NewData()
	primary := open(t, start(t, embedded.Config{Name: "db-1", Data: data}))
	replica := open(t, start(t, embedded.Config{Name: "db-2", Data: data, Role: embedded.Replica}))
	const clients, rounds = 8, 10

	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range rounds {
				if err := payTwice(t.Context(), primary); err != nil {
					t.Error(err)
					return
				}
				var n int
				if err := replica.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM payments").Scan(&n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got, want := get[int](t, replica, "SELECT COUNT(*) FROM payments"), 2*clients*rounds; got != want {
		t.Errorf("got %d rows, want %d", got, want)
	}
}

// payTwice inserts a row on its own and one in a transaction.
func payTwice(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "INSERT INTO payments (note, amount) VALUES ('alone', 1)"); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "INSERT INTO payments (note, amount) VALUES (?, ?)", "in a transaction", 2); err != nil {
		return err
	}
	return tx.Commit()
}

func TestAWaitForAnotherTransactionEndsWithoutBlockingHealthChecks(t *testing.T) {
	srv := start(t, embedded.Config{Name: "db-1"})
	db := open(t, srv)
	holder, waiter := connect(t, db), connect(t, db)
	exec(t, holder, "BEGIN")
	exec(t, holder, "INSERT INTO payments (note) VALUES ('held')")

	ended := make(chan error, 1)
	go func() {
		_, err := waiter.ExecContext(t.Context(), "INSERT INTO payments (note) VALUES ('waits')")
		ended <- err
	}()
	if got := get[int](t, connect(t, db), healthCheck[:len("/* payments Health Check */ SELECT 1")]); got != 1 {
		t.Errorf("the health check answered %d", got)
	}
	wantNumber(t, <-ended, 1205)
	exec(t, holder, "ROLLBACK")
	exec(t, waiter, "INSERT INTO payments (note) VALUES ('served')")
}

func TestAKilledTransactionIsRolledBackAndLetsOthersOn(t *testing.T) {
	srv := start(t, embedded.Config{Name: "db-1"})
	db := open(t, srv)
	victim := connect(t, db)
	id := get[uint32](t, victim, "SELECT CONNECTION_ID()")
	exec(t, victim, "BEGIN")
	exec(t, victim, "INSERT INTO payments (note) VALUES ('lost')")
	srv.Kill(id)
	if got := get[int](t, db, "SELECT COUNT(*) FROM payments"); got != 0 {
		t.Errorf("got %d rows of a killed transaction", got)
	}
}

func TestAFailedStatementKeepsNobodyWaiting(t *testing.T) {
	db := open(t, start(t, embedded.Config{Name: "db-1"}))
	conn, other := connect(t, db), connect(t, db)
	exec(t, conn, "INSERT INTO payments (id) VALUES (1)")
	_, err := conn.ExecContext(t.Context(), "INSERT INTO payments (id) VALUES (?)", 1)
	wantNumber(t, err, 1062)
	if _, err := conn.ExecContext(t.Context(), "SELECT nothing FROM payments WHERE id = ?", 1); err == nil {
		t.Error("an unknown column was found")
	}
	exec(t, other, "INSERT INTO payments (id) VALUES (2)")
	exec(t, conn, "SELECT 1")
	if got := get[int](t, conn, "SELECT COUNT(*) FROM payments"); got != 2 {
		t.Errorf("got %d rows, want 2", got)
	}
}
