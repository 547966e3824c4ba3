// Package weirprom shows weir pools to Prometheus: a [Collector] reads a pool's [weir.Stats] whenever Prometheus asks.
//
// Its primary metrics are OpenTelemetry's db.client.connection.* as Prometheus spells them; what those conventions have
// no name for is called weir_pool_*; [WithGoSQLMetrics] adds the names of client_golang's collector for [database/sql].
// README.md beside this file lists them all, and dashboard.json is a Grafana dashboard for them.
//
// Package sessionprom below it shows the sessions of package mysqlpool, too.
package weirprom

import (
	"errors"
	"fmt"
	"maps"
	"reflect"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weirpool/weir"
)

// A Source tells how a pool is doing. Every *weir.Pool[T] is one. It must stand for one pool, whose counters only grow,
// and be safe to ask from several goroutines at once.
type Source interface {
	Stats() weir.Stats
}

// A lender lends connections on which a transaction can be left open. Every *mysqlpool.Pool is one.
type lender interface{ LeftTransactions() uint64 }

// A Collector is a [prometheus.Collector] for one pool. It runs nothing in the background and costs the pool one call of
// Stats for each scrape. Register one for each pool: they differ in the label db_client_connection_pool_name, so any
// number of them fits on one registry, as long as all were made with the same names of constant labels.
//
// It goes on working when the pool is closed: counters keep their last values, and weir_pool_closed is 1.
type Collector struct {
	source     Source
	labels     prometheus.Labels
	families   []family
	histograms []histogram
	ratchet    ratchet
}

// NewCollector makes a collector for pool. The pool's name, asked for here and once, becomes the value of the label
// db_client_connection_pool_name; it must be unique on a registry, see [WithPoolName].
//
// It fails when pool is nil, when the name is empty and when an option is wrong, with all such errors joined.
func NewCollector(pool Source, opts ...Option) (*Collector, error) {
	if isNil(pool) {
		return nil, errors.New("weirprom: new collector: pool is nil")
	}
	o := options{poolName: pool.Stats().Name}
	if err := o.read(opts); err != nil {
		return nil, fmt.Errorf("weirprom: new collector: %w", err)
	}
	labels := o.labelsWith(poolLabel)
	c := &Collector{source: pool, labels: labels}
	c.add(labels, connectionFamilies()...)
	c.addHistograms(labels, connectionHistograms()...)
	c.add(labels, poolFamilies()...)
	if lender, ok := pool.(lender); ok {
		c.add(labels, counter("weir_pool_left_transactions_total", "Transactions that borrowers left open; they were rolled back.",
			func(*weir.Stats) uint64 { return lender.LeftTransactions() }))
	}
	if o.goSQL {
		c.add(o.labelsWith(dbLabel), goSQLFamilies()...)
	}
	return c, nil
}

// isNil finds nil pointers inside the interface too: a nil *weir.Pool would panic at the first scrape.
func isNil(pool Source) bool {
	if pool == nil {
		return true
	}
	v := reflect.ValueOf(pool)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// Labels returns the labels that the pool's metrics carry: its name, as db_client_connection_pool_name, and those of
// [WithConstLabels]. They are for collectors that show more of the same pool; the go_sql_* metrics have db_name instead.
func (c *Collector) Labels() prometheus.Labels { return maps.Clone(c.labels) }

func (c *Collector) add(labels prometheus.Labels, families ...family) {
	for _, f := range families {
		f.desc = prometheus.NewDesc(f.name, f.help, f.labelNames(), labels)
		c.families = append(c.families, f)
	}
}

func (c *Collector) addHistograms(labels prometheus.Labels, histograms ...histogram) {
	for _, h := range histograms {
		h.desc = prometheus.NewDesc(h.name, h.help, nil, labels)
		c.histograms = append(c.histograms, h)
	}
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, f := range c.families {
		descs <- f.desc
	}
	for _, h := range c.histograms {
		descs <- h.desc
	}
}

// Collect implements [prometheus.Collector]. All it sends comes from one picture of the pool.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	s := c.source.Stats()
	c.ratchet.hold(&s)
	for _, f := range c.families {
		f.collect(&s, metrics)
	}
	for _, h := range c.histograms {
		h.collect(&s, metrics)
	}
}
