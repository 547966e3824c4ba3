package vitesstest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/vitess"
	"github.com/weirpool/weir/mysqlpool"
)

// Errors have MySQL's numbers in vtgate's words, and 1105 where vtgate has no number.
func TestErrorsKeepTheirNumbers(t *testing.T) {
	ctx := within(t, time.Minute)
	name := table(ctx, t, "id INT PRIMARY KEY, n INT NOT NULL CHECK (n > 0), parent INT, FOREIGN KEY (parent) REFERENCES item_seq (id)")
	db, c := open(t, vitess.Unsharded, weir.WithMaxOpen(1))
	exec(ctx, t, db, "INSERT INTO "+name+" VALUES (1, 1, NULL)")
	for query, n := range map[string]uint16{
		"INSERT INTO " + name + " VALUES (1, 1, NULL)":    1062,
		"INSERT INTO " + name + " VALUES (2, NULL, NULL)": 1048,
		"INSERT INTO " + name + " VALUES (2, 0, NULL)":    3819,
		"INSERT INTO " + name + " VALUES (2, 1, 77)":      1452,
		"SELECT * FROM nowhere":                           1146,
		"SELECT nothing FROM " + name:                     1054,
		"SELEC 1":                                         1105,
		"USE nowhere":                                     1049,
		"SELECT * FROM " + name + " HAVING":               1105,
		"KILL QUERY 999999":                               1094,
		"CALL nowhere()":                                  1305,
		"SET sql_mode = DEFAULT":                          1235,
		"SET nosuch = 1":                                  1193,
		"SELECT 1; SELECT 2":                              1149,
		"DROP TABLE nowhere":                              1051,
	} {
		_, err := db.ExecContext(ctx, query)
		if number(err) != n {
			t.Errorf("%s: %v, want error %d", query, err, n)
		}
		want := mysqlpool.Other
		if n == 1049 {
			want = mysqlpool.Denied
		}
		if class := mysqlpool.Classify(err); class != want {
			t.Errorf("%s: %v is %v, want %v", query, err, class, want)
		}
	}
	wantFree(ctx, t, c)
}

// Two transactions that wait for each other: one is rolled back, and its error says so. vtgate lets the transaction go on as an empty one.
func TestDeadlock(t *testing.T) {
	ctx := within(t, time.Minute)
	name := table(ctx, t, "id INT PRIMARY KEY, n INT")
	db, c := open(t, vitess.Unsharded, weir.WithMaxOpen(2))
	exec(ctx, t, db, "INSERT INTO "+name+" VALUES (1, 0), (2, 0)")
	errs := make(chan error, 2)
	var met sync.WaitGroup
	met.Add(2)
	for _, ids := range [][2]int{{1, 2}, {2, 1}} {
		go func() { errs <- inOrder(ctx, db, name, ids, &met) }()
	}
	failed := 0
	for range 2 {
		if err := <-errs; err != nil {
			failed++
			if number(err) != 1213 || mysqlpool.Classify(err) != mysqlpool.RolledBack {
				t.Errorf("%v is %v, want error 1213, %v", err, mysqlpool.Classify(err), mysqlpool.RolledBack)
			}
		}
	}
	want(t, "transactions rolled back", fmt.Sprint(failed), "1")
	want(t, "what the other has done", text(ctx, t, db, "SELECT SUM(n) FROM "+name), "2")
	wantFree(ctx, t, c)
}

// inOrder updates two rows in a transaction, and waits in between until the other has its first.
func inOrder(ctx context.Context, db beginner, name string, ids [2]int, met *sync.WaitGroup) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "UPDATE "+name+" SET n = n + 1 WHERE id = ?", ids[0]); err != nil {
		return err
	}
	met.Done()
	met.Wait()
	if _, err := tx.ExecContext(ctx, "UPDATE "+name+" SET n = n + 1 WHERE id = ?", ids[1]); err != nil {
		return err
	}
	return tx.Commit()
}

// A tablet ends transactions that take too long. No half of one is committed.
func TestTransactionTimeout(t *testing.T) {
	ctx := within(t, time.Minute)
	own := start(ctx, t, "--queryserver-config-transaction-timeout=500ms")
	name := tableOn(ctx, t, own, "v VARCHAR(20)")
	db, c := openOn(t, own, vitess.Unsharded, weir.WithMaxOpen(2))
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO "+name+" VALUES ('first')")
	until(ctx, t, "the tablet has ended the transaction", func() bool {
		_, err = tx.ExecContext(ctx, "SELECT COUNT(*) FROM "+name)
		return err != nil
	})
	wantIs(t, "the statement after it", err, mysqlpool.ErrSessionLost)
	_, err = tx.ExecContext(ctx, "INSERT INTO "+name+" VALUES ('second')")
	wantIs(t, "the next one", err, mysqlpool.ErrSessionLost)
	if err = tx.Commit(); mysqlpool.Classify(err) != mysqlpool.RolledBack {
		t.Errorf("Commit = %v, want an error that is RolledBack", err)
	}
	wantFree(ctx, t, c)
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM "+name), "0")
}

// A statement that takes longer than the tablet allows: a read fails, and what a write did is not known.
func TestStatementTimeout(t *testing.T) {
	ctx := within(t, time.Minute)
	own := start(ctx, t, "--queryserver-config-query-timeout=500ms")
	name := tableOn(ctx, t, own, "v DOUBLE")
	db, c := openOn(t, own, vitess.Unsharded, weir.WithMaxOpen(2))
	_, err := db.ExecContext(ctx, "SELECT SLEEP(20)")
	if number(err) != 1317 && number(err) != 3024 {
		t.Errorf("a read: %v, want error 1317 or 3024", err)
	}
	t.Log(err)
	_, err = db.ExecContext(ctx, "INSERT INTO "+name+" SELECT SLEEP(20)")
	wantIs(t, "a write", err, mysqlpool.ErrOutcomeUnknown)
	wantFree(ctx, t, c)
}
