package sessiontest_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

// MySQL refuses to change session_track_gtids within a transaction (1766): no backend may be given it, or robbed of it, there.
func TestTrackingOfGTIDsDoesNotCostATransaction(t *testing.T) {
	labtest.Only(t, lab.MySQL, "MariaDB has no such variable")
	dsn := database(t)
	ctx := within(t, 30*time.Second)
	db, c := open(t, dsn, weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY)")
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET session_track_gtids = OWN_GTID")
	exec(ctx, t, conn, "BEGIN")
	exec(ctx, t, conn, "INSERT INTO t VALUES (1)")
	exec(ctx, t, conn, "SET group_concat_max_len = 77, max_execution_time = 10000")
	exec(ctx, t, conn, "INSERT INTO t VALUES (2)")
	exec(ctx, t, conn, "SET lc_time_names = 'de_DE'")
	want(t, "session_track_gtids", text(ctx, t, conn, "SELECT @@session.session_track_gtids"), "OWN_GTID")
	exec(ctx, t, conn, "COMMIT")
	must(t, conn.Close())
	wantFree(ctx, t, c)
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "2")
	want(t, "session_track_gtids of another session", text(ctx, t, db, "SELECT @@session.session_track_gtids"), "OFF")
}

// MySQL looks at some variables when a statement is prepared, MariaDB when it is executed.
func TestKeptStatementsAreKeptApartByWhatMySQLBinds(t *testing.T) {
	ctx := within(t, time.Minute)
	dsn := database(t)
	for set, query := range map[string]string{
		"div_precision_increment = 9":                       "SELECT 1 / 3 FROM (SELECT ? AS a) t",
		"default_week_format = 3":                           "SELECT WEEK('2027-01-01') FROM (SELECT ? AS a) t",
		"lc_time_names = 'de_DE'":                           "SELECT MONTHNAME(CONCAT('2026-05-0', ?))",
		"group_concat_max_len = 12":                         "SELECT GROUP_CONCAT(a) FROM (SELECT ? AS a UNION SELECT 11111 UNION SELECT 22222 UNION SELECT 33333) t",
		"time_zone = '+05:00'":                              "SELECT FROM_UNIXTIME(?)",
		"sql_mode = 'HIGH_NOT_PRECEDENCE'":                  "SELECT NOT 1 BETWEEN -5 AND ?",
		"max_sort_length = 64":                              "SELECT @@max_sort_length + ?",
		"collation_connection = 'utf8mb4_bin'":              "SELECT CONCAT('a' = 'A', ?)",
		"character_set_connection = 'latin1'":               "SELECT CONCAT(CHARSET('a'), ?)",
		"lock_wait_timeout = 7":                             "SELECT @@lock_wait_timeout + ?",
		"div_precision_increment = 6, time_zone = '+03:00'": "SELECT CONCAT(1 / 7, FROM_UNIXTIME(?))",
	} {
		t.Run(set, func(t *testing.T) {
			db, _ := open(t, dsn, weir.WithMaxOpen(1))
			answer := func(on execer) string { return text(ctx, t, on, query, 1) }
			fresh := func(set string) string {
				conn := hold(ctx, t, stock(t, dsn))
				if set != "" {
					exec(ctx, t, conn, "SET SESSION "+set)
				}
				return answer(conn)
			}
			without, with := fresh(""), fresh(set)
			later := func(on *sql.Conn) (v string) { // what was prepared and executed before the SET answers after it
				stmt, err := on.PrepareContext(ctx, query)
				must(t, err)
				defer stmt.Close()
				must(t, stmt.QueryRowContext(ctx, 1).Scan(&v))
				exec(ctx, t, on, "SET SESSION "+set)
				must(t, stmt.QueryRowContext(ctx, 1).Scan(&v))
				return v
			}
			one, other, third := hold(ctx, t, db), hold(ctx, t, db), hold(ctx, t, db)
			for range 3 {
				want(t, "before", answer(one), without)
			}
			exec(ctx, t, one, "SET SESSION "+set)
			for range 3 {
				want(t, "after", answer(one), with)
				want(t, "another session", answer(other), without)
			}
			want(t, "prepared by name before", later(third), later(hold(ctx, t, stock(t, dsn))))
			want(t, "after that", answer(other), without)
		})
	}
}
