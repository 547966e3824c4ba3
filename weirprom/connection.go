package weirprom

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/weirpool/weir"
)

// connectionFamilies are OpenTelemetry's db.client.connection.*, spelled as its Prometheus exporter does: dots become
// underscores, units in braces vanish, seconds and _total are added. Its UpDownCounters are gauges here.
//
// The conventions know two states. What is under a check cannot be lent and keeps its place under MaxOpen, so it is used;
// what is being opened is not there yet and what is being closed is not there any more, so they are neither.
func connectionFamilies() []family {
	return []family{
		{
			name:  "db_client_connection_count",
			help:  "Connections by state: idle can be lent at once, used are lent or under a check.",
			kind:  prometheus.GaugeValue,
			label: stateLabel,
			read: func(s *weir.Stats) []sample {
				return []sample{{"idle", float64(s.Idle)}, {"used", float64(s.InUse + s.Checking)}}
			},
		},
		gauge("db_client_connection_idle_max",
			"Most connections that may be idle: MaxOpen, for idle ones have no limit of their own.",
			func(s *weir.Stats) int { return s.MaxOpen }),
		gauge("db_client_connection_idle_min",
			"Idle connections that the pool keeps up as far as its maximum allows: MinIdle.",
			func(s *weir.Stats) int { return s.MinIdle }),
		gauge("db_client_connection_max",
			"Most connections that may be open at a time: MaxOpen.",
			func(s *weir.Stats) int { return s.MaxOpen }),
		gauge("db_client_connection_pending_requests",
			"Callers who wait for a connection now.",
			func(s *weir.Stats) int { return s.Waiting }),
		counter("db_client_connection_timeouts_total",
			"Calls for a connection that ended because of MaxWait or the deadline of their context.",
			func(s *weir.Stats) uint64 { return s.Timeouts }),
	}
}

func connectionHistograms() []histogram {
	return []histogram{
		{
			name: "db_client_connection_create_time_seconds",
			help: "Time it took to open a connection, its first check included; failed opens are not in it.",
			read: func(s *weir.Stats) *weir.Histogram { return &s.OpenTime },
		},
		{
			name: "db_client_connection_wait_time_seconds",
			help: "Time callers waited for a connection, those who got none included; not having to wait counts as zero.",
			read: func(s *weir.Stats) *weir.Histogram { return &s.Wait },
		},
		{
			name: "db_client_connection_use_time_seconds",
			help: "Time between borrowing a connection and giving it back, estimated from one use in 16 at a high rate.",
			read: func(s *weir.Stats) *weir.Histogram { return &s.Use },
		},
	}
}
