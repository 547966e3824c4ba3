package vitesstest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/internal/vitess"
	"github.com/weirpool/weir/mysqlpool"
)

// A load is workers that write, each its own rows in order, and the books of what became of them.
type load struct {
	db   *sql.DB
	into string
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	sure    map[int64]bool
	unsure  map[int64]bool
	errors  map[string]int
	longest time.Duration
}

// startLoad starts writers: some write a row at a time, some two in a transaction.
func startLoad(ctx context.Context, t *testing.T, db *sql.DB, into string) *load {
	l := &load{db: db, into: into, stop: make(chan struct{}), sure: map[int64]bool{}, unsure: map[int64]bool{}, errors: map[string]int{}}
	for i := range 6 {
		l.done.Go(func() {
			for n := int64(0); ; n++ {
				select {
				case <-l.stop:
					return
				default:
				}
				l.one(ctx, int64(i)*1e9+10*n, i%2 == 0)
			}
		})
	}
	t.Cleanup(func() { l.end() })
	return l
}

// one writes the row id, and the row after it if it is a transaction, and books what came of it.
func (l *load) one(ctx context.Context, id int64, alone bool) {
	began := time.Now()
	err := l.write(ctx, id, alone)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.longest = max(l.longest, time.Since(began))
	rows := []int64{id, id + 1}
	if alone {
		rows = rows[:1]
	}
	class := mysqlpool.Classify(err)
	for _, row := range rows {
		switch {
		case err == nil:
			l.sure[row] = true
		case class == mysqlpool.Unknown || class == mysqlpool.Canceled:
			l.unsure[row] = true
		}
	}
	if err != nil {
		what := fmt.Sprintf("%v, number %d", class, number(err))
		for _, known := range []error{weir.ErrExhausted, mysqlpool.ErrSessionLost, mysqlpool.ErrOutcomeUnknown} {
			if errors.Is(err, known) {
				what += ", " + known.Error()
			}
		}
		l.errors[what]++
	}
}

func (l *load) write(ctx context.Context, id int64, alone bool) error {
	if alone {
		_, err := l.db.ExecContext(ctx, "INSERT INTO "+l.into+" VALUES (?)", id)
		return err
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for i := range int64(2) {
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+l.into+" VALUES (?)", id+i); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// served is how many rows were written for certain.
func (l *load) served() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sure)
}

// more waits until so many more rows were written.
func (l *load) more(ctx context.Context, t *testing.T, n int) {
	t.Helper()
	before := l.served()
	until(ctx, t, fmt.Sprintf("%d more rows are written", n), func() bool { return l.served() >= before+n })
}

func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.done.Wait()
}

// balance compares the books with the table: each row that was written for certain is there, and no other but those of unknown outcome.
func (l *load) balance(ctx context.Context, t *testing.T, on *vitess.Cluster) {
	t.Helper()
	l.end()
	rows, err := on.MySQL.Admin().QueryContext(ctx, "SELECT id FROM vt_shop_0."+l.into)
	must(t, err)
	defer rows.Close()
	there := map[int64]bool{}
	for rows.Next() {
		var id int64
		must(t, rows.Scan(&id))
		there[id] = true
		if !l.sure[id] && !l.unsure[id] {
			t.Errorf("row %d is there, and its writer was told that it is not", id)
		}
	}
	must(t, rows.Err())
	for id := range l.sure {
		if !there[id] {
			t.Errorf("row %d is lost", id)
		}
	}
	t.Logf("%d rows written, %d of unknown outcome, longest call %v", len(l.sure), len(l.unsure), l.longest.Round(time.Millisecond))
	for _, what := range slices.Sorted(maps.Keys(l.errors)) {
		t.Logf("%6d errors: %s", l.errors[what], what)
	}
}

// The primary is replaced three times under load.
func TestReparentUnderLoad(t *testing.T) {
	for name, args := range map[string][]string{
		"without buffering": nil,
		"with buffering":    {"--enable-buffer", "--buffer-min-time-between-failovers=1s"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := within(t, 3*time.Minute)
			own := start(ctx, t, args...)
			into := tableOn(ctx, t, own, "id BIGINT PRIMARY KEY")
			db, c := openOn(t, own, vitess.Unsharded+"@primary", weir.WithMaxOpen(4), weir.WithMaxWait(10*time.Second), mysqlpool.WithRole(mysqlpool.Primary))
			l := startLoad(ctx, t, db, into)
			for _, tablet := range []int{2, 1, 2} {
				l.more(ctx, t, 100)
				must(t, own.Reparent(ctx, tablet))
				l.more(ctx, t, 100)
				wantPrimary(ctx, t, db, tablet)
			}
			l.balance(ctx, t, own)
			wantFree(ctx, t, c)
		})
	}
}

// wantPrimary waits until vtgate knows the tablet as the only primary of its shard.
func wantPrimary(ctx context.Context, t *testing.T, db *sql.DB, tablet int) {
	t.Helper()
	must(t, lab.Until(ctx, fmt.Sprintf("tablet %d is the primary", tablet), func(ctx context.Context) (bool, error) {
		rows, err := db.QueryContext(ctx, "SHOW VITESS_TABLETS")
		if err != nil {
			return false, err
		}
		defer rows.Close()
		var primaries []string
		for rows.Next() {
			var f [8]sql.NullString
			if err := rows.Scan(&f[0], &f[1], &f[2], &f[3], &f[4], &f[5], &f[6], &f[7]); err != nil {
				return false, err
			}
			if f[1].String == vitess.Unsharded && f[3].String == "PRIMARY" {
				primaries = append(primaries, f[5].String)
			}
		}
		if want := fmt.Sprintf("test-%010d", tablet); !slices.Equal(primaries, []string{want}) {
			return false, fmt.Errorf("the primaries are %v", primaries)
		}
		return true, rows.Err()
	}))
}

// MySQL is restarted, then killed and started again, behind the tablets.
func TestRestartOfMySQLUnderLoad(t *testing.T) {
	ctx := within(t, 3*time.Minute)
	own := start(ctx, t)
	into := tableOn(ctx, t, own, "id BIGINT PRIMARY KEY")
	db, c := openOn(t, own, vitess.Unsharded, weir.WithMaxOpen(4), weir.WithMaxWait(10*time.Second), mysqlpool.WithRole(mysqlpool.Primary))
	l := startLoad(ctx, t, db, into)
	l.more(ctx, t, 100)
	must(t, own.MySQL.Restart(ctx))
	l.more(ctx, t, 100)
	must(t, own.MySQL.Kill9())
	must(t, own.MySQL.Restart(ctx))
	l.more(ctx, t, 100)
	l.balance(ctx, t, own)
	wantFree(ctx, t, c)
	until(ctx, t, "vtgate has the pool's connections and no more", func() bool {
		vars, err := own.Vars(ctx)
		must(t, err)
		return int(vars["MysqlServerConnCount"].(float64)) <= c.Stats().Open+4 // those of the killer
	})
}

// A session whose transaction vtgate has given up refuses everything until ROLLBACK (VT09032). The next session on the connection must
// not find it so.
func TestFailedTransactionIsNotLeftToTheNextSession(t *testing.T) {
	ctx := within(t, 3*time.Minute)
	own := start(ctx, t)
	into := tableOn(ctx, t, own, "id BIGINT PRIMARY KEY")
	db, c := openOn(t, own, vitess.Unsharded, weir.WithMaxOpen(1), weir.WithMaxWait(10*time.Second))
	for i, begin := range []string{"BEGIN", "SET autocommit = 0", "START TRANSACTION"} {
		conn := hold(ctx, t, db)
		exec(ctx, t, conn, begin)
		exec(ctx, t, conn, fmt.Sprintf("INSERT INTO %s VALUES (%d)", into, i))
		must(t, own.Reparent(ctx, 2-i%2))
		wantPrimary(ctx, t, labtest.Stock(t, own.DSN(vitess.Unsharded)), 2-i%2)
		for _, statement := range []string{fmt.Sprintf("INSERT INTO %s VALUES (%d)", into, 10+i), "COMMIT", "BEGIN", "SELECT 1", "ALTER TABLE nowhere ADD COLUMN a INT"} {
			if _, err := conn.ExecContext(ctx, statement); err == nil {
				t.Errorf("%s worked after the transaction had failed", statement)
			}
		}
		must(t, conn.Close())
		exec(ctx, t, db, "INSERT INTO "+into+" VALUES (?)", 200+i)
		wantFree(ctx, t, c)
	}
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM "+into+" WHERE id < 100"), "0")
}
