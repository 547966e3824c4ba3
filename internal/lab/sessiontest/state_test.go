package sessiontest_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

func sessionSetup(statement string) weir.Option { return mysqlpool.WithSessionSetup(statement) }

// withoutDatabase opens a pool whose DSN names no database.
func withoutDatabase(t testing.TB, opts ...mysqlpool.Option) (db *sql.DB, c *mysqlpool.Connector, name string) {
	t.Helper()
	cfg, err := mysql.ParseDSN(database(t))
	must(t, err)
	name, cfg.DBName = cfg.DBName, ""
	db, c = open(t, cfg.FormatDSN(), opts...)
	return db, c, name
}

func TestDefaultDatabaseFollowsTheSession(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _, here, there := twoDatabases(ctx, t, weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "USE `"+there+"`")
	hop(ctx, t, db, conn, func(where string) { want(t, where, text(ctx, t, conn, "SELECT v FROM t"), there) })
	fresh := hold(ctx, t, db)
	hop(ctx, t, db, fresh, func(where string) { want(t, "another session on "+where, text(ctx, t, fresh, "SELECT v FROM t"), here) })
	must(t, conn.Close())
	want(t, "after check-in", text(ctx, t, db, "SELECT DATABASE()"), here)
}

func TestSessionsWithoutDatabaseStayWithout(t *testing.T) {
	ctx := within(t, 30*time.Second)
	const backends = 8
	db, _, name := withoutDatabase(t, weir.WithMaxOpen(backends), weir.WithMinIdle(backends))
	var held []*sql.Conn
	for range backends {
		conn := hold(ctx, t, db)
		exec(ctx, t, conn, "USE "+name)
		exec(ctx, t, conn, "BEGIN")
		held = append(held, conn)
	}
	for _, conn := range held {
		exec(ctx, t, conn, "COMMIT")
	}
	for range 2 * backends { // all backends have a default database now
		want(t, "database of another session", text(ctx, t, db, "SELECT DATABASE()"), "NULL")
	}
	want(t, "the session's", text(ctx, t, held[0], "SELECT DATABASE()"), name)
	must(t, held[0].Close())
	want(t, "after check-in", text(ctx, t, db, "SELECT DATABASE()"), "NULL")
}

func TestPinnedSessionWithoutDatabaseIsResetWithout(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c, name := withoutDatabase(t, weir.WithMaxOpen(1))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET @x = 1")
	exec(ctx, t, conn, "USE "+name)
	must(t, conn.Close())
	wantFree(ctx, t, c)
	want(t, "database", text(ctx, t, db, "SELECT DATABASE()"), "NULL")
}

func TestDroppedDatabaseHarmsOnlyWhoUsesIt(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c, here, _ := twoDatabases(ctx, t, weir.WithMaxOpen(2))
	doomed := here + "_doomed"
	admin(t, shared(t), "CREATE DATABASE "+doomed)
	admin(t, shared(t), "GRANT ALL ON `"+doomed+"`.* TO app@'%'")
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "USE "+doomed)
	tx := elsewhere(ctx, t, db, conn)
	admin(t, shared(t), "DROP DATABASE "+doomed)
	for range 2 {
		_, err := conn.ExecContext(ctx, "DO 1")
		if e, ok := errorAs[*mysql.MySQLError](err); !ok || e.Number != 1049 {
			t.Errorf("a statement of the session: %v, want error 1049", err)
		}
		if err != nil {
			contains(t, "error", err.Error(), "settings")
		}
	}
	must(t, tx.Rollback())
	for range 4 {
		want(t, "another session", text(ctx, t, db, "SELECT DATABASE()"), here)
	}
	must(t, conn.Close())
	wantFree(ctx, t, c)
	want(t, "after check-in", text(ctx, t, db, "SELECT v FROM t"), here)
}

func TestSessionLeavesADroppedDatabaseWithUse(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _, here, there := twoDatabases(ctx, t, weir.WithMaxOpen(2))
	doomed := here + "_doomed"
	admin(t, shared(t), "CREATE DATABASE "+doomed)
	admin(t, shared(t), "GRANT ALL ON `"+doomed+"`.* TO app@'%'")
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "USE "+doomed)
	elsewhere(ctx, t, db, conn)
	admin(t, shared(t), "DROP DATABASE "+doomed)
	exec(ctx, t, conn, "USE "+there)
	want(t, "database", text(ctx, t, conn, "SELECT v FROM t"), there)
}

func TestSetThatTheServerRefusesChangesNothing(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	const ask = "SELECT CONCAT_WS(' ', @@time_zone, @@sql_select_limit, @@character_set_client)"
	pristine := text(ctx, t, db, ask)
	for _, bad := range []string{
		"SET time_zone = 'nowhere'", "SET sql_select_limit = 7, time_zone = 'nowhere'", "SET NAMES latin1, time_zone = 'nowhere'",
		"SET NAMES nonsense", "SET " + byFamily("max_execution_time", "max_statement_time") + " = 5, time_zone = '+01:00'", "SET sql_select_limit = 'many'", "USE nowhere_at_all",
		"SET time_zone = '+01:00', foreign_key_checks = 17",
	} {
		t.Run(bad, func(t *testing.T) {
			conn := hold(ctx, t, db)
			defer conn.Close()
			exec(ctx, t, conn, "SET lc_time_names = 'de_DE'")
			if _, err := conn.ExecContext(ctx, bad); err == nil {
				t.Fatal("no error")
			}
			want(t, "the session", text(ctx, t, conn, ask), pristine)
			want(t, "what was set before", text(ctx, t, conn, "SELECT @@lc_time_names"), "de_DE")
			must(t, conn.Close())
			wantFree(ctx, t, c)
			fresh := hold(ctx, t, db)
			defer fresh.Close()
			hop(ctx, t, db, fresh, func(where string) { want(t, "another session on "+where, text(ctx, t, fresh, ask), pristine) })
		})
	}
}

func TestSetInATransactionThatIsRolledBackStays(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _, here, there := twoDatabases(ctx, t, weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	tx, err := conn.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "SET time_zone = '+04:00'")
	exec(ctx, t, tx, "USE "+there)
	must(t, tx.Rollback())
	const ask = "SELECT CONCAT(@@time_zone, ' ', DATABASE())"
	hop(ctx, t, db, conn, func(where string) { want(t, where, text(ctx, t, conn, ask), "+04:00 "+there) })
	must(t, conn.Close())
	want(t, "after check-in", text(ctx, t, db, ask), "SYSTEM "+here)
}

func TestSettingsOfATransactionEndWithIt(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
		tx := begin(ctx, t, db)
		exec(ctx, t, tx, "SET time_zone = '+04:00'")
		must(t, end(tx))
		want(t, "time_zone", text(ctx, t, db, "SELECT @@session.time_zone"), "SYSTEM")
	}
}

func TestDefaultsThatTheServerChangesReachNewBackendsAlone(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	db, c := open(t, databaseOn(t, srv), weir.WithMaxOpen(1))
	ask := func() string { return text(ctx, t, db, "SELECT @@session.sql_select_limit") }
	old := ask()
	exec(ctx, t, db, "SET sql_select_limit = 5") // its first value is read now
	must(t, srv.SetGlobal(ctx, "sql_select_limit", 77))
	want(t, "an old backend", ask(), old)
	c.EvictAll()
	want(t, "a new backend", ask(), "77")
}

// Whatever a reset makes of a variable that the server changed meanwhile, sessions that set it and those that do not must agree.
func TestDefaultsAfterAResetAreTheSameForAll(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	db, c := open(t, databaseOn(t, srv), weir.WithMaxOpen(1))
	ask := func() string { return text(ctx, t, db, "SELECT @@session.sql_select_limit") }
	exec(ctx, t, db, "SET sql_select_limit = 5")
	must(t, srv.SetGlobal(ctx, "sql_select_limit", 77))
	exec(ctx, t, db, "SET @x = 1") // ends with a reset
	wantFree(ctx, t, c)
	first := ask()
	exec(ctx, t, db, "SET sql_select_limit = 6")
	want(t, "after another session's SET", ask(), first)
}

// A result character set whose letters are not ASCII's must not spoil what is read of the backend meanwhile.
func TestWideResultsDoNotSpoilTheDefaults(t *testing.T) {
	ctx := within(t, 30*time.Second)
	for _, charset := range []string{"utf16", "ucs2", "utf32", "NULL", "swe7"} {
		t.Run(charset, func(t *testing.T) {
			db, c := open(t, database(t), weir.WithMaxOpen(1))
			conn := hold(ctx, t, db)
			exec(ctx, t, conn, "SET character_set_results = "+charset)
			exec(ctx, t, conn, "SET time_zone = '+01:00'")
			exec(ctx, t, conn, "SET sql_mode = 'ANSI_QUOTES'")
			must(t, conn.Close())
			want(t, "time_zone", text(ctx, t, db, "SELECT @@session.time_zone"), "SYSTEM")
			contains(t, "sql_mode", text(ctx, t, db, "SELECT @@session.sql_mode"), "STRICT_TRANS_TABLES")
			if n := c.Stats().Opened; n != 1 {
				t.Errorf("%d backends were opened, want 1", n)
			}
		})
	}
}

// A random walk: each session must read back exactly what it has set, on whatever backend it comes to.
func TestSettingsOnARandomWalk(t *testing.T) {
	ctx := within(t, time.Minute)
	db, c, here, there := twoDatabases(ctx, t, weir.WithMaxOpen(3))
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	choices := map[string][]string{
		"time_zone": {"+01:00", "+02:00", "SYSTEM"}, "sql_select_limit": {"10", "20", "18446744073709551615"},
		"lc_time_names": {"de_DE", "fr_FR", "en_US"}, "sql_mode": {"ANSI_QUOTES", "PIPES_AS_CONCAT", ""}, "collation_connection": {"utf8mb4_bin", "latin1_bin"},
		"character_set_client": {"latin1", "utf8mb4"}, isolation(): {"SERIALIZABLE", "READ-COMMITTED"},
	}
	names := []string{"time_zone", "sql_select_limit", "lc_time_names", "sql_mode", "collation_connection", "character_set_client", isolation()}
	pristine := map[string]string{"DATABASE()": here}
	for _, name := range names {
		pristine["@@session."+name] = readBack(ctx, t, db, name)
	}
	sessions := make([]*sql.Conn, 8)
	models := make([]map[string]string, len(sessions))
	for step := range 1000 {
		i := r.IntN(len(sessions))
		if sessions[i] == nil || r.IntN(20) == 0 {
			if sessions[i] != nil {
				must(t, sessions[i].Close())
			}
			sessions[i], models[i] = hold(ctx, t, db), map[string]string{}
		}
		conn, model := sessions[i], models[i]
		if r.IntN(5) == 0 {
			name := []string{here, there}[r.IntN(2)]
			exec(ctx, t, conn, "USE "+name)
			model["DATABASE()"] = name
		} else {
			name := names[r.IntN(len(names))]
			value := choices[name][r.IntN(len(choices[name]))]
			exec(ctx, t, conn, "SET SESSION "+name+" = "+quoted(name, value))
			model["@@session."+name] = value
		}
		j := r.IntN(len(sessions))
		if sessions[j] == nil {
			continue
		}
		for ask, value := range pristine {
			if set, ok := models[j][ask]; ok {
				value = set
			}
			want(t, fmt.Sprintf("step %d, session %d, %s", step, j, ask), text(ctx, t, sessions[j], "SELECT "+ask), value)
		}
		if t.Failed() {
			break
		}
	}
	if s := c.Sessions(); s.Replays == 0 || len(s.Pinned) != 0 {
		t.Errorf("replays %d, pinned %v; want some and none", s.Replays, s.Pinned)
	}
}

func quoted(name, value string) string {
	if name == "sql_select_limit" {
		return value
	}
	return "'" + value + "'"
}

// A context that ends while the settings are given to a backend must not leave them half given.
func TestSettingsSurviveContextsThatEnd(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	conn, other := hold(ctx, t, db), hold(ctx, t, db)
	exec(ctx, t, conn, "SET time_zone = '+01:00'")
	exec(ctx, t, other, "SET lc_time_names = 'de_DE'")
	for i := range 100 {
		short, cancel := context.WithTimeout(ctx, time.Duration(i)*2*time.Microsecond)
		conn.ExecContext(short, "DO 1") // whether it comes in time does not matter
		cancel()
		want(t, "other", text(ctx, t, other, "SELECT CONCAT(@@time_zone, @@lc_time_names)"), "SYSTEMde_DE")
		want(t, "session", text(ctx, t, conn, "SELECT CONCAT(@@time_zone, @@lc_time_names)"), "+01:00en_US")
	}
}

// What a session sets must not make the pool's own questions fail.
func TestSettingsDoNotSpoilChecks(t *testing.T) {
	ctx := within(t, 30*time.Second)
	for _, set := range []string{"SET sql_select_limit = 0", "SET character_set_results = utf16", "SET NAMES latin1", "SET sql_mode = 'ANSI'", "SET SESSION TRANSACTION READ ONLY"} {
		t.Run(set, func(t *testing.T) {
			db, c := open(t, database(t), weir.WithMaxOpen(1), mysqlpool.WithRole(mysqlpool.Primary), weir.WithCheckWindow(0))
			conn := hold(ctx, t, db)
			exec(ctx, t, conn, set)
			for range 3 {
				exec(ctx, t, conn, "DO 1")
			}
			if s := c.Stats(); s.Opened != 1 || s.CheckFails != [weir.Moments]uint64{} {
				t.Errorf("%d backends were opened, checks failed %v; want 1 and none", s.Opened, s.CheckFails)
			}
		})
	}
}

// How a text is read depends on what the DSN or the set-up has made of sql_mode and the character set.
func TestTextsAreReadAsTheServerReadsThem(t *testing.T) {
	ctx := within(t, 30*time.Second)
	for _, c := range []struct{ name, param, setup, query, reason string }{
		{"param", "sql_mode=%27NO_BACKSLASH_ESCAPES%27", "", `SELECT 'a\', @x := 5 -- '`, "user variable"},
		{"setup", "", "SET sql_mode = 'NO_BACKSLASH_ESCAPES'", `SELECT 'a\', @x := 5 -- '`, "user variable"},
		{"session", "", "", `SELECT 'a\', @x := 5 -- '`, "user variable"},
		{"neither", "", "", `SELECT 'a\', @x := 5 -- '`, "none"},
		{"ansi", "", "SET sql_mode = 'ANSI_QUOTES'", `SELECT "@x" FROM (SELECT 1 AS "@x") AS t`, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := database(t)
			if c.param != "" {
				dsn = withParam(t, dsn, c.param)
			}
			var opts []weir.Option
			if c.setup != "" {
				opts = append(opts, sessionSetup(c.setup))
			}
			db, stats := open(t, dsn, append(opts, weir.WithMaxOpen(1))...)
			conn := hold(ctx, t, db)
			if c.name == "session" {
				exec(ctx, t, conn, "SET sql_mode = 'NO_BACKSLASH_ESCAPES'")
			}
			run(ctx, t, conn, c.query)
			reason := "none"
			if p := stats.Sessions().Pinned; len(p) == 1 {
				reason = p[0].Reason.String()
			}
			want(t, "reason", reason, c.reason)
			must(t, conn.Close())
			wantFree(ctx, t, stats)
			want(t, "@x", text(ctx, t, db, "SELECT @x"), "NULL")
		})
	}
}

func TestUnsafeCharacterSetsOfNewConnectionsAreSeen(t *testing.T) {
	ctx := within(t, 30*time.Second)
	for name, param := range map[string]string{"setup": "", "DSN": "charset=gbk"} {
		t.Run(name, func(t *testing.T) {
			dsn, opts := database(t), []weir.Option{weir.WithMaxOpen(1)}
			if param != "" {
				dsn = withParam(t, dsn, param)
			} else {
				opts = append(opts, sessionSetup("SET NAMES gbk"))
			}
			db, c := open(t, dsn, opts...)
			for range 2 {
				conn := hold(ctx, t, db)
				want(t, "character set", text(ctx, t, conn, "SELECT @@character_set_client"), "gbk")
				// In gbk the bytes bf 5c are one character, so that the string ends behind them; read byte by byte it would go on.
				run(ctx, t, conn, "SELECT '\xbf\\', @x := 5 -- '")
				must(t, conn.Close())
				wantFree(ctx, t, c)
				want(t, "@x", text(ctx, t, db, "SELECT @x"), "NULL")
				wantFree(ctx, t, c)
				c.EvictAll() // the first backend is not like others: things were tried on it
			}
		})
	}
}

func TestDatabasesWithOddNames(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	for _, name := range []string{"odd`name", "odd name", "select", "odd'\"name", "Odd.Name"} {
		quotedName := "`" + strings.ReplaceAll(name, "`", "``") + "`"
		admin(t, shared(t), "CREATE DATABASE "+quotedName)
		t.Cleanup(func() { shared(t).Admin().Exec("DROP DATABASE " + quotedName) })
		admin(t, shared(t), "GRANT ALL ON "+quotedName+".* TO app@'%'")
		t.Run(name, func(t *testing.T) {
			conn := hold(ctx, t, db)
			defer conn.Close()
			exec(ctx, t, conn, "USE "+quotedName+" ;")
			hop(ctx, t, db, conn, func(where string) { want(t, where, text(ctx, t, conn, "SELECT DATABASE()"), name) })
		})
	}
	if p := c.Sessions().Pins; p != [mysqlpool.PinReasons]uint64{} {
		t.Errorf("pins: %v", p)
	}
}

func TestSettingsOutliveTheirBackends(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET time_zone = '+01:00'")
	run(ctx, t, conn, "SET lc_time_names = 'de_DE'")
	for range 3 {
		old := backend(ctx, t, conn)
		c.EvictAll()
		want(t, "settings", text(ctx, t, conn, "SELECT CONCAT(@@time_zone, @@lc_time_names)"), "+01:00de_DE")
		if now := backend(ctx, t, conn); now == old {
			t.Errorf("backend %s was not replaced", old)
		}
	}
}

// The server closes a backend that a session has given a short wait_timeout; the session does not notice.
func TestShortWaitTimeoutIsTheSessionsOwn(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	db, _ := open(t, databaseOn(t, srv), weir.WithMaxOpen(1))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET wait_timeout = 1")
	old := backend(ctx, t, conn)
	must(t, lab.Until(ctx, "the server closed the connection", func(ctx context.Context) (bool, error) {
		var n int
		err := srv.Admin().QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = "+old).Scan(&n)
		return n == 0, err
	}))
	want(t, "wait_timeout", text(ctx, t, conn, "SELECT @@session.wait_timeout"), "1")
	want(t, "wait_timeout of another session", text(ctx, t, db, "SELECT @@session.wait_timeout"), "28800")
}
