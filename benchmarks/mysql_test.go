package benchmarks

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
)

// startForTest starts the server of one test. A server that cannot be started is a failure: what was not tried proves nothing.
func startForTest(t *testing.T, kind lab.Kind) (*mysqlServer, *lab.Server) {
	t.Helper()
	s := newMySQLServer(kind)
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	server, err := s.started()
	if err != nil {
		t.Fatal(err)
	}
	return s, server
}

func openMySQL(t *testing.T, s *mysqlServer, c mysqlContender, limit time.Duration) mysqlPool {
	t.Helper()
	cfg, err := s.config()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := c.open(cfg, limit)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

// connectionsMade is how many connections the server has accepted so far. It is asked on a connection that lives on: a new one
// would count.
func connectionsMade(t *testing.T, admin *sql.Conn) int {
	t.Helper()
	var name, value string
	if err := admin.QueryRowContext(t.Context(), "SHOW GLOBAL STATUS LIKE 'Connections'").Scan(&name, &value); err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestEveryMySQLContenderAnswersOnSixteenConnectionsThatItKeeps(t *testing.T) {
	s, server := startForTest(t, lab.MariaDB)
	admin, err := server.Admin().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for _, c := range mysqlContenders() {
		t.Run(c.name, func(t *testing.T) {
			before := connectionsMade(t, admin)
			pool := openMySQL(t, s, c, time.Minute)
			for _, q := range mysqlQueries() {
				const n = 300
				calls, err := loadMySQL(pool, 64, n, q, func() {})
				if err != nil {
					t.Fatalf("%s: %v", q.name, err)
				}
				if calls.refused != 0 {
					t.Errorf("%s: %d calls were refused", q.name, calls.refused)
				}
				for i := range n {
					if took, waited := calls.took[i], calls.waited[i]; waited <= 0 || took <= waited {
						t.Fatalf("%s: call %d took %v and waited %v, want more and some", q.name, i, took, waited)
					}
				}
			}
			if got := connectionsMade(t, admin) - before; got != mysqlMax {
				t.Errorf("%d connections were made, want %d", got, mysqlMax)
			}
			if err := pool.close(); err != nil {
				t.Error(err)
			}
			err := lab.Until(t.Context(), "all connections are closed", func(ctx context.Context) (bool, error) {
				n, err := server.Processes(ctx, "app")
				return n == 0, err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWrongAnswerFailsTheLoad(t *testing.T) {
	s, server := startForTest(t, lab.MariaDB)
	if _, err := server.Admin().ExecContext(t.Context(), "UPDATE app.t SET v = 0"); err != nil {
		t.Fatal(err)
	}
	pool := openMySQL(t, s, mysqlContenders()[0], 0)
	_, err := loadMySQL(pool, 4, 100, mysqlQuery{"indexed", askIndexed}, func() {})
	if err == nil {
		t.Error("the load has no error")
	}
	if err := pool.close(); err != nil {
		t.Error(err)
	}
}

func TestLimitEndsTheWaitForAMySQLConnection(t *testing.T) {
	s, _ := startForTest(t, lab.MariaDB)
	for _, c := range mysqlContenders() {
		if c.waitUnseen {
			continue // its connection is borrowed inside the statement
		}
		t.Run(c.name, func(t *testing.T) {
			pool := openMySQL(t, s, c, 200*time.Millisecond)
			gate := make(chan struct{})
			var holders, holding sync.WaitGroup
			holding.Add(mysqlMax)
			for range mysqlMax {
				holders.Go(func() {
					held := false
					err := pool.call(func(context.Context, rower) error {
						held = true
						holding.Done()
						<-gate
						return nil
					})
					if err != nil {
						t.Error(err)
					}
					if !held {
						holding.Done()
					}
				})
			}
			holding.Wait()
			calls, err := loadMySQL(pool, 1, 1, mysqlQueries()[0], func() {})
			close(gate)
			holders.Wait()
			if err != nil {
				t.Fatal(err)
			}
			if calls.refused != 1 || calls.waited[0] != calls.took[0] {
				t.Errorf("%d refused, waited %v of %v, want 1 and all of it", calls.refused, calls.waited[0], calls.took[0])
			}
			if err := pool.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMySQLCasesOfOneVariantHaveAllContenders(t *testing.T) {
	s := newMySQLServer(lab.MariaDB)
	groups := map[string]int{}
	for _, c := range mysqlCases(s) {
		groups[c.Variant]++
	}
	for _, variant := range []string{
		"query=select1/goroutines=8", "query=indexed/goroutines=64",
		"query=select1/goroutines=256", "query=indexed/goroutines=256/limit=1s",
	} {
		if got, want := groups[variant], len(mysqlContenders()); got != want {
			t.Errorf("%s has %d contenders, want %d", variant, got, want)
		}
	}
	if s.lab != nil {
		t.Error("naming the cases started a server")
	}
}

func TestMySQLServerIsOneAndEndsOnce(t *testing.T) {
	s, first := startForTest(t, lab.MariaDB)
	if again, err := s.started(); again != first || err != nil {
		t.Errorf("a second start gave another server, or %v", err)
	}
	for range 2 {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}
	if first.Running() {
		t.Error("the server runs on")
	}
	if _, err := s.config(); !errors.Is(err, errMySQLClosed) {
		t.Errorf("after close: %v, want %v", err, errMySQLClosed)
	}
}

func TestMySQLServerThatNobodyAskedForNeverStarts(t *testing.T) {
	s := newMySQLServer(lab.MariaDB)
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if _, err := s.started(); !errors.Is(err, errMySQLClosed) {
		t.Errorf("got %v, want %v", err, errMySQLClosed)
	}
}

func TestWithoutMariaDBEachMySQLCaseFailsAndSaysWhy(t *testing.T) {
	s := &mysqlServer{err: lab.ErrNoMariaDB}
	if _, err := s.config(); !errors.Is(err, lab.ErrNoMariaDB) {
		t.Errorf("got %v, want %v", err, lab.ErrNoMariaDB)
	}
	for _, c := range mysqlCases(s) {
		if r := testing.Benchmark(c.Run); r.N != 0 {
			t.Errorf("%s measured something", c.Contender)
		}
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// A mysqlStub answers calls without a server.
type mysqlStub func() error

func (s mysqlStub) call(mysqlUse) error { return s() }
func (s mysqlStub) close() error        { return nil }

func TestLoadStopsAtTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	var called atomic.Int64
	stub := mysqlStub(func() error { called.Add(1); return broken })
	if _, err := loadMySQL(stub, 4, 1000, mysqlQueries()[0], func() {}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if n := called.Load(); n > 4 {
		t.Errorf("4 goroutines made %d calls, want at most one each", n)
	}
}

func TestRanksOfTimesAreNearestRanks(t *testing.T) {
	times := make([]time.Duration, 200)
	for i := range times {
		times[i] = time.Duration(i + 1)
	}
	for _, tt := range []struct {
		n, percent int
		want       time.Duration
	}{{200, 50, 100}, {200, 99, 198}, {10, 99, 10}, {1, 50, 1}, {3, 50, 2}} {
		if got := mysqlRank(times[:tt.n], tt.percent); got != tt.want {
			t.Errorf("%d percent of %d: got %d, want %d", tt.percent, tt.n, got, tt.want)
		}
	}
}
