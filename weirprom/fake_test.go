package weirprom_test

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
	"github.com/weirpool/weir/weirprom"
	"github.com/weirpool/weir/weirprom/sessionprom"
)

// A fake is a Source whose numbers a test sets.
type fake struct {
	mu    sync.Mutex // guards the field below
	stats weir.Stats
}

func (f *fake) Stats() weir.Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

func (f *fake) change(how func(*weir.Stats)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how(&f.stats)
}

// busy has another number in every field, so that none can be taken for another.
func busy(name string) *fake {
	return &fake{stats: weir.Stats{
		Name: name, MaxOpen: 32, MinIdle: 4, Generation: 3, Paused: true,
		Open: 23, Idle: 5, InUse: 11, Checking: 1, Closing: 6, Opening: 2, Waiting: 7, OldestLease: 2500 * time.Millisecond,
		Acquired: 1000, Waited: 150, Timeouts: 13, Canceled: 14, Shed: 15, Opened: 60, OpenFails: 17,
		Checks:     [weir.Moments]uint64{61, 400, 90},
		CheckFails: [weir.Moments]uint64{1, 8, 9},
		Retired:    [weir.Reasons]uint64{20, 21, 22, 23, 24, 25, 26, 27},
		CloseFails: 28, Leaks: 30, LeaksReturned: 29, Misuses: 31,
		Wait:     weir.Histogram{Count: 1042, Sum: 12345 * time.Millisecond, Buckets: [12]uint64{850, 20, 30, 40, 50, 10, 9, 8, 7, 6, 5, 7}},
		Use:      weir.Histogram{Count: 990, Sum: 250 * time.Second, Buckets: [12]uint64{1, 2, 3, 4, 5, 900, 60, 8, 4, 2, 1, 0}},
		OpenTime: weir.Histogram{Count: 60, Sum: 600 * time.Millisecond, Buckets: [12]uint64{4: 59, 7: 1}},
	}}
}

func newCollector(t *testing.T, pool weirprom.Source, opts ...weirprom.Option) *weirprom.Collector {
	t.Helper()
	c, err := weirprom.NewCollector(pool, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// busySessions are a Source of sessions, too.
type busySessions struct{ *fake }

func (busySessions) Sessions() mysqlpool.SessionStats { return mysqlpool.SessionStats{} }

func (busySessions) LeftTransactions() uint64 { return 41 }

// newSessionCollector exposes everything there is.
func newSessionCollector(t *testing.T, opts ...weirprom.Option) prometheus.Collector {
	t.Helper()
	c, err := sessionprom.NewCollector(busySessions{busy("billing")}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// register returns a registry, one that checks what it is told, with the collectors on it.
func register(t *testing.T, collectors ...prometheus.Collector) *prometheus.Registry {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	for _, c := range collectors {
		if err := reg.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	return reg
}

// scrape returns what Prometheus would read.
func scrape(t *testing.T, from prometheus.Gatherer) string {
	t.Helper()
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(from, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("scrape: status %d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// values returns the scraped samples by name and labels, the label of the pool's name left out.
func values(t *testing.T, from prometheus.Gatherer) map[string]float64 {
	t.Helper()
	found := make(map[string]float64)
	for line := range strings.Lines(scrape(t, from)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		key, text, _ := cutLast(strings.TrimSpace(line), " ")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("sample %q: %v", line, err)
		}
		found[withoutPool(key)] = value
	}
	return found
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func withoutPool(key string) string {
	name, labels, found := strings.Cut(strings.TrimSuffix(key, "}"), "{")
	if !found {
		return key
	}
	var rest []string
	for label := range strings.SplitSeq(labels, ",") {
		if !strings.HasPrefix(label, "db_client_connection_pool_name=") {
			rest = append(rest, label)
		}
	}
	if rest == nil {
		return name
	}
	return name + "{" + strings.Join(rest, ",") + "}"
}
