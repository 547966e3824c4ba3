package weirprom_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
	"github.com/weirpool/weir/weirprom"
)

func TestWrongInputIsAnErrorThatSaysWhatIsWrong(t *testing.T) {
	var noPool *weir.Pool[int]
	labels := func(name, value string) []weirprom.Option {
		return []weirprom.Option{weirprom.WithConstLabels(prometheus.Labels{name: value})}
	}
	tests := []struct {
		name string
		pool weirprom.Source
		opts []weirprom.Option
		want string
	}{
		{"nil source", nil, nil, "pool is nil"},
		{"nil pool", noPool, nil, "pool is nil"},
		{"nameless source", busy(""), nil, "the pool's name is empty"},
		{"name not UTF-8", busy("\xff"), nil, `the pool's name "\xff" is not valid UTF-8`},
		{"empty name", busy("a"), []weirprom.Option{weirprom.WithPoolName("")}, "WithPoolName"},
		{"nil option", busy("a"), []weirprom.Option{nil}, "option 1 is nil"},
		{"empty label", busy("a"), labels("", "x"), "the name is empty"},
		{"reserved label", busy("a"), labels("__name__", "x"), `"__name__": names that begin with two underscores`},
		{"label not UTF-8", busy("a"), labels("\xff", "x"), "the name is not valid UTF-8"},
		{"value not UTF-8", busy("a"), labels("region", "\xff"), `"region": the value "\xff" is not valid UTF-8`},
		{"label of the pool", busy("a"), labels("db_client_connection_pool_name", "x"), "the collector uses this name itself"},
		{"label of a histogram", busy("a"), labels("le", "x"), "the collector uses this name itself"},
		{"label of a counter", busy("a"), labels("reason", "x"), "the collector uses this name itself"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := weirprom.NewCollector(test.pool, test.opts...)
			if err == nil {
				t.Fatal("no error")
			}
			if c != nil {
				t.Error("a collector came with the error")
			}
			if !strings.HasPrefix(err.Error(), "weirprom: new collector: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want one that says %q", err, test.want)
			}
		})
	}
}

func TestAllWrongOptionsAreReportedTogether(t *testing.T) {
	_, err := weirprom.NewCollector(busy(""), nil, weirprom.WithConstLabels(prometheus.Labels{"le": "1", "__x": "2"}))
	for _, want := range []string{"name is empty", "option 1 is nil", `"le"`, `"__x"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

func TestLabelsAreCopied(t *testing.T) {
	labels := prometheus.Labels{"region": "north"}
	c := newCollector(t, busy("billing"), weirprom.WithConstLabels(labels))
	labels["region"] = "south"
	if text := scrape(t, register(t, c)); !strings.Contains(text, `region="north"`) || strings.Contains(text, "south") {
		t.Error("a change of the map after NewCollector reached the metrics")
	}
}

func TestLabelsAreThoseOfThePoolsMetrics(t *testing.T) {
	c := newCollector(t, busy("billing"), weirprom.WithConstLabels(prometheus.Labels{"region": "north"}))
	want := prometheus.Labels{"db_client_connection_pool_name": "billing", "region": "north"}
	c.Labels()["region"] = "south" // a copy
	if diff := cmp.Diff(want, c.Labels()); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

// A lender is a Source that counts transactions.
type lender struct{ *fake }

func (lender) LeftTransactions() uint64 { return 41 }

func TestTransactionsLeftOpenAreShownWhereTheyAreCounted(t *testing.T) {
	const want = `weir_pool_left_transactions_total{db_client_connection_pool_name="billing"} 41`
	if text := scrape(t, register(t, newCollector(t, lender{busy("billing")}))); !strings.Contains(text, want) {
		t.Errorf("the page lacks %s", want)
	}
	if text := scrape(t, register(t, newCollector(t, busy("billing")))); strings.Contains(text, "left_transactions") {
		t.Error("the page shows what nobody counts")
	}
	if _, ok := any((*mysqlpool.Pool)(nil)).(interface{ LeftTransactions() uint64 }); !ok {
		t.Error("a pool of mysqlpool does not count them any more")
	}
}

func TestSeveralPoolsShareARegistry(t *testing.T) {
	opt := weirprom.WithGoSQLMetrics()
	reg := register(t, newCollector(t, busy("billing"), opt), newCollector(t, busy("ledger"), opt))
	n, err := testutil.GatherAndCount(reg, "db_client_connection_max", "go_sql_max_open_connections", "weir_pool_paused")
	if err != nil || n != 6 {
		t.Errorf("found %d samples (error %v), want three for each of two pools", n, err)
	}
}

func TestPoolsOfOneNameClashUntilRenamed(t *testing.T) {
	reg := register(t, newCollector(t, busy("billing")))
	err := reg.Register(newCollector(t, busy("billing")))
	if _, clash := errors.AsType[prometheus.AlreadyRegisteredError](err); !clash {
		t.Errorf("registering a second pool of the same name: %v, want AlreadyRegisteredError", err)
	}
	if err := reg.Register(newCollector(t, busy("billing"), weirprom.WithPoolName("billing-replica"))); err != nil {
		t.Errorf("registering it under another name: %v", err)
	}
	if text := scrape(t, reg); !strings.Contains(text, `db_client_connection_max{db_client_connection_pool_name="billing-replica"} 32`) {
		t.Error("the name given with WithPoolName is not in the metrics")
	}
}

// neverConnects is enough for the Stats of a *sql.DB.
type neverConnects struct{ driver.Connector }

func newDBCollector(t *testing.T, name string) prometheus.Collector {
	t.Helper()
	db := sql.OpenDB(neverConnects{})
	t.Cleanup(func() { db.Close() })
	return collectors.NewDBStatsCollector(db, name)
}

func TestGoSQLMetricsStandBesideThoseOfAnSQLDB(t *testing.T) {
	register(t, newDBCollector(t, "reports"), newCollector(t, busy("billing"), weirprom.WithGoSQLMetrics()))
}

func TestGoSQLMetricsAreThoseOfAnSQLDBNoMoreNoLess(t *testing.T) {
	headers := func(c prometheus.Collector) []string {
		var found []string
		for line := range strings.Lines(scrape(t, register(t, c))) {
			if strings.HasPrefix(line, "# ") && strings.Contains(line, " go_sql_") {
				found = append(found, line)
			}
		}
		return found
	}
	want, got := headers(newDBCollector(t, "billing")), headers(newCollector(t, busy("billing"), weirprom.WithGoSQLMetrics()))
	if len(want) != 18 {
		t.Errorf("client_golang tells %d lines about its metrics, want 18: the comparison shows little", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names, types and help texts (-client_golang +weirprom):\n%s", diff)
	}
}
