// Package sessionprom shows sessions over a pool of MySQL connections to Prometheus: a [Collector] reads the figures of a
// [mysqlpool.Connector] whenever Prometheus asks.
//
// The backends, which are the real connections, are shown as package [weirprom] shows every pool; what the sessions and their
// prepared statements do is called weir_session_* and weir_statement_*. README.md of weirprom lists them all.
//
// It is a package of its own so that a service which pools something else does not link a MySQL driver.
package sessionprom

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/weirpool/weir/mysqlpool"
	"github.com/weirpool/weir/weirprom"
)

// A Source tells how a pool of backends is doing, and the sessions over it. Every [*mysqlpool.Connector] is one. It must stand
// for one pool, whose counters only grow, and be safe to ask from several goroutines at once.
type Source interface {
	weirprom.Source
	Sessions() mysqlpool.SessionStats
}

// A Collector is a [prometheus.Collector] for one connector: all of what [weirprom.Collector] shows, of the backends, and the
// sessions. It runs nothing in the background; a scrape costs the connector one call of Stats and one of Sessions. Register one
// for each connector, in place of a weirprom.Collector and by its rules.
//
// It goes on working when the connector is closed: counters keep their last values.
type Collector struct {
	source   Source
	backends *weirprom.Collector
	families []family
}

// NewCollector makes a collector for a connector, see [mysqlpool.ConnectorOf] for that of a *sql.DB. Options, names and errors
// are those of [weirprom.NewCollector].
func NewCollector(connector Source, opts ...weirprom.Option) (*Collector, error) {
	backends, err := weirprom.NewCollector(connector, opts...)
	if err != nil {
		return nil, err
	}
	c := &Collector{source: connector, backends: backends}
	labels := backends.Labels()
	for _, f := range families() {
		f.desc = prometheus.NewDesc(f.name, f.help, f.labelNames(), labels)
		c.families = append(c.families, f)
	}
	return c, nil
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	c.backends.Describe(descs)
	for _, f := range c.families {
		descs <- f.desc
	}
}

// Collect implements [prometheus.Collector]. What it sends of the sessions comes from one call of Sessions, what it sends of the
// backends from one call of Stats just before.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	c.backends.Collect(metrics)
	s := c.source.Sessions()
	for _, f := range c.families {
		f.collect(&s, metrics)
	}
}
