package weirprom_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/weirprom"
)

func ExampleNewCollector() {
	ctx := context.Background()
	dial := func(context.Context) (string, error) { return "connection", nil }
	hangUp := func(string) error { return nil }
	pool, err := weir.New(ctx, weir.Factory[string]{Open: dial, Close: hangUp},
		weir.WithName("billing"), weir.WithMaxOpen(5), weir.WithMinIdle(2))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close(ctx)

	collector, err := weirprom.NewCollector(pool)
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})

	lease, err := pool.Acquire(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lease.Release()

	answer := httptest.NewRecorder()
	metrics.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(line, "db_client_connection_count") || strings.HasPrefix(line, "db_client_connection_max") {
			fmt.Print(line)
		}
	}
	// Output:
	// db_client_connection_count{db_client_connection_pool_name="billing",db_client_connection_state="idle"} 1
	// db_client_connection_count{db_client_connection_pool_name="billing",db_client_connection_state="used"} 1
	// db_client_connection_max{db_client_connection_pool_name="billing"} 5
}
