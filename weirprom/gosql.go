package weirprom

import "github.com/weirpool/weir"

// goSQLFamilies have the names, types and help texts of client_golang's collector for database/sql, letter by letter: a
// registry refuses the same name with another help text, and services show their *sql.DB and their pools side by side.
//
// A place under MaxOpen that cannot be lent counts as in use, as in database/sql, where opens under way do so too.
func goSQLFamilies() []family {
	inUse := func(s *weir.Stats) int { return s.InUse + s.Checking + s.Opening }
	retired := func(why weir.Reason) func(*weir.Stats) uint64 {
		return func(s *weir.Stats) uint64 { return s.Retired[why] }
	}
	return []family{
		gauge("go_sql_max_open_connections", "Maximum number of open connections to the database.",
			func(s *weir.Stats) int { return s.MaxOpen }),
		gauge("go_sql_open_connections", "The number of established connections both in use and idle.",
			func(s *weir.Stats) int { return s.Idle + inUse(s) }),
		gauge("go_sql_in_use_connections", "The number of connections currently in use.", inUse),
		gauge("go_sql_idle_connections", "The number of idle connections.",
			func(s *weir.Stats) int { return s.Idle }),
		counter("go_sql_wait_count_total", "The total number of connections waited for.",
			func(s *weir.Stats) uint64 { return s.Waited }),
		counter("go_sql_wait_duration_seconds_total", "The total time blocked waiting for a new connection.",
			func(s *weir.Stats) float64 { return s.Wait.Sum.Seconds() }),
		counter("go_sql_max_idle_closed_total", "The total number of connections closed due to SetMaxIdleConns.",
			retired(weir.RetiredResized)),
		counter("go_sql_max_idle_time_closed_total", "The total number of connections closed due to SetConnMaxIdleTime.",
			retired(weir.RetiredIdle)),
		counter("go_sql_max_lifetime_closed_total", "The total number of connections closed due to SetConnMaxLifetime.",
			retired(weir.RetiredLifetime)),
	}
}
