package weirprom

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/weirpool/weir"
)

// poolFamilies are what the conventions have no name for. They carry the same pool label, so that they join with the rest.
func poolFamilies() []family {
	families := stateFamilies()
	families = append(families, callFamilies()...)
	families = append(families, openFamilies()...)
	families = append(families, checkFamilies()...)
	return append(families, leaseFamilies()...)
}

func stateFamilies() []family {
	return []family{
		{
			name:  "weir_pool_resources",
			help:  "Resources by state: idle, in_use, checking, closing (open are these four) and opening.",
			kind:  prometheus.GaugeValue,
			label: ownStateLabel,
			read: func(s *weir.Stats) []sample {
				return []sample{
					{"idle", float64(s.Idle)}, {"in_use", float64(s.InUse)}, {"checking", float64(s.Checking)},
					{"closing", float64(s.Closing)}, {"opening", float64(s.Opening)},
				}
			},
		},
		gauge("weir_pool_generation",
			"The pool's generation, which moves when everything open is to be replaced: an eviction or a wrong role.",
			func(s *weir.Stats) uint64 { return s.Generation }),
		flag("weir_pool_paused", "1 while the pool is paused, else 0.", func(s *weir.Stats) bool { return s.Paused }),
		flag("weir_pool_closed", "1 since the pool was closed, else 0.", func(s *weir.Stats) bool { return s.Closed }),
	}
}

func callFamilies() []family {
	return []family{
		counter("weir_pool_acquired_total", "Leases given, with and without a wait.",
			func(s *weir.Stats) uint64 { return s.Acquired }),
		counter("weir_pool_waited_total", "Calls that had to wait, whatever came of it.",
			func(s *weir.Stats) uint64 { return s.Waited }),
		counter("weir_pool_canceled_total", "Calls that ended because their context was canceled.",
			func(s *weir.Stats) uint64 { return s.Canceled }),
		counter("weir_pool_shed_total", "Calls turned away by MaxWaiters or FailFast.",
			func(s *weir.Stats) uint64 { return s.Shed }),
	}
}

func openFamilies() []family {
	return []family{
		counter("weir_pool_opens_total", "Opens that succeeded.",
			func(s *weir.Stats) uint64 { return s.Opened }),
		counter("weir_pool_open_failures_total", "Opens that failed, a failed check on open included.",
			func(s *weir.Stats) uint64 { return s.OpenFails }),
		counter("weir_pool_close_failures_total", "Resources whose closing failed or did not end in time.",
			func(s *weir.Stats) uint64 { return s.CloseFails }),
		{
			name:  "weir_pool_retired_total",
			help:  "Resources taken out of the pool for good, by reason.",
			kind:  prometheus.CounterValue,
			label: reasonLabel,
			read: func(s *weir.Stats) []sample {
				samples := make([]sample, len(s.Retired))
				for i, n := range s.Retired {
					samples[i] = sample{weir.Reason(i).String(), float64(n)}
				}
				return samples
			},
		},
	}
}

func checkFamilies() []family {
	return []family{
		byMoment("weir_pool_checks_total", "Checks that ended, by the moment they were made at.",
			func(s *weir.Stats) *[weir.Moments]uint64 { return &s.Checks }),
		byMoment("weir_pool_check_failures_total", "Checks that failed, by the moment they were made at; failed probes count at acquire.",
			func(s *weir.Stats) *[weir.Moments]uint64 { return &s.CheckFails }),
	}
}

func byMoment(name, help string, read func(*weir.Stats) *[weir.Moments]uint64) family {
	return family{name: name, help: help, kind: prometheus.CounterValue, label: momentLabel,
		read: func(s *weir.Stats) []sample {
			samples := make([]sample, weir.Moments)
			for i, n := range read(s) {
				samples[i] = sample{weir.Moment(i).String(), float64(n)}
			}
			return samples
		}}
}

func leaseFamilies() []family {
	return []family{
		gauge("weir_pool_oldest_lease_age_seconds", "Age of the longest lease that is out now; 0 when none is.",
			func(s *weir.Stats) float64 { return s.OldestLease.Seconds() }),
		counter("weir_pool_leaks_total", "Leases reported as leaked; only counted with WithLeakThreshold.",
			func(s *weir.Stats) uint64 { return s.Leaks }),
		counter("weir_pool_leaks_returned_total", "Leases reported as leaked that came back after all.",
			func(s *weir.Stats) uint64 { return s.LeaksReturned }),
		counter("weir_pool_misuses_total", "Leases that were ended twice, or after they had been taken back by force.",
			func(s *weir.Stats) uint64 { return s.Misuses }),
	}
}
