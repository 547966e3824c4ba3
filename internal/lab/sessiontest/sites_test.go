package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// lineHere is "file.go:12", so many lines below its caller.
func lineHere(below int) string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", file[strings.LastIndexByte(file, '/')+1:], line+below)
}

// napping is a slow statement.
const napping = "SELECT SLEEP(0.3)"

// naps run it in several ways, each on a line of its own, which they send when they are about to.
var naps = []func(ctx context.Context, db *sql.DB, st *sql.Stmt, at chan<- string) error{
	func(ctx context.Context, db *sql.DB, _ *sql.Stmt, at chan<- string) error {
		at <- lineHere(1)
		_, err := db.ExecContext(ctx, napping)
		return err
	},
	func(ctx context.Context, db *sql.DB, _ *sql.Stmt, at chan<- string) error {
		var n int
		at <- lineHere(1)
		return db.QueryRowContext(ctx, napping).Scan(&n)
	},
	func(ctx context.Context, _ *sql.DB, st *sql.Stmt, at chan<- string) error {
		at <- lineHere(1)
		rows, err := st.QueryContext(ctx)
		if err != nil {
			return err
		}
		return rows.Close()
	},
	func(ctx context.Context, db *sql.DB, _ *sql.Stmt, at chan<- string) error {
		at <- lineHere(1)
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		_, err = tx.ExecContext(ctx, napping)
		return err
	},
	func(ctx context.Context, db *sql.DB, _ *sql.Stmt, at chan<- string) error {
		at <- lineHere(1)
		go db.ExecContext(ctx, napping) // no frame of the program's is on this goroutine but the one that starts it
		return nil
	},
}

// refusals counts what an exhausted pool said of its holders.
type refusals struct {
	mu     sync.Mutex // guards the fields below
	errors int
	sites  map[string]int // of holders for longer than 20 ms
}

func (r *refusals) add(err error) {
	e, ok := errors.AsType[*weir.ExhaustedError](err)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors++
	for _, h := range e.Holders {
		if h.Age > 20*time.Millisecond {
			r.sites[h.Site()]++
		}
	}
}

func TestEveryLongHolderHasItsLineUnderLoad(t *testing.T) {
	ctx := within(t, 60*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(len(naps)), weir.WithMaxWait(100*time.Millisecond))
	st, err := db.PrepareContext(ctx, napping)
	must(t, err)
	defer st.Close()
	seen := refusals{sites: map[string]int{}}
	load, stop := context.WithCancel(ctx)
	var lookups, all sync.WaitGroup
	defer lookups.Wait()
	defer stop()
	quick := lineHere(4)
	for i := range 8 {
		lookups.Go(func() {
			for n := 0; load.Err() == nil; n++ {
				seen.add(db.QueryRowContext(ctx, "SELECT ?", i).Scan(new(int)))
			}
		})
	}
	at := make(chan string, 10*len(naps))
	for range 10 {
		for _, nap := range naps {
			all.Go(func() { seen.add(nap(ctx, db, st, at)) })
		}
		all.Wait()
	}
	stop()
	lookups.Wait()
	close(at)
	lines := []string{quick}
	for line := range at {
		lines = append(lines, line)
	}
	lines = slices.Compact(slices.Sorted(slices.Values(lines)))
	seen.mu.Lock()
	defer seen.mu.Unlock()
	t.Logf("%d callers were refused, holders' lines were %v", seen.errors, seen.sites)
	if seen.errors == 0 || len(seen.sites) < len(naps) {
		t.Errorf("%d callers were refused, and told of %d lines: the test shows too little", seen.errors, len(seen.sites))
	}
	for site, n := range seen.sites {
		if !slices.Contains(lines, site) {
			t.Errorf("%d holders were listed with the line %q, want one of %q", n, site, lines)
		}
	}
}

// Small results, whose backends are back in the pool, leak a session each.
func TestForgottenSmallResultsAreBoundedAndTold(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, err := mysqlpool.Open(ctx, database(t), mysqlpool.WithoutSearch(), mysqlpool.WithMaxSessions(50), weir.WithMaxOpen(4), weir.WithMaxWait(50*time.Millisecond),
		weir.WithLeakThreshold(100*time.Millisecond), weir.WithLogger(slog.New(slog.DiscardHandler)))
	must(t, err)
	defer db.Close()
	c, _ := mysqlpool.ConnectorOf(db)
	var leaked []*sql.Rows
	defer func() {
		for _, rows := range leaked {
			rows.Close()
		}
	}()
	line := lineHere(3)
	for {
		var rows *sql.Rows
		if rows, err = db.QueryContext(ctx, "SELECT 1"); err != nil {
			break
		}
		leaked = append(leaked, rows)
	}
	wantCause(t, "a result too many", err, weir.ErrExhausted)
	if len(leaked) != 50 {
		t.Errorf("%d results were leaked, want 50", len(leaked))
	}
	contains(t, "the error", err.Error(), line)
	if n := c.Stats().InUse; n != 0 {
		t.Errorf("%d backends are held, want none", n)
	}
	until(ctx, t, "the leaks are counted", func() bool { return c.Sessions().Leaks == 50 })
	closing := db.Close()
	held, ok := errors.AsType[*mysqlpool.SessionsInUseError](closing)
	if !ok || held.Sessions != 50 || len(held.Held) != 1 || held.Held[0].Site != line {
		t.Errorf("Close says %v, want 50 sessions of %s", closing, line)
	}
}
