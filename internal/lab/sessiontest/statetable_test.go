package sessiontest_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/internal/sqltext"
)

// A setting is a variable of the allow-list and a value that is not its default.
type setting struct {
	variable string
	literal  string
	want     string // what the server then says; "": the literal
}

// settings are all variables of the allow-list that the server has.
func settings() []setting {
	return slices.Concat(settingsOfBoth, byFamily(settingsOfMariaDB, settingsOfMySQL))
}

var settingsOfMariaDB = []setting{
	{"default_storage_engine", "Aria", ""},
	{"default_tmp_storage_engine", "MyISAM", ""},
	{"max_recursive_iterations", "77", ""},
	{"max_statement_time", "2.5", ""},
	{"optimizer_use_condition_selectivity", "1", ""},
	{"query_cache_type", "DEMAND", ""},
	{"sql_auto_is_null", "0", ""},
	{"storage_engine", "Aria", ""},
	{"tx_isolation", "'SERIALIZABLE'", "SERIALIZABLE"},
	{"tx_read_only", "1", ""},
}

var settingsOfMySQL = []setting{
	{"block_encryption_mode", "'aes-256-cbc'", "aes-256-cbc"},
	{"cte_max_recursion_depth", "77", ""},
	{"default_storage_engine", "MyISAM", ""},
	{"default_tmp_storage_engine", "MEMORY", ""},
	{"information_schema_stats_expiry", "7", ""},
	{"max_execution_time", "7777", ""},
	{"range_optimizer_max_mem_size", "1000000", ""},
	{"sql_auto_is_null", "0", ""},
	{"sql_generate_invisible_primary_key", "1", ""},
	{"sql_require_primary_key", "1", ""},
	{"transaction_isolation", "'SERIALIZABLE'", "SERIALIZABLE"},
	{"transaction_read_only", "1", ""},
}

var settingsOfBoth = []setting{
	{"auto_increment_increment", "3", ""},
	{"auto_increment_offset", "2", ""},
	{"character_set_client", "latin1", ""},
	{"character_set_connection", "latin1", ""},
	{"character_set_filesystem", "utf8mb4", ""},
	{"character_set_results", "latin1", ""},
	{"character_set_server", "latin2", ""},
	{"collation_connection", "utf8mb4_bin", ""},
	{"collation_server", "latin2_bin", ""},
	{"default_week_format", "3", ""},
	{"div_precision_increment", "7", ""},
	{"eq_range_index_dive_limit", "17", ""},
	{"foreign_key_checks", "0", ""},
	{"group_concat_max_len", "2048", ""},
	{"innodb_lock_wait_timeout", "7", ""},
	{"innodb_strict_mode", "0", ""},
	{"interactive_timeout", "1234", ""},
	{"join_buffer_size", "131072", ""},
	{"lc_messages", "de_DE", ""},
	{"lc_time_names", "de_DE", ""},
	{"lock_wait_timeout", "11", ""},
	{"long_query_time", "1.5", ""},
	{"low_priority_updates", "1", ""},
	{"max_heap_table_size", "1048576", ""},
	{"max_length_for_sort_data", "512", ""},
	{"max_seeks_for_key", "1000", ""},
	{"max_sort_length", "512", ""},
	{"min_examined_row_limit", "5", ""},
	{"net_read_timeout", "77", ""},
	{"net_write_timeout", "88", ""},
	{"optimizer_prune_level", "0", ""},
	{"optimizer_search_depth", "5", ""},
	{"read_buffer_size", "262144", ""},
	{"read_rnd_buffer_size", "131072", ""},
	{"session_track_schema", "0", ""},
	{"session_track_state_change", "1", ""},
	{"session_track_system_variables", "'time_zone'", "time_zone"},
	{"session_track_transaction_info", "'STATE'", "STATE"},
	{"sort_buffer_size", "131072", ""},
	{"sql_big_selects", "0", ""},
	{"sql_mode", "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"},
	{"sql_notes", "0", ""},
	{"sql_quote_show_create", "0", ""},
	{"sql_safe_updates", "1", ""},
	{"sql_select_limit", "99", ""},
	{"sql_warnings", "1", ""},
	{"time_zone", "'+05:30'", "+05:30"},
	{"tmp_table_size", "1048576", ""},
	{"unique_checks", "0", ""},
	{"updatable_views_with_limit", "0", "NO"},
	{"wait_timeout", "4321", ""},
}

// readBack is the variable's value in the session.
func readBack(ctx context.Context, t testing.TB, on execer, variable string) string {
	t.Helper()
	return text(ctx, t, on, "SELECT @@session."+variable)
}

// hop runs look on conn's backend of the moment and then on another one.
func hop(ctx context.Context, t testing.TB, db *sql.DB, conn *sql.Conn, look func(where string)) {
	t.Helper()
	look("first backend")
	tx := elsewhere(ctx, t, db, conn)
	look("other backend")
	must(t, tx.Rollback())
}

// The table must have every variable that the server has and sessions replay.
func TestTheTableOfSettingsIsComplete(t *testing.T) {
	ctx := within(t, 30*time.Second)
	rows, err := stock(t, database(t)).QueryContext(ctx, "SHOW SESSION VARIABLES")
	must(t, err)
	defer rows.Close()
	table := settings()
	for rows.Next() {
		var name, value string
		must(t, rows.Scan(&name, &value))
		if sqltext.Classify("SET SESSION "+name+" = 0", 0).Kind != sqltext.Set || name == "autocommit" {
			continue
		}
		if !slices.ContainsFunc(table, func(s setting) bool { return s.variable == name }) {
			t.Errorf("%s is replayed and not in the table", name)
		}
	}
	must(t, rows.Err())
}

// setsAll is a server where the account may set all variables of the table: some need a privilege on MySQL.
func setsAll(t testing.TB) *lab.Server {
	t.Helper()
	srv := start(t, lab.Config{Args: byFamily([]string{"--query-cache-type=1"}, nil)}) // else a session may not set it
	if labtest.Kind() == lab.MySQL {
		admin(t, srv, "GRANT SESSION_VARIABLES_ADMIN ON *.* TO app@'%'")
	}
	return srv
}

func TestEverySettingFollowsTheSession(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	db, c := open(t, databaseOn(t, setsAll(t)), weir.WithMaxOpen(2))
	set := func(conn *sql.Conn, s setting, form string) {
		exec(ctx, t, conn, fmt.Sprintf(form, s.variable, s.literal))
	}
	for i, s := range settings() {
		form := []string{"SET SESSION %s = %s", "SET @@session.%s := %s", "SET LOCAL %s=%s;"}[i%3]
		t.Run(s.variable, func(t *testing.T) {
			if s.want == "" {
				s.want = s.literal
			}
			pristine := readBack(ctx, t, db, s.variable)
			conn := hold(ctx, t, db)
			defer conn.Close()
			set(conn, s, form)
			if n := len(c.Sessions().Pinned); n != 0 {
				t.Fatalf("%d pinned sessions: %+v", n, c.Sessions().Pinned)
			}
			hop(ctx, t, db, conn, func(where string) { want(t, where, readBack(ctx, t, conn, s.variable), s.want) })
			fresh := hold(ctx, t, db)
			defer fresh.Close()
			hop(ctx, t, db, fresh, func(where string) {
				want(t, "another session on "+where, readBack(ctx, t, fresh, s.variable), pristine)
			})
			want(t, "the session again", readBack(ctx, t, conn, s.variable), s.want)
			must(t, conn.Close())
			want(t, "after check-in", readBack(ctx, t, db, s.variable), pristine)
		})
	}
	if s := c.Sessions(); s.Resets != 0 || c.Stats().Open > 2 {
		t.Errorf("%d resets, want none: settings are put back by SET", s.Resets)
	}
}

// together are what a server tells of the variables that hang together.
const together = "SELECT CONCAT_WS(' ', @@character_set_client, IFNULL(@@character_set_results, 'NULL'), @@character_set_connection, " +
	"@@collation_connection, @@character_set_filesystem, @@character_set_server, @@collation_server)"

func TestEveryWayToSetCharacterSetsFollowsTheSession(t *testing.T) {
	ctx := within(t, time.Minute)
	dsn := databaseOn(t, setsAll(t))
	db, c := open(t, dsn, weir.WithMaxOpen(2))
	own := byFamily(nil, [][]string{
		{"SET NAMES utf8mb4 COLLATE utf8mb4_0900_as_cs"}, {"SET collation_connection = utf8mb4_ja_0900_as_cs"}, {"SET NAMES utf8mb4 COLLATE utf8mb4_general_ci", "SET character_set_connection = utf8mb4"},
		{"SET collation_server = utf8mb4_0900_bin", "SET CHARACTER SET utf8mb4"},
	})
	for _, sets := range append(own, [][]string{
		{"SET NAMES latin1"}, {"SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'"}, {"SET NAMES utf8mb3 COLLATE utf8mb3_czech_ci"},
		{"SET CHARACTER SET latin1"}, {"SET CHARSET 'latin2'"}, {"SET CHARACTER SET utf8mb4", "SET collation_connection = utf8mb4_bin"},
		{"SET character_set_client = latin1"}, {"SET character_set_results = NULL"}, {"SET character_set_results = binary"},
		{"SET character_set_connection = latin1"}, {"SET collation_connection = latin1_german1_ci"},
		{"SET character_set_connection = latin1", "SET collation_connection = utf8mb4_bin"},
		{"SET collation_connection = utf8mb4_bin", "SET character_set_connection = utf8mb4"},
		{"SET NAMES latin1", "SET character_set_results = utf8mb4"}, {"SET character_set_results = utf8mb4", "SET NAMES latin1"},
		{"SET NAMES latin1", "SET CHARACTER SET utf8mb4"}, {"SET CHARACTER SET latin2", "SET NAMES utf8mb4"},
		{"SET character_set_server = latin2", "SET collation_server = latin1_bin"}, {"SET character_set_filesystem = latin1", "SET NAMES latin2"},
		{"SET NAMES latin1, character_set_results = utf8mb4, time_zone = '+01:00'"}, {"SET time_zone = '+01:00', NAMES latin1"},
		{"SET character_set_client = latin1, @@session.collation_connection = utf8mb4_bin"},
	}...) {
		t.Run(fmt.Sprint(sets), func(t *testing.T) {
			conn, real := hold(ctx, t, db), hold(ctx, t, stock(t, dsn))
			defer conn.Close()
			pristine := text(ctx, t, db, together)
			for _, set := range sets {
				exec(ctx, t, conn, set)
				exec(ctx, t, real, set)
			}
			if n := len(c.Sessions().Pinned); n != 0 {
				t.Errorf("%d pinned sessions: %+v", n, c.Sessions().Pinned)
			}
			right := text(ctx, t, real, together)
			hop(ctx, t, db, conn, func(where string) { want(t, where, text(ctx, t, conn, together), right) })
			fresh := hold(ctx, t, db)
			defer fresh.Close()
			hop(ctx, t, db, fresh, func(where string) { want(t, "another session on "+where, text(ctx, t, fresh, together), pristine) })
			want(t, "the session again", text(ctx, t, conn, together), right)
		})
	}
}

func TestTransactionCharacteristicsFollowTheSession(t *testing.T) {
	ctx := within(t, time.Minute)
	db, _ := open(t, database(t), weir.WithMaxOpen(2))
	ask := "SELECT CONCAT(@@" + isolation() + ", ' ', @@" + byFamily("tx_read_only", "transaction_read_only") + " + 0)"
	for _, c := range []struct{ set, want string }{
		{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "READ-COMMITTED 0"},
		{"SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ ONLY", "READ-UNCOMMITTED 1"},
		{"SET SESSION TRANSACTION READ ONLY", "REPEATABLE-READ 1"},
		{"SET LOCAL TRANSACTION READ WRITE, ISOLATION LEVEL SERIALIZABLE", "SERIALIZABLE 0"},
		{"SET SESSION tx_isolation = 'READ-COMMITTED'", byFamily("READ-COMMITTED 0", "")}, // a server need not know both names
		{"SET @@session.transaction_isolation = 'READ-COMMITTED'", byFamily("", "READ-COMMITTED 0")},
	} {
		t.Run(c.set, func(t *testing.T) {
			conn := hold(ctx, t, db)
			defer conn.Close()
			if _, err := conn.ExecContext(ctx, c.set); err != nil {
				if c.want != "" {
					t.Fatal(err)
				}
				return
			}
			hop(ctx, t, db, conn, func(where string) { want(t, where, text(ctx, t, conn, ask), c.want) })
			fresh := hold(ctx, t, db)
			defer fresh.Close()
			hop(ctx, t, db, fresh, func(where string) {
				want(t, "another session on "+where, text(ctx, t, fresh, ask), "REPEATABLE-READ 0")
			})
		})
	}
}

// An openedWith is a way to open the pool, in which new connections have other settings than the server's.
type openedWith struct {
	name   string
	change func(*mysql.Config)
	opts   []weir.Option
}

func TestWhatAConnectionHadWhenItWasOpenedIsPutBack(t *testing.T) {
	ctx := within(t, time.Minute)
	limit := byFamily("max_statement_time", "max_execution_time")
	ask := "SELECT CONCAT_WS(' ', @@sql_mode, @@time_zone, @@character_set_client, @@character_set_results, @@collation_connection, @@sql_select_limit, " +
		"@@lc_time_names, @@long_query_time, @@wait_timeout, @@" + isolation() + ", @@" + limit + ", DATABASE())"
	for _, c := range []openedWith{
		{"nothing", func(*mysql.Config) {}, nil},
		{"charset", func(cfg *mysql.Config) { must(t, cfg.Apply(mysql.Charset("latin1", "latin1_german1_ci"))) }, nil},
		{"collation", func(cfg *mysql.Config) { cfg.Collation = "utf8mb4_bin" }, nil},
		{"sql_mode", func(cfg *mysql.Config) {
			cfg.Params = map[string]string{"sql_mode": "'ANSI_QUOTES'", "time_zone": "'+02:00'"}
		}, nil},
		{"setup", func(*mysql.Config) {}, []weir.Option{sessionSetup("SET time_zone = '+03:00', sql_mode = 'NO_BACKSLASH_ESCAPES', lc_time_names = 'fr_FR'")}},
		{"setup of the database", func(*mysql.Config) {}, []weir.Option{sessionSetup("USE information_schema")}},
		{"setup of the character set", func(*mysql.Config) {}, []weir.Option{sessionSetup("SET NAMES latin1")}},
		{"odd numbers", func(*mysql.Config) {}, []weir.Option{sessionSetup("SET long_query_time = 0.123457, " + limit + byFamily(" = 7.5, ", " = 7500, ") + isolation() + " = 'READ-COMMITTED'")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, err := mysql.ParseDSN(database(t))
			must(t, err)
			c.change(cfg)
			db, _ := open(t, cfg.FormatDSN(), append(c.opts, weir.WithMaxOpen(2))...)
			before := text(ctx, t, db, ask)
			conn := hold(ctx, t, db)
			hop(ctx, t, db, conn, func(where string) { want(t, "a new session on "+where, text(ctx, t, conn, ask), before) })
			for _, set := range []string{
				"SET sql_mode = 'PIPES_AS_CONCAT'", "SET time_zone = '-07:00'", "SET NAMES utf8mb4 COLLATE utf8mb4_swedish_ci", "SET sql_select_limit = 5",
				"SET lc_time_names = 'de_DE'", "SET long_query_time = 3", "SET wait_timeout = 99", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
				"SET " + limit + " = 9000",
			} {
				exec(ctx, t, conn, set)
			}
			exec(ctx, t, conn, "USE "+cfg.DBName)
			other := text(ctx, t, conn, ask)
			hop(ctx, t, db, conn, func(where string) { want(t, where, text(ctx, t, conn, ask), other) })
			must(t, conn.Close())
			fresh := hold(ctx, t, db)
			hop(ctx, t, db, fresh, func(where string) { want(t, "another session on "+where, text(ctx, t, fresh, ask), before) })
			exec(ctx, t, fresh, "SET @pinned = 1") // which is reset at check-in
			must(t, fresh.Close())
			want(t, "after a reset", text(ctx, t, db, ask), before)
		})
	}
}
