package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weirpool/weir/weirprom"
	"github.com/weirpool/weir/weirprom/sessionprom"
)

// metrics is the page on which Prometheus finds the pools while the demo runs.
type metrics struct {
	registry *prometheus.Registry
	server   *http.Server
	url      string
	served   chan error
}

func serveMetrics() (*metrics, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		url:      "http://" + listener.Addr().String() + "/metrics",
		served:   make(chan error, 1),
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { m.served <- m.server.Serve(listener) }()
	return m, nil
}

func (m *metrics) add(pool weirprom.Source) error {
	collector, err := weirprom.NewCollector(pool)
	if err != nil {
		return err
	}
	return m.registry.Register(collector)
}

func (m *metrics) addSessions(connector sessionprom.Source) error {
	collector, err := sessionprom.NewCollector(connector)
	if err != nil {
		return err
	}
	return m.registry.Register(collector)
}

// lines reads the page as Prometheus would and returns the lines that have all the words in them.
func (m *metrics) lines(ctx context.Context, words ...string) ([]string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", m.url, response.Status)
	}
	var out []string
	page := bufio.NewScanner(response.Body)
	for page.Scan() {
		if !strings.HasPrefix(page.Text(), "#") && containsAll(page.Text(), words) {
			out = append(out, page.Text())
		}
	}
	return out, page.Err()
}

func (m *metrics) close() error {
	err := m.server.Close()
	http.DefaultClient.CloseIdleConnections()
	if served := <-m.served; !errors.Is(served, http.ErrServerClosed) {
		return errors.Join(err, served)
	}
	return err
}
