package benchmarks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir/internal/lab"
)

// A heldSize is how much of S2 there is.
type heldSize struct {
	sessions int
	backends int
	span     time.Duration // of the load
	think    time.Duration // from call to call of a session, 0: none
}

func heldSizes(full bool) (saturated, thinking heldSize) {
	if !full {
		return heldSize{20, 2, 20 * time.Millisecond, 0}, heldSize{50, 2, 40 * time.Millisecond, 20 * time.Millisecond}
	}
	return heldSize{1_000, 10, 3 * time.Second, 0}, heldSize{10_000, 10, 4 * time.Second, time.Second}
}

// heldCases is S2Held: 1,000 goroutines that ask without a pause, each on a *sql.Conn that it keeps, or, as "database/sql", each
// time on a *sql.DB that is limited to as many connections as weir has backends. Each has a server that nobody used before.
//
//	server-MB       the server's resident memory at the end of the load, all sessions still there, beyond that before the first
//	server-threads  of connections, then
func heldCases(kind lab.Kind, full bool) []Case {
	size, _ := heldSizes(full)
	return inRounds(heldRounds, quick(heldOver("S2Held", kind, size, heldContenders())))
}

// thinkCases is S2Think: 10,000 sessions with a second between the calls of each.
//
//	client-MB  heap of this process when the load is over, the sessions still there, beyond that before
func thinkCases(kind lab.Kind, full bool) []Case {
	_, size := heldSizes(full)
	return inRounds(thinkRounds, heldOver("S2Think", kind, size, heldContenders()[:1]))
}

// How often S2 is measured at most: each takes seconds.
const (
	heldRounds  = 4
	thinkRounds = 2
)

func heldOver(workload string, kind lab.Kind, size heldSize, contenders []heldContender) []Case {
	var cases []Case
	for _, c := range contenders {
		cases = append(cases, Case{
			Workload: workload, Contender: "pool=" + c.name,
			Run: func(b *testing.B) { runHeld(b, kind, c, size) },
		})
	}
	return cases
}

// A heldContender gives sessions. They are there when open returns.
type heldContender struct {
	name string
	open func(cfg *mysql.Config, size heldSize) (lookupPool, error)
}

func heldContenders() []heldContender {
	return []heldContender{
		{"weir", func(cfg *mysql.Config, size heldSize) (lookupPool, error) { return openWeirSessions(cfg, size, "") }},
		{"weir with ten states", func(cfg *mysql.Config, size heldSize) (lookupPool, error) {
			return openWeirSessions(cfg, size, "SET time_zone = '+%02d:00'")
		}},
		{"database/sql", func(cfg *mysql.Config, size heldSize) (lookupPool, error) {
			return openStockLookups(cfg, size.backends)
		}},
		{"database/sql held connections", func(cfg *mysql.Config, size heldSize) (lookupPool, error) {
			db, err := openMySQLDB(cfg)
			if err != nil {
				return lookupPool{}, err
			}
			return holdSessions(db, db.Close, size.sessions, "")
		}},
	}
}

// runHeld does its work once, however often it is called for: the span says how long.
func runHeld(b *testing.B, kind lab.Kind, c heldContender, size heldSize) {
	server, err := freshServer(kind, size.sessions+100)
	if err != nil {
		b.Fatal(err)
	}
	err = measureHeld(b, server, c, size)
	if err := errors.Join(err, server.Close()); err != nil {
		b.Fatal(err)
	}
}

func measureHeld(b *testing.B, server *lab.Server, c heldContender, size heldSize) error {
	cfg, err := configOf(server)
	if err != nil {
		return err
	}
	warm(b, size.sessions)
	client := takeFootprint()
	idle, err := server.RSS()
	if err != nil {
		return err
	}
	pool, err := c.open(cfg, size)
	if err != nil {
		return err
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	took, elapsed, err := size.load(b, pool)
	if err == nil {
		reportEach(b, len(took), elapsed, memory)
		reportCalls(b, took, elapsed)
		err = reportServer(b, server, idle)
	}
	if size.think > 0 {
		took = nil // it is no session's
		f := takeFootprint().since(client)
		b.ReportMetric(f.heap/(1<<20), "client-MB")
	}
	return errors.Join(err, pool.close())
}

// reportEach puts a call in the place of the benchmark's own unit, which is the whole load.
func reportEach(b *testing.B, calls int, elapsed time.Duration, before runtime.MemStats) {
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	n := float64(max(calls, 1))
	b.ReportMetric(float64(elapsed)/n, "ns/op")
	b.ReportMetric(float64(now.TotalAlloc-before.TotalAlloc)/n, "B/op")
	b.ReportMetric(float64(now.Mallocs-before.Mallocs)/n, "allocs/op")
}

func reportServer(b *testing.B, server *lab.Server, idle int64) error {
	now, err := server.RSS()
	if err != nil {
		return err
	}
	threads, err := server.Processes(context.Background(), "app")
	if err != nil {
		return err
	}
	b.ReportMetric(float64(now-idle)/(1<<20), "server-MB")
	b.ReportMetric(float64(threads), "server-threads")
	return nil
}

// load lets all sessions ask for as long as the span says.
func (s heldSize) load(b *testing.B, pool lookupPool) (took []time.Duration, elapsed time.Duration, err error) {
	var start time.Time
	b.ResetTimer()
	l := sessionLoad{
		asks:  pool.share(s.sessions),
		begin: func() { start = time.Now() },
		more:  func() bool { return time.Since(start) < s.span },
	}
	if s.think > 0 {
		l.pause = s.thinks
	}
	took, err = l.run()
	elapsed = time.Since(start)
	if s.think > 0 {
		elapsed = s.span // who was in a pause at its end made no more calls
	}
	b.StopTimer()
	return took, elapsed, err
}

// thinks pauses before a call. The sessions begin at any time within the first pause.
func (s heldSize) thinks(_, turn int) {
	d := s.think
	if turn == 0 {
		d = rand.N(s.think)
	}
	time.Sleep(d)
}

// states is how many states there are where sessions have one.
const states = 10

// holdSessions keeps n connections of db, or what db takes for such. A state is a statement with a number in it, which each session
// runs before the load; empty: none.
func holdSessions(db *sql.DB, end func() error, n int, state string) (lookupPool, error) {
	conns, err := holdConns(db, n)
	letGo := func() error {
		var err error
		for _, conn := range conns {
			err = errors.Join(err, conn.Close())
		}
		return errors.Join(err, end())
	}
	if err == nil && state != "" {
		err = setStates(conns, state)
	}
	if err != nil {
		return lookupPool{}, errors.Join(err, letGo())
	}
	return lookupPool{share: func(n int) []lookup { return onEach(conns[:n]) }, close: letGo}, nil
}

func onEach(conns []*sql.Conn) []lookup {
	asks := make([]lookup, 0, len(conns))
	for conn := range slices.Values(conns) {
		asks = append(asks, lookupOn(conn))
	}
	return asks
}

// setStates gives the sessions one state after the other, in turn.
func setStates(conns []*sql.Conn, state string) error {
	for i, conn := range conns {
		if _, err := conn.ExecContext(context.Background(), fmt.Sprintf(state, i%states+1)); err != nil {
			return fmt.Errorf("benchmarks: %w", err)
		}
	}
	return nil
}
