package clustertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// lockWaitTimeout is an error of the statement: what becomes of the transaction is the caller's business.
const lockWaitTimeout = 1205

const (
	accounts = 20
	deposit  = 1000 // of each account

	tellersPerWay = 6
	callWithin    = 5 * time.Second      // a teller's patience: what a paused server holds is free after that
	pace          = 4 * time.Millisecond // between two calls of all tellers: a node that joins must be able to catch up
)

var schema = []string{
	"CREATE TABLE app.accounts (id INT PRIMARY KEY, balance BIGINT NOT NULL)",
	"CREATE TABLE app.entries (id BIGINT PRIMARY KEY, payer INT NOT NULL, payee INT NOT NULL, amount BIGINT NOT NULL)",
}

// An entry is what a teller enters in the books: a transfer, or a note, which moves nothing.
type entry struct {
	id           int64
	payer, payee int
	amount       int64
}

// A bank is tellers who work through weir while its cluster is in trouble, and what they were told. An entry that was certainly not
// executed is tried again under its number: if it was executed after all, the second try finds it there.
type bank struct {
	db       *sql.DB
	sessions *mysqlpool.Connector // the DB's
	pool     *mysqlpool.Pool
	next     *time.Ticker
	stop     chan struct{}
	wg       sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	acked   map[entry]bool
	unknown map[entry]bool
	times   []time.Time    // of acknowledgements, in order
	told    map[string]int // errors: how often each kind
	strange map[string]int // those that nobody may be told
}

// openBank lets the tellers begin. The test must end them.
func openBank(ctx context.Context, db *sql.DB, pool *mysqlpool.Pool) *bank {
	sessions, _ := mysqlpool.ConnectorOf(db)
	b := &bank{
		db: db, sessions: sessions, pool: pool, next: time.NewTicker(pace), stop: make(chan struct{}),
		acked: map[entry]bool{}, unknown: map[entry]bool{}, told: map[string]int{}, strange: map[string]int{},
	}
	ways := []func(context.Context, entry) error{b.transferOverDB, b.transferOverPool, b.noteOverDB, b.noteOverPool}
	for i, way := range ways {
		for j := range tellersPerWay {
			b.wg.Go(func() { b.work(ctx, i*tellersPerWay+j, i < 2, way) })
		}
	}
	return b
}

func (b *bank) work(ctx context.Context, teller int, moves bool, way func(context.Context, entry) error) {
	for seq := 0; ; {
		select {
		case <-b.stop:
			return
		case <-ctx.Done():
			return
		case <-b.next.C:
		}
		e := entry{id: int64(teller)*1_000_000 + int64(seq)}
		if moves {
			e.payer, e.payee, e.amount = (teller+seq)%accounts, (teller+3*seq+1)%accounts, int64(seq%7+1)
		}
		ctx, cancel := context.WithTimeout(ctx, callWithin)
		err := way(ctx, e)
		cancel()
		if b.enter(e, err) {
			seq++
		}
	}
}

// enter notes what a teller was told, and reports whether it may go on to the next entry.
func (b *bank) enter(e entry, err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.acked[e] = true
		b.times = append(b.times, time.Now())
		return true
	}
	name := nameOf(err)
	b.told[name]++
	if labtest.Number(err) == lockWaitTimeout { // the teller has rolled back
		return false
	}
	switch mysqlpool.Classify(err) {
	case mysqlpool.NotSent, mysqlpool.RolledBack, mysqlpool.ServerDemoted:
		return false
	case mysqlpool.Unknown, mysqlpool.Canceled, mysqlpool.GoingAway:
		b.unknown[e] = true
		return true
	}
	b.strange[fmt.Sprintf("%s: %v", name, err)]++
	return true
}

// nameOf is the class of an error, and what it is: the server's number, or its kind.
func nameOf(err error) string {
	kind := "lost answer"
	switch n := labtest.Number(err); {
	case n > 0:
		kind = fmt.Sprint(n)
	case errors.Is(err, weir.ErrExhausted):
		kind = "exhausted"
	case errors.Is(err, mysqlpool.ErrSessionLost):
		kind = "session lost"
	case errors.Is(err, context.DeadlineExceeded):
		kind = "deadline"
	}
	return mysqlpool.Classify(err).String() + " " + kind
}

func (b *bank) transferOverDB(ctx context.Context, e entry) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if errors.Is(err, mysqlpool.ErrOutcomeUnknown) {
		return fmt.Errorf("BEGIN has no outcome: %v", err) // which is of no class
	}
	if err != nil {
		return err
	}
	return transfer(ctx, tx, e)
}

func (b *bank) transferOverPool(ctx context.Context, e entry) error {
	return b.pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		return transfer(ctx, tx, e)
	})
}

func transfer(ctx context.Context, tx *sql.Tx, e entry) error {
	first, second, change := e.payer, e.payee, -e.amount
	if first > second { // the order of all, so that deadlocks are the cluster's
		first, second, change = second, first, e.amount
	}
	for _, step := range []struct {
		query string
		args  []any
	}{
		{"UPDATE accounts SET balance = balance + ? WHERE id = ?", []any{change, first}},
		{"UPDATE accounts SET balance = balance + ? WHERE id = ?", []any{-change, second}},
		{"INSERT INTO entries VALUES (?, ?, ?, ?)", []any{e.id, e.payer, e.payee, e.amount}},
	} {
		if _, err := tx.ExecContext(ctx, step.query, step.args...); err != nil {
			_ = tx.Rollback() // what the statement said counts
			return ended(ctx, err)
		}
	}
	return ended(ctx, tx.Commit())
}

// ended is the context's error where database/sql only says that it has rolled back because of it.
func ended(ctx context.Context, err error) error {
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (b *bank) noteOverDB(ctx context.Context, e entry) error { return note(ctx, b.db, e) }

func (b *bank) noteOverPool(ctx context.Context, e entry) error {
	return b.pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error { return note(ctx, conn, e) })
}

// An execer is a DB or one of its connections.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func note(ctx context.Context, on execer, e entry) error {
	_, err := on.ExecContext(ctx, "INSERT INTO entries VALUES (?, ?, ?, ?)", e.id, e.payer, e.payee, e.amount)
	return err
}

// end sends the tellers home.
func (b *bank) end() {
	close(b.stop)
	b.wg.Wait()
	b.next.Stop()
}

// ackedSince counts the acknowledgements after a time.
func (b *bank) ackedSince(at time.Time) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, when := range slices.Backward(b.times) {
		if !when.After(at) {
			break
		}
		n++
	}
	return n
}

// pauseSince is the longest time without an acknowledgement that ended after at, and when it ended.
func (b *bank) pauseSince(at time.Time) (pause time.Duration, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.times) - 1; i > 0 && b.times[i].After(at); i-- {
		if d := b.times[i].Sub(b.times[i-1]); d > pause {
			pause, until = d, b.times[i]
		}
	}
	return pause, until
}

// toldSoFar is how often tellers were told each kind of error.
func (b *bank) toldSoFar() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.told)
}

// since is what has been counted since before, in words.
func since(before, now map[string]int) string {
	var said []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if n := now[name] - before[name]; n > 0 {
			said = append(said, fmt.Sprintf("%d x %s", n, name))
		}
	}
	if len(said) == 0 {
		return "no error"
	}
	return strings.Join(said, ", ")
}
