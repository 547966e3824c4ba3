package sessionprom_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
	"github.com/weirpool/weir/weirprom/sessionprom"
)

func ExampleNewCollector() {
	db, err := mysqlpool.Open(context.Background(), "shop:secret@tcp(127.0.0.1:3306)/shop",
		weir.WithName("shop"), weir.WithMaxOpen(20), weir.WithMinIdle(0), weir.WithStartBackground())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	connector, _ := mysqlpool.ConnectorOf(db)
	collector, err := sessionprom.NewCollector(connector)
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})

	answer := httptest.NewRecorder()
	metrics.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(line, "db_client_connection_max") || strings.HasPrefix(line, "weir_session_pinned_max") {
			fmt.Print(line)
		}
	}
	// Output:
	// db_client_connection_max{db_client_connection_pool_name="shop"} 20
	// weir_session_pinned_max{db_client_connection_pool_name="shop"} 16
}
