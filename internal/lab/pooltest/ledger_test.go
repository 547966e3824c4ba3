package pooltest_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

const schema = "CREATE TABLE app.entries (id BIGINT AUTO_INCREMENT PRIMARY KEY, writer INT NOT NULL, seq INT NOT NULL)"

// A row is what a writer wrote, exactly once.
type row struct{ writer, seq int }

// A ledger is writers that insert one row after another through a pool, and what they were told.
type ledger struct {
	pool *mysqlpool.Pool
	stop chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	acked   map[row]bool
	unknown map[row]bool
	begun   []time.Time // when each acknowledged write began
	done    []time.Time // when it was acknowledged
	refused int         // writes that a read-only server refused, 1290
	starved []error     // of Acquire
	lost    []error     // outcome unknown
	other   []error     // everything else
}

// write makes n writers begin. The test must end them.
func write(ctx context.Context, pool *mysqlpool.Pool, n int) *ledger {
	l := &ledger{pool: pool, stop: make(chan struct{}), acked: map[row]bool{}, unknown: map[row]bool{}}
	for writer := range n {
		l.wg.Go(func() { l.work(ctx, writer) })
	}
	return l
}

// work tries a row again when the server certainly does not have it.
func (l *ledger) work(ctx context.Context, writer int) {
	for seq := 0; ; {
		select {
		case <-l.stop:
			return
		case <-ctx.Done():
			return
		default:
		}
		begun := time.Now()
		err := l.pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
			_, err := conn.ExecContext(ctx, "INSERT INTO entries (writer, seq) VALUES (?, ?)", writer, seq)
			return err
		})
		if l.enter(row{writer, seq}, begun, err) {
			seq++
		}
	}
}

// enter notes what came of a write, and reports whether the writer may go on to the next row.
func (l *ledger) enter(r row, begun time.Time, err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch class := mysqlpool.Classify(err); {
	case err == nil:
		l.acked[r] = true
		l.begun, l.done = append(l.begun, begun), append(l.done, time.Now())
		return true
	case errors.Is(err, weir.ErrExhausted):
		l.starved = append(l.starved, err)
	case class == mysqlpool.ServerDemoted:
		l.refused++
	case class == mysqlpool.Unknown:
		l.lost = append(l.lost, err)
		l.unknown[r] = true
		return true
	case class != mysqlpool.NotSent:
		l.other = append(l.other, err)
	}
	return false
}

// end sends the writers home.
func (l *ledger) end() {
	close(l.stop)
	l.wg.Wait()
}

// ackedAfter counts the acknowledged writes that began after a time.
func (l *ledger) ackedAfter(at time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, begun := range l.begun {
		if begun.After(at) {
			n++
		}
	}
	return n
}

// firstAfter is how long after a time the first write was acknowledged, whenever its writer had begun to wait.
func (l *ledger) firstAfter(at time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := time.Duration(-1)
	for _, done := range l.done {
		if d := done.Sub(at); d > 0 && (first < 0 || d < first) {
			first = d
		}
	}
	return first
}

// starvedSoFar are the refusals of callers until now.
func (l *ledger) starvedSoFar() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.starved)
}

func (l *ledger) await(ctx context.Context, t *testing.T, what string, n int, since time.Time) {
	t.Helper()
	until(ctx, t, what, func() bool { return l.ackedAfter(since) >= n })
}

// rows reads what a server has.
func rows(ctx context.Context, t *testing.T, db *sql.DB) map[row]int {
	t.Helper()
	found, err := db.QueryContext(ctx, "SELECT writer, seq FROM app.entries")
	must(t, err)
	defer found.Close()
	out := map[row]int{}
	for found.Next() {
		var r row
		must(t, found.Scan(&r.writer, &r.seq))
		out[r]++
	}
	must(t, found.Err())
	return out
}

// check compares the ledger with what the server has. Nobody writes any more.
func (l *ledger) check(t *testing.T, has map[row]int) {
	t.Helper()
	for r := range l.acked {
		if has[r] != 1 {
			t.Errorf("acknowledged row %v is there %d times", r, has[r])
		}
	}
	for r, n := range has {
		if !l.acked[r] && !l.unknown[r] || n > 1 {
			t.Errorf("row %v is there %d times, acknowledged %v, outcome unknown %v", r, n, l.acked[r], l.unknown[r])
		}
	}
	for _, err := range l.other {
		t.Errorf("a writer got %v", err)
	}
}
