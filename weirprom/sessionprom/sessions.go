package sessionprom

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/weirpool/weir/mysqlpool"
)

func families() []family {
	all := useFamilies()
	all = append(all, pinFamilies()...)
	all = append(all, stateFamilies()...)
	all = append(all, troubleFamilies()...)
	return append(all, statementFamilies()...)
}

func useFamilies() []family {
	return []family{
		gauge("weir_session_open", "Sessions that exist now, idle or in use; most of them hold no connection.",
			func(s *mysqlpool.SessionStats) int { return s.Sessions }),
		gauge("weir_session_in_use", "Sessions that somebody uses now: calls under way, open rows, transactions and sql.Conns.",
			func(s *mysqlpool.SessionStats) int { return s.InUse }),
		gauge("weir_session_in_use_max", "Most sessions that may be in use at a time: WithMaxSessions.",
			func(s *mysqlpool.SessionStats) int { return s.MaxSessions }),
		gauge("weir_session_waiting", "Callers who wait for a session, because as many are in use as may be.",
			func(s *mysqlpool.SessionStats) int { return s.Waiting }),
		{
			name: "weir_session_oldest_age_seconds", help: "How long the oldest session in use has been so; 0 when there is none.",
			kind: prometheus.GaugeValue,
			read: func(s *mysqlpool.SessionStats) float64 { return s.OldestAge.Seconds() },
		},
		counter("weir_session_refused_total", "Calls that ended in a SessionLimitError.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Refused }),
		counter("weir_session_leaks_total", "Sessions that were in use for longer than LeakThreshold; the log names their lines.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Leaks }),
		counter("weir_session_leaks_returned_total", "Sessions reported as leaked that were given back after all.",
			func(s *mysqlpool.SessionStats) uint64 { return s.LeaksReturned }),
	}
}

func pinFamilies() []family {
	return []family{
		gauge("weir_session_pinned_max", "Most sessions that may be pinned at a time: WithMaxPinned.",
			func(s *mysqlpool.SessionStats) int { return s.MaxPinned }),
		{
			name: "weir_session_pinned", help: "Sessions pinned to their backend now, by reason.",
			kind: prometheus.GaugeValue,
			readEach: func(s *mysqlpool.SessionStats) (n byReason) {
				for _, p := range s.Pinned {
					n[p.Reason]++
				}
				return n
			},
		},
		{
			name: "weir_session_oldest_pin_age_seconds", help: "Age of the oldest pin of now, by reason; 0 when there is none.",
			kind: prometheus.GaugeValue,
			readEach: func(s *mysqlpool.SessionStats) (age byReason) {
				for _, p := range s.Pinned {
					age[p.Reason] = max(age[p.Reason], p.Age.Seconds())
				}
				return age
			},
		},
		{
			name: "weir_session_pins_total", help: "Sessions that were pinned to a backend until check-in, by reason.",
			kind: prometheus.CounterValue,
			readEach: func(s *mysqlpool.SessionStats) (n byReason) {
				for r, pins := range s.Pins {
					n[r] = float64(pins)
				}
				return n
			},
		},
	}
}

func stateFamilies() []family {
	return []family{
		counter("weir_session_replays_total", "Times that a backend was given another session's settings.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Replays }),
		counter("weir_session_resets_total", "Backends reset at check-in, to clear what their session had left there.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Resets }),
		counter("weir_session_reset_failures_total", "Resets that did not work; the backend was closed instead.",
			func(s *mysqlpool.SessionStats) uint64 { return s.ResetFails }),
		counter("weir_session_rollbacks_total", "Transactions still open at check-in, which were rolled back.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Rollbacks }),
		counter("weir_session_results_buffered_total", "Results read as a whole, so that the backend went back at once.",
			func(s *mysqlpool.SessionStats) uint64 { return s.RowsBuffered }),
		counter("weir_session_results_streamed_total", "Results too large for that, or with buffering off: they hold their backend until closed.",
			func(s *mysqlpool.SessionStats) uint64 { return s.RowsStreamed }),
	}
}

func troubleFamilies() []family {
	return []family{
		counter("weir_session_kills_total", "KILL QUERY sent because the context of a statement had ended.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Kills }),
		counter("weir_session_cuts_total", "Connections closed under a statement because killing it was off or did not work in time.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Cuts }),
		counter("weir_session_retries_total", "Statements run once more on another backend, because theirs had died.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Retries }),
		counter("weir_session_outcome_unknown_total", "Statements that ended in ErrOutcomeUnknown: they may have been executed or not.",
			func(s *mysqlpool.SessionStats) uint64 { return s.OutcomeUnknown }),
		counter("weir_session_lost_total", "Sessions whose backend died with a transaction or what pinned them: ErrSessionLost.",
			func(s *mysqlpool.SessionStats) uint64 { return s.SessionsLost }),
		counter("weir_session_sticky_lost_total", "Statements refused with a StickyError, because only a backend that others had used could answer.",
			func(s *mysqlpool.SessionStats) uint64 { return s.StickyLost }),
	}
}

func statementFamilies() []family {
	return []family{
		gauge("weir_statement_cached", "Prepared statements kept now, on all backends together.",
			func(s *mysqlpool.SessionStats) int { return s.Statements.Cached }),
		counter("weir_statement_hits_total", "Uses of a prepared statement that had been kept.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Statements.Hits }),
		counter("weir_statement_misses_total", "Statements that had to be prepared, and were kept.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Statements.Misses }),
		counter("weir_statement_one_shots_total", "Statements prepared for one use and closed.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Statements.OneShots }),
		counter("weir_statement_evictions_total", "Kept statements given up for others, or because the server had too many.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Statements.Evictions }),
		counter("weir_statement_reprepares_total", "Statements prepared once more because the server asked for it.",
			func(s *mysqlpool.SessionStats) uint64 { return s.Statements.Reprepares }),
	}
}
