package sessionprom_test

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
	"github.com/weirpool/weir/weirprom"
	"github.com/weirpool/weir/weirprom/sessionprom"
)

var _ sessionprom.Source = (*mysqlpool.Connector)(nil)

// A fake is a Source with another number in every field, so that none can be taken for another.
type fake string

func (f fake) Stats() weir.Stats { return weir.Stats{Name: string(f), MaxOpen: 20, InUse: 6} }

func (fake) Sessions() mysqlpool.SessionStats {
	s := mysqlpool.SessionStats{
		Sessions: 200, MaxPinned: 16, InUse: 150, MaxSessions: 160, Waiting: 12, OldestAge: 7500 * time.Millisecond,
		Refused: 53, Leaks: 55, LeaksReturned: 54,
		Pinned: []mysqlpool.Pin{
			{Reason: mysqlpool.PinGetLock, Age: 90 * time.Second},
			{Reason: mysqlpool.PinUserVariable, Age: 2500 * time.Millisecond},
			{Reason: mysqlpool.PinGetLock, Age: time.Second},
		},
		Replays: 41, Resets: 42, ResetFails: 43, Rollbacks: 44, Kills: 45, Cuts: 46, Retries: 47, OutcomeUnknown: 48,
		SessionsLost: 49, StickyLost: 50, RowsBuffered: 51, RowsStreamed: 52,
		Statements: mysqlpool.StatementStats{Cached: 61, Hits: 62, Misses: 63, OneShots: 64, Evictions: 65, Reprepares: 66},
	}
	for r := range s.Pins {
		s.Pins[r] = uint64(100 + r)
	}
	return s
}

func newCollector(t *testing.T, from sessionprom.Source, opts ...weirprom.Option) *sessionprom.Collector {
	t.Helper()
	c, err := sessionprom.NewCollector(from, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// scrape returns what Prometheus would read, from a registry that checks what it is told.
func scrape(t *testing.T, collectors ...prometheus.Collector) string {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	for _, c := range collectors {
		if err := reg.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("scrape: status %d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// part takes the lines about sessions and their statements apart from all others.
func part(text string) (sessions, others string) {
	var of [2]strings.Builder
	for line := range strings.Lines(text) {
		i := 1
		if strings.Contains(line, "weir_session_") || strings.Contains(line, "weir_statement_") {
			i = 0
		}
		of[i].WriteString(line)
	}
	return of[0].String(), of[1].String()
}

func TestSessionsAreShownAsTheGoldenFileSays(t *testing.T) {
	c := newCollector(t, fake("shop"), weirprom.WithConstLabels(prometheus.Labels{"region": "north"}))
	want, err := os.ReadFile("testdata/exposition.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, _ := part(scrape(t, c))
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("exposition (-want +got):\n%s", diff)
	}
}

func TestBackendsAreShownAsAnyPool(t *testing.T) {
	backends, err := weirprom.NewCollector(fake("shop"), weirprom.WithGoSQLMetrics())
	if err != nil {
		t.Fatal(err)
	}
	want := scrape(t, backends)
	_, got := part(scrape(t, newCollector(t, fake("shop"), weirprom.WithGoSQLMetrics())))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("backends (-as a pool +beside sessions):\n%s", diff)
	}
}

// The one finding is about OpenTelemetry's name for the number of connections, which weirprom keeps.
func TestLintFindsNothingInTheNamesOfSessions(t *testing.T) {
	problems, err := testutil.CollectAndLint(newCollector(t, fake("shop")))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if p.Metric != "db_client_connection_count" {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestSeveralConnectorsAndPoolsShareARegistry(t *testing.T) {
	pool, err := weirprom.NewCollector(fake("jobs"))
	if err != nil {
		t.Fatal(err)
	}
	text := scrape(t, newCollector(t, fake("shop")), newCollector(t, fake("shop"), weirprom.WithPoolName("ledger")), pool)
	for pool, want := range map[string]int{"shop": 1, "ledger": 1, "jobs": 0} {
		if got := strings.Count(text, `weir_session_open{db_client_connection_pool_name="`+pool+`"} 200`); got != want {
			t.Errorf("%s: found %d numbers of sessions, want %d", pool, got, want)
		}
	}
}

func TestWrongInputIsAnErrorThatSaysWhatIsWrong(t *testing.T) {
	var noConnector *mysqlpool.Connector
	tests := []struct {
		name string
		from sessionprom.Source
		opts []weirprom.Option
		want string
	}{
		{"nil source", nil, nil, "pool is nil"},
		{"nil connector", noConnector, nil, "pool is nil"},
		{"nameless", fake(""), nil, "the pool's name is empty"},
		{"label of a pin", fake("a"), []weirprom.Option{weirprom.WithConstLabels(prometheus.Labels{"reason": "x"})}, "the collector uses this name itself"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := sessionprom.NewCollector(test.from, test.opts...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
			if c != nil {
				t.Error("a collector came with the error")
			}
		})
	}
}
