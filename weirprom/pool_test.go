package weirprom_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/weirprom"
)

func newPool(t *testing.T, f weir.Factory[int], opts ...weir.Option) *weir.Pool[int] {
	t.Helper()
	f.Close = func(int) error { return nil }
	silent := weir.WithLogger(slog.New(slog.DiscardHandler))
	p, err := weir.New(t.Context(), f, append([]weir.Option{weir.WithName("test"), silent}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

func acquire(t *testing.T, p *weir.Pool[int]) weir.Lease[int] {
	t.Helper()
	lease, err := p.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func expect(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for key, value := range want {
		if found, is := got[key]; !is || found != value {
			t.Errorf("%s is %v (exposed: %v), want %v", key, found, is, value)
		}
	}
}

// exhaust makes a pool of two whose both resources are lent, 20 ms apart because the first lease in a tick of the pool's
// clock is timed exactly; one caller has waited for MaxWait since, and another waits until cancel is called.
func exhaust(t *testing.T) (p *weir.Pool[int], leases [2]weir.Lease[int], cancel func()) {
	t.Helper()
	open := func(context.Context) (int, error) { return 1, nil }
	p = newPool(t, weir.Factory[int]{Open: open}, weir.WithMaxOpen(2), weir.WithMinIdle(2), weir.WithMaxWait(100*time.Millisecond))
	for i := range leases {
		time.Sleep(20 * time.Millisecond)
		leases[i] = acquire(t, p)
	}
	if _, err := p.Acquire(t.Context()); !errors.Is(err, weir.ErrExhausted) {
		t.Fatalf("acquire from an exhausted pool: %v", err)
	}
	ctx, end := context.WithCancel(t.Context())
	var caller sync.WaitGroup
	caller.Go(func() {
		if _, err := p.Acquire(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("acquire that was cancelled: %v", err)
		}
	})
	synctest.Wait()
	return p, leases, func() { end(); caller.Wait() }
}

func TestAnExhaustedPoolShowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, leases, cancel := exhaust(t)
		reg := register(t, newCollector(t, p, weirprom.WithGoSQLMetrics()))
		expect(t, values(t, reg), map[string]float64{
			`db_client_connection_count{db_client_connection_state="idle"}`: 0,
			`db_client_connection_count{db_client_connection_state="used"}`: 2,
			"db_client_connection_max":                                      2,
			"db_client_connection_idle_min":                                 2,
			"db_client_connection_pending_requests":                         1,
			"db_client_connection_timeouts_total":                           1,
			"weir_pool_oldest_lease_age_seconds":                            0.12,
			`weir_pool_resources{state="in_use"}`:                           2,
			`go_sql_in_use_connections{db_name="test"}`:                     2,
		})
		cancel()
		leases[0].Release()
		leases[1].Release()
	})
}

func TestWhatHappenedToAPoolIsCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, leases, cancel := exhaust(t)
		reg := register(t, newCollector(t, p, weirprom.WithGoSQLMetrics()))
		cancel()
		leases[0].Release()
		leases[0].Release()
		leases[1].Discard()
		synctest.Wait()
		p.Pause()
		expect(t, values(t, reg), map[string]float64{
			`db_client_connection_count{db_client_connection_state="used"}`: 0,
			"weir_pool_acquired_total":                                      2,
			"weir_pool_waited_total":                                        2,
			"weir_pool_canceled_total":                                      1,
			"weir_pool_misuses_total":                                       1,
			"weir_pool_oldest_lease_age_seconds":                            0,
			"weir_pool_paused":                                              1,
			"weir_pool_closed":                                              0,
			`weir_pool_retired_total{reason="error"}`:                       1,
			"weir_pool_opens_total":                                         float64(p.Stats().Opened),
			`db_client_connection_create_time_seconds_bucket{le="0.0001"}`:  float64(p.Stats().Opened),
			"db_client_connection_wait_time_seconds_count":                  4,
			"db_client_connection_wait_time_seconds_sum":                    0.1,
			`db_client_connection_wait_time_seconds_bucket{le="0.0001"}`:    3,
			`db_client_connection_wait_time_seconds_bucket{le="0.1"}`:       4,
			"db_client_connection_use_time_seconds_count":                   2,
			`db_client_connection_use_time_seconds_bucket{le="0.1"}`:        1,
			`db_client_connection_use_time_seconds_bucket{le="0.5"}`:        2,
			`go_sql_wait_count_total{db_name="test"}`:                       2,
			`go_sql_wait_duration_seconds_total{db_name="test"}`:            0.1,
		})
	})
}

func TestFailuresAreCountedWhereTheyHappen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var broken error
		ask := func() error {
			mu.Lock()
			defer mu.Unlock()
			return broken
		}
		f := weir.Factory[int]{
			Open:  func(context.Context) (int, error) { return 1, ask() },
			Check: func(context.Context, int) error { return ask() },
		}
		p := newPool(t, f, weir.WithMinIdle(1), weir.WithMaxWait(2*time.Second))
		reg := register(t, newCollector(t, p))
		mu.Lock()
		broken = errors.New("connection reset")
		mu.Unlock()
		time.Sleep(time.Minute) // of the bubble: an idle check and many opens fail
		synctest.Wait()
		got, s := values(t, reg), p.Stats()
		expect(t, got, map[string]float64{
			`weir_pool_check_failures_total{moment="idle"}`: 1,
			`weir_pool_check_failures_total{moment="open"}`: 0,
			`weir_pool_checks_total{moment="open"}`:         1,
			`weir_pool_retired_total{reason="error"}`:       1,
			"weir_pool_open_failures_total":                 float64(s.OpenFails),
		})
		if s.OpenFails == 0 {
			t.Error("no open failed: the test shows less than it should")
		}
	})
}

func TestAClosedPoolIsStillShown(t *testing.T) {
	p := newPool(t, weir.Factory[int]{Open: func(context.Context) (int, error) { return 1, nil }}, weir.WithMinIdle(1))
	reg := register(t, newCollector(t, p))
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, values(t, reg), map[string]float64{
		"weir_pool_closed":                                              1,
		"weir_pool_opens_total":                                         1,
		`weir_pool_retired_total{reason="closed"}`:                      1,
		`db_client_connection_count{db_client_connection_state="idle"}`: 0,
	})
}

// Several Prometheus servers scrape while the pool is busy, and some of its leases are taken back out of the counts.
func TestScrapesBesideABusyPoolSeeCountersThatOnlyGrow(t *testing.T) {
	var probes atomic.Int64
	f := weir.Factory[int]{
		Open: func(context.Context) (int, error) { return 1, nil },
		Probe: func(int) error {
			if probes.Add(1)%50 == 0 {
				return errors.New("connection reset")
			}
			return nil
		},
	}
	p := newPool(t, f, weir.WithMaxOpen(4), weir.WithMaxWait(10*time.Second))
	reg := register(t, newCollector(t, p, weirprom.WithGoSQLMetrics()))
	var work, scrapes sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for range 500 {
				acquire(t, p).Release()
			}
		})
	}
	for range 2 {
		scrapes.Go(func() { scrapesOnlyGrow(t, reg, 40) })
	}
	work.Wait()
	scrapes.Wait()
	s := p.Stats()
	if s.Acquired != 4000 || s.CheckFails[weir.OnAcquire] == 0 {
		t.Errorf("acquired %d, want 4000; failed probes %d, want some", s.Acquired, s.CheckFails[weir.OnAcquire])
	}
}

func scrapesOnlyGrow(t *testing.T, from prometheus.Gatherer, times int) {
	before := map[string]float64{}
	for range times {
		now := values(t, from)
		for key, value := range now {
			name, _, _ := strings.Cut(key, "{")
			grows := strings.HasSuffix(name, "_total") || strings.HasSuffix(name, "_bucket") || strings.HasSuffix(name, "seconds_count")
			if grows && value < before[key] {
				t.Errorf("%s went from %v back to %v", key, before[key], value)
			}
		}
		idle, used := now[`db_client_connection_count{db_client_connection_state="idle"}`], now[`db_client_connection_count{db_client_connection_state="used"}`]
		if idle+used > 4 {
			t.Errorf("idle %v and used %v are more than the 4 that may be open", idle, used)
		}
		before = now
	}
}
