package benchmarks

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir/benchmarks/internal/report"
	"github.com/weirpool/weir/internal/lab"
)

// onEachServer runs a test on each kind of server, side by side. Where MySQL is missing its part is skipped.
func onEachServer(t *testing.T, f func(t *testing.T, kind lab.Kind)) {
	for _, kind := range []lab.Kind{lab.MariaDB, lab.MySQL} {
		t.Run(kind.String(), func(t *testing.T) {
			if err := lab.Available(kind); errors.Is(err, lab.ErrNoMySQL) {
				t.Skip(err)
			}
			t.Parallel()
			f(t, kind)
		})
	}
}

// startSessionServer starts the server of one test.
func startSessionServer(t *testing.T, kind lab.Kind) (*sessionServer, *lab.Server) {
	t.Helper()
	plain, _ := startForTest(t, kind)
	s := &sessionServer{mysql: plain}
	server, err := s.started()
	if err != nil {
		t.Fatal(err)
	}
	return s, server
}

func statusOf(t *testing.T, server *lab.Server, name string) float64 {
	t.Helper()
	n, err := globalStatus(server, name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The test runs itself as cmd/sessions does, with every case once, in its small form. It says nothing about speed.
func TestEverySessionCaseRunsAndIsReadByTheReport(t *testing.T) {
	onEachServer(t, everyCaseRuns)
}

func everyCaseRuns(t *testing.T, kind lab.Kind) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	cases, _ := SessionCases(kind, false)
	for _, c := range cases {
		want = append(want, lineName(c))
	}
	base := filepath.Join(t.TempDir(), "smoke")
	out, err := exec.CommandContext(t.Context(), self, "-test.run=^TestSessionRounds$", "-test.short", "-test.benchtime=1x",
		"-rounds=1", "-server="+kind.String(), "-out="+base).CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	text, err := os.ReadFile(base + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := report.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range raw.Series {
		got = append(got, s.Group+"/"+s.Key+"="+s.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, g := range report.SessionGoals(raw) {
		if g.Verdict == report.NotMeasured {
			t.Errorf("%s: %s: no case measures it", g.Workload, g.Words)
		}
	}
}

func TestSessionCasesHaveNamesOfTheirOwnAndWeirAmongThem(t *testing.T) {
	cases, _ := SessionCases(lab.MariaDB, true)
	seen, groups := map[string]bool{}, map[string]bool{}
	for _, c := range cases {
		if seen[lineName(c)] {
			t.Errorf("%s is there twice", c.Name())
		}
		seen[lineName(c)] = true
		groups[c.Group()] = groups[c.Group()] || c.Contender == "pool=weir"
	}
	for group, measured := range groups {
		if !measured {
			t.Errorf("%s does not measure weir", group)
		}
	}
}

func TestEveryLookupContenderAnswersOnTheConnectionsItMayHave(t *testing.T) {
	onEachServer(t, everyContenderAnswers)
}

func everyContenderAnswers(t *testing.T, kind lab.Kind) {
	s, server := startSessionServer(t, kind)
	for _, c := range lookupContenders() {
		t.Run(c.name, func(t *testing.T) {
			cfg, err := s.config()
			if err != nil {
				t.Fatal(err)
			}
			pool, err := c.open(cfg, mysqlMax)
			if err != nil {
				t.Fatal(err)
			}
			err = lab.Until(t.Context(), "all connections are open", func(ctx context.Context) (bool, error) {
				n, err := server.Processes(ctx, "app")
				return n == mysqlMax, err
			})
			if err != nil {
				t.Error(err)
			}
			load := sessionLoad{asks: pool.share(64), more: counted(300), begin: func() {}}
			if took, err := load.run(); err != nil || len(took) != 300 {
				t.Errorf("%d calls, %v, want 300", len(took), err)
			}
			if n, err := server.Processes(t.Context(), "app"); err != nil || n != mysqlMax {
				t.Errorf("after the load %d connections, %v, want %d", n, err, mysqlMax)
			}
			if err := pool.close(); err != nil {
				t.Error(err)
			}
			err = lab.Until(t.Context(), "all connections are closed", func(ctx context.Context) (bool, error) {
				n, err := server.Processes(ctx, "app")
				return n == 0, err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLongerWayIsPaidOncePerAnswer(t *testing.T) {
	s, _ := startSessionServer(t, lab.MariaDB)
	cfg, err := s.config()
	if err != nil {
		t.Fatal(err)
	}
	w := &way{}
	w.lead(cfg)
	pool, err := openStockLookups(cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.late.Load(); got != 0 {
		t.Errorf("%d answers were late before the way became longer", got)
	}
	w.lengthen(1)
	if _, err := pool.share(1)[0](t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got := w.late.Load(); got != 2 { // the closing of the statement has no answer
		t.Errorf("%d answers were late, want those of the preparation and of the execution", got)
	}
	if err := pool.close(); err != nil {
		t.Error(err)
	}
}

func TestEchoAsksTheServerOnceAndAnswersTheSame(t *testing.T) {
	s, server := startSessionServer(t, lab.MariaDB)
	cfg, err := s.config()
	if err != nil {
		t.Fatal(err)
	}
	echo(cfg, echoExec, echoQuery)
	db, err := openStock(cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	before := statusOf(t, server, "Com_do")
	for range 10 {
		if _, err := db.ExecContext(t.Context(), echoExec); err != nil {
			t.Fatal(err)
		}
		if err := askOne(t.Context(), db, 0); err != nil {
			t.Fatal(err)
		}
	}
	if got := statusOf(t, server, "Com_do") - before; got != 1 {
		t.Errorf("the server was asked %v times, want once", got)
	}
	var sum int
	if err := db.QueryRowContext(t.Context(), "SELECT 1 + 1").Scan(&sum); err != nil || sum != 2 {
		t.Errorf("another text: %d, %v, want 2", sum, err)
	}
}

func TestSessionLoadMakesAsManyCallsAsTold(t *testing.T) {
	right := func(_ context.Context, id int) (benchRow, error) {
		return benchRow{int64(id), rowName(id), int64(mysqlValue(id))}, nil
	}
	load := sessionLoad{asks: slices.Repeat([]lookup{right}, 7), more: counted(1000), begin: func() {}}
	if took, err := load.run(); err != nil || len(took) != 1000 {
		t.Errorf("%d calls, %v, want 1000", len(took), err)
	}
}

func TestSessionLoadEndsWithTheFirstWrongAnswerOrError(t *testing.T) {
	broken := errors.New("broken")
	for name, ask := range map[string]lookup{
		"error": func(context.Context, int) (benchRow, error) { return benchRow{}, broken },
		"another's row": func(_ context.Context, id int) (benchRow, error) {
			return benchRow{int64(id + 1), rowName(id + 1), int64(mysqlValue(id + 1))}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			forever := func() bool { return true }
			load := sessionLoad{asks: slices.Repeat([]lookup{ask}, 4), more: forever, begin: func() {}}
			if _, err := load.run(); err == nil || name == "error" && !errors.Is(err, broken) {
				t.Errorf("got %v, want what was wrong", err)
			}
		})
	}
}

func TestRefusedStatementDoesNotCountAsCancelled(t *testing.T) {
	s, _ := startSessionServer(t, lab.MariaDB)
	cfg, err := s.config()
	if err != nil {
		t.Fatal(err)
	}
	db, err := openStock(cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := new(cancelledCalls).one(db, "SELECT 1", time.Minute); err == nil {
		t.Error("a call that was refused at once counts as cancelled")
	}
}
