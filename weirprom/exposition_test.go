package weirprom_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/weirprom"
)

func TestExpositionIsWhatTheGoldenFileSays(t *testing.T) {
	c := newCollector(t, busy("billing"), weirprom.WithGoSQLMetrics(), weirprom.WithConstLabels(prometheus.Labels{"region": "north"}))
	want, err := os.ReadFile("testdata/exposition.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), scrape(t, register(t, c))); diff != "" {
		t.Errorf("exposition (-want +got):\n%s", diff)
	}
}

// OpenTelemetry's name for the number of connections ends like a series of a histogram, which lint holds against a gauge.
// Everything else must be clean, and this must stay the only exception.
func TestLintFindsNothingButTheNameThatOpenTelemetryChose(t *testing.T) {
	c := newCollector(t, busy("billing"), weirprom.WithGoSQLMetrics(), weirprom.WithConstLabels(prometheus.Labels{"region": "north"}))
	got, err := testutil.CollectAndLint(c)
	if err != nil {
		t.Fatal(err)
	}
	want := []promlint.Problem{{
		Metric: "db_client_connection_count",
		Text:   `non-histogram and non-summary metrics should not have "_count" suffix`,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lint (-want +got):\n%s", diff)
	}
}

func TestGoSQLMetricsAreLeftOutByDefault(t *testing.T) {
	reg := register(t, newCollector(t, busy("billing")))
	n, err := testutil.GatherAndCount(reg, "go_sql_open_connections", "go_sql_wait_count_total")
	if err != nil || n != 0 {
		t.Errorf("found %d go_sql metrics (error %v), want none", n, err)
	}
}

// The lease that a pool takes back out of its counts must not look like a restart of the process.
func TestCountersNeverGoBack(t *testing.T) {
	pool := busy("billing")
	reg := register(t, newCollector(t, pool))
	before := values(t, reg)
	pool.change(func(s *weir.Stats) {
		s.Acquired--
		s.Wait.Count--
		s.Wait.Sum -= 3e6
		s.Wait.Buckets[3]--
	})
	if diff := cmp.Diff(before, values(t, reg)); diff != "" {
		t.Errorf("after a lease that reached nobody (-before +after):\n%s", diff)
	}
	pool.change(func(s *weir.Stats) {
		s.Acquired += 2
		s.Wait.Count += 2
		s.Wait.Sum += 3e6 + 2e9
		s.Wait.Buckets[3]++
		s.Wait.Buckets[9]++
	})
	got := values(t, reg)
	want := map[string]float64{
		"weir_pool_acquired_total":                                 1001,
		"db_client_connection_wait_time_seconds_count":             1043,
		"db_client_connection_wait_time_seconds_sum":               14.345,
		`db_client_connection_wait_time_seconds_bucket{le="1"}`:    1024,
		`db_client_connection_wait_time_seconds_bucket{le="5"}`:    1031,
		`db_client_connection_wait_time_seconds_bucket{le="+Inf"}`: 1043,
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s is %v, want %v", key, got[key], value)
		}
	}
}
