package labtest

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
)

// leaveWithin is how long what a test has closed may take to end.
const leaveWithin = 10 * time.Second

// tests are what runs of this package's tests, by the names of the outermost ones: what was there when each began.
var tests struct {
	mu     sync.Mutex // guards the fields below
	begun  map[string]surroundings
	shared []*lab.Server
}

// surroundings are what a test finds, and must leave as it found it.
type surroundings struct {
	goroutines  []string          // their numbers
	connections map[string]string // the app user's, on the shared servers: their numbers, and what they are at
}

// share notes a server that the tests of a package have in common: each must leave as few connections of the app user on it as it
// found. What runs when it has just been started is nobody's leak.
func share(srv *lab.Server) {
	tests.mu.Lock()
	defer tests.mu.Unlock()
	tests.shared = append(tests.shared, srv)
	for name, found := range tests.begun {
		found.goroutines = numbers(stacks())
		tests.begun[name] = found
	}
}

// Begin looks at what is there when a test begins, and asserts when it has ended that nothing else is left: no goroutine of anybody,
// no connection to a shared server. So a leak is an error of the test that has it, whatever the order of tests. Each function of this
// package that a test calls first calls it; a test's own may. The first call counts, and subtests belong to their test.
// Tests that call it do not run in parallel.
func Begin(t testing.TB) {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	tests.mu.Lock()
	defer tests.mu.Unlock()
	if _, ok := tests.begun[name]; ok {
		return
	}
	if tests.begun == nil {
		tests.begun = map[string]surroundings{}
	}
	connections, err := connectionsTo(t.Context(), tests.shared)
	Must(t, err)
	tests.begun[name] = surroundings{goroutines: numbers(stacks()), connections: connections}
	t.Cleanup(func() { end(t, name) }) // the first of a test's clean-ups, and so the last to run
}

func end(t testing.TB, name string) {
	tests.mu.Lock()
	before, shared := tests.begun[name], tests.shared
	delete(tests.begun, name)
	tests.mu.Unlock()
	ctx := context.WithoutCancel(t.Context())
	wantGone(ctx, t, "every goroutine of the test has ended", before.goroutines, func(string) bool { return true })
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	var left []string
	err := lab.Until(ctx, "the shared servers have no connection of the test", func(ctx context.Context) (bool, error) {
		now, err := connectionsTo(ctx, shared)
		maps.DeleteFunc(now, func(id, _ string) bool { _, ok := before.connections[id]; return ok })
		left = slices.Sorted(maps.Values(now))
		return len(left) == 0, err
	})
	if err != nil {
		t.Errorf("%v:\n%s", err, strings.Join(left, "\n"))
	}
}

// WantNoGoroutine asserts that nothing of a pool, its adapter or the driver runs that did not run when the test began, and waits for that
// as [lab.Until] does. What is left is an error of the test, with its stacks, and does not end it.
func WantNoGoroutine(ctx context.Context, t testing.TB) {
	t.Helper()
	Begin(t)
	name, _, _ := strings.Cut(t.Name(), "/")
	tests.mu.Lock()
	before := tests.begun[name]
	tests.mu.Unlock()
	wantGone(ctx, t, "no goroutine of the pool is left", before.goroutines, func(stack string) bool {
		return strings.Contains(stack, "github.com/weirpool/weir.") || strings.Contains(stack, "/weir/mysqlpool.") ||
			strings.Contains(stack, "go-sql-driver/mysql.")
	})
}

// wantGone asserts that no goroutine of a kind runs but the caller's and those with the numbers, and waits for that.
func wantGone(ctx context.Context, t testing.TB, what string, numbered []string, ofKind func(stack string) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	var left []string
	err := lab.Until(ctx, what, func(context.Context) (bool, error) {
		left = slices.DeleteFunc(stacks()[1:], func(stack string) bool { return slices.Contains(numbered, number(stack)) || !ofKind(stack) })
		return len(left) == 0, nil
	})
	if err != nil {
		t.Errorf("%v:\n%s", err, strings.Join(left, "\n\n"))
	}
}

// stacks returns the stacks of all goroutines, the caller's first.
func stacks() []string {
	buf := make([]byte, 4<<20)
	return strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
}

func numbers(stacks []string) []string {
	var out []string
	for _, stack := range stacks {
		out = append(out, number(stack))
	}
	return out
}

// number is the number of the goroutine whose stack begins "goroutine 7 [running]:".
func number(stack string) string {
	n, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
	return n
}

// connectionsTo lists the app user's connections to the servers.
func connectionsTo(ctx context.Context, servers []*lab.Server) (map[string]string, error) {
	out := map[string]string{}
	for _, srv := range servers {
		if err := listConnections(ctx, srv, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func listConnections(ctx context.Context, srv *lab.Server, out map[string]string) error {
	rows, err := srv.Admin().QueryContext(ctx, "SELECT id, CONCAT_WS(' ', id, db, command, info) FROM information_schema.processlist WHERE user = 'app'")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, text string
		if err := rows.Scan(&id, &text); err != nil {
			return err
		}
		out[srv.Addr()+" "+id] = srv.Addr() + ": " + text
	}
	return rows.Err()
}
