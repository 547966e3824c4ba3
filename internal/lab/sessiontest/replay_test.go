package sessiontest_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// SET CHARACTER SET takes the collation of the default database of the moment, and keeps it.
func TestSetCharacterSetKeepsTheCollationOfItsDatabase(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c, here, there := twoDatabases(ctx, t, weir.WithMaxOpen(2))
	real := hold(ctx, t, stock(t, shared(t).DSN("app", here)))
	admin(t, shared(t), "ALTER DATABASE `"+there+"` COLLATE latin2_general_ci")
	conn := hold(ctx, t, db)
	for _, statement := range []string{"SET CHARACTER SET utf8mb4", "USE " + there, "SET CHARSET utf8mb3, character_set_results = latin1", "USE " + here} {
		exec(ctx, t, conn, "SET sql_select_limit = 0") // which limits what the pool asks, too
		exec(ctx, t, conn, statement)
		exec(ctx, t, conn, "SET sql_select_limit = 9")
		exec(ctx, t, real, statement)
		right := text(ctx, t, real, together)
		hop(ctx, t, db, conn, func(where string) { want(t, statement+", "+where, text(ctx, t, conn, together), right) })
	}
	if p := c.Sessions().Pinned; len(p) != 0 {
		t.Errorf("%d sessions are pinned, want none", len(p))
	}
}

// Arguments have the collation that the handshake, or SET NAMES, gave character_set_client: no variable shows it.
func TestArgumentsCollateOnEveryBackendAsOnANewOne(t *testing.T) {
	ctx := within(t, time.Minute)
	type opening struct{ params, setup string }
	own := byFamily(nil, []opening{
		{"collation=utf8mb4_0900_ai_ci", ""}, {"charset=utf8mb4&collation_connection=utf8mb4_0900_as_cs", ""}, {"", "SET NAMES utf8mb4 COLLATE utf8mb4_ja_0900_as_cs"},
		{"collation=utf8mb4_0900_ai_ci", "SET collation_connection = 'utf8mb4_0900_bin'"},
	})
	for _, c := range append(own, []opening{
		{"", ""}, {"collation=utf8mb4_unicode_ci", ""}, {"collation=latin1_german1_ci", ""}, {"charset=utf8mb4&collation=utf8mb4_bin", ""},
		{"charset=utf8&collation=utf8_bin", ""}, {"charset=latin1", ""}, {"collation=utf8mb4_unicode_ci&collation_connection=utf8mb4_bin", ""},
		{"collation=utf8mb4_unicode_ci&character_set_client=utf8mb4", ""}, {"", "SET NAMES utf8mb4 COLLATE utf8mb4_bin"},
		{"collation=utf8mb4_unicode_ci", "SET NAMES latin1"}, {"collation=utf8mb4_unicode_ci", "SET collation_connection = 'utf8mb4_bin'"},
	}...) {
		t.Run(c.params+" "+c.setup, func(t *testing.T) {
			dsn := database(t)
			if c.params != "" {
				dsn = withParam(t, dsn, c.params)
			}
			opts := []mysqlpool.Option{weir.WithMaxOpen(1)}
			if c.setup != "" {
				opts = append(opts, sessionSetup(c.setup))
			}
			real := hold(ctx, t, stock(t, dsn))
			if c.setup != "" {
				exec(ctx, t, real, c.setup)
			}
			collations := func(on execer) string {
				return text(ctx, t, on, "SELECT CONCAT_WS(' ', COLLATION(?), COLLATION('x'))", "x")
			}
			right := collations(real)
			db, stats := open(t, dsn, opts...)
			want(t, "a new backend", collations(db), right)
			for _, set := range []string{"SET @x = 1", "SET NAMES utf8mb3", "SET character_set_results = NULL", "SET collation_connection = latin1_bin"} {
				exec(ctx, t, db, set) // the first ends with a reset, the others are taken back
				wantFree(ctx, t, stats)
				want(t, "after "+set, collations(db), right)
			}
		})
	}
}

// What one session set in a mode that cuts numbers must not fail on a backend whose last user had a mode that refuses them.
func TestReplayDoesNotAskForTheModeOfWhoWasThereBefore(t *testing.T) {
	ctx := within(t, time.Minute)
	for _, global := range []string{"", "TRADITIONAL"} {
		t.Run(global, func(t *testing.T) {
			srv := start(t, lab.Config{Args: []string{"--sql-mode=" + global}})
			db, _ := open(t, databaseOn(t, srv), weir.WithMaxOpen(1))
			strict, loose, neither := hold(ctx, t, db), hold(ctx, t, db), hold(ctx, t, db)
			exec(ctx, t, strict, "SET sql_mode = 'TRADITIONAL', div_precision_increment = 7")
			exec(ctx, t, loose, "SET sql_mode = ''")
			exec(ctx, t, loose, "SET sort_buffer_size = 1, group_concat_max_len = 1")
			const ask = "SELECT CONCAT_WS(' ', @@sql_mode, @@sort_buffer_size, @@group_concat_max_len, @@div_precision_increment)"
			rightStrict, right, rightNeither := text(ctx, t, strict, ask), text(ctx, t, loose, ask), text(ctx, t, neither, ask)
			for range 2 {
				want(t, "strict", text(ctx, t, strict, ask), rightStrict)
				want(t, "loose", text(ctx, t, loose, ask), right)
				want(t, "neither", text(ctx, t, neither, ask), rightNeither)
				want(t, "loose after neither", text(ctx, t, loose, ask), right)
			}
			exec(ctx, t, loose, "SET sql_mode = 'TRADITIONAL'") // what it set before stays cut
			right = text(ctx, t, loose, ask)
			want(t, "strict", text(ctx, t, strict, ask), rightStrict)
			want(t, "loose, and strict by now", text(ctx, t, loose, ask), right)
		})
	}
}

// A session's own limit on the time of statements does not end what the pool asks in its name, or after it.
func TestShortStatementTimeDoesNotEndQuestionsOfThePool(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1), weir.WithCheckWindow(0))
	hurried, other := hold(ctx, t, db), hold(ctx, t, db)
	exec(ctx, t, hurried, byFamily("SET max_statement_time = 0.000001", "SET max_execution_time = 1"))
	for i := range 50 {
		exec(ctx, t, other, fmt.Sprintf("SET auto_increment_increment = %d, sort_buffer_size = 4096, lc_time_names = 'de_DE'", 1+i))
		hurried.ExecContext(ctx, byFamily("DO 1", "SELECT COUNT(*) FROM information_schema.COLUMNS")) // in time or not
	}
	if s := c.Stats(); s.Opened != 1 {
		t.Errorf("%d backends were opened, want 1", s.Opened)
	}
}

// A statement that was prepared by name keeps what it was bound to, on whichever backend its session is pinned later.
func TestNamedStatementsComeAlongToThePinnedBackend(t *testing.T) {
	ctx := within(t, time.Minute)
	const ask = "SELECT CONCAT_WS(' ', DATABASE(), v, COLLATION('x'), 1 || 0, ?) FROM t"
	now := func(t *testing.T, on execer) string {
		return text(ctx, t, on, "SELECT CONCAT_WS(' ', DATABASE(), @@character_set_client, @@character_set_results, @@collation_connection, @@sql_mode, COLLATION(?))", "x")
	}
	for _, set := range []string{"", "USE %s", "SET NAMES latin1 COLLATE latin1_german2_ci", "SET sql_mode = 'PIPES_AS_CONCAT'"} {
		for _, pin := range [][]string{
			{"PREPARE p FROM 'SELECT 1'"}, {"SET @@" + unlisted() + " = 7"}, {"SET @x = 1"}, {"SET @x = 1", "USE %s", "SET NAMES utf8mb3"},
			{"SET @@" + unlisted() + " = 7", "SET sql_mode = CONCAT('ANSI', '')", "USE %s", "SET NAMES utf8mb4 COLLATE utf8mb4_bin"},
		} {
			t.Run(fmt.Sprint(set, pin), func(t *testing.T) {
				db, _, here, there := twoDatabases(ctx, t, weir.WithMaxOpen(2))
				real, conn := hold(ctx, t, stock(t, shared(t).DSN("app", here))), hold(ctx, t, db)
				both := func(statement string) {
					if statement == "USE %s" {
						statement = "USE " + there
					}
					if statement != "" {
						exec(ctx, t, real, statement)
						exec(ctx, t, conn, statement)
					}
				}
				both(set)
				prepared := [2]*sql.Stmt{prepare(ctx, t, real, ask), prepare(ctx, t, conn, ask)}
				tx := elsewhere(ctx, t, db, conn)
				for _, statement := range pin {
					both(statement)
				}
				must(t, tx.Rollback())
				for range 3 {
					var right, got string
					must(t, prepared[0].QueryRowContext(ctx, "!").Scan(&right))
					must(t, prepared[1].QueryRowContext(ctx, "!").Scan(&got))
					want(t, "the statement", got, right)
					want(t, "the session after it", now(t, conn), now(t, real))
				}
			})
		}
	}
}

// MySQL fixes the types of a statement's parameters, so that one that was prepared by name is prepared anew for others. Where the settings
// that it was prepared under cannot be had any more, the error says what to do.
func TestNamedStatementIsGivenOtherTypesWhereNobodyKnowsTheSettings(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "PREPARE p FROM 'SET NAMES latin1'") // after which nobody knows
	const ask = "SELECT CONCAT(?, '!', 1 || 0)"
	stmt := prepare(ctx, t, conn, ask)
	var v string
	must(t, stmt.QueryRowContext(ctx, 7).Scan(&v))
	want(t, "with a number", v, "7!1")
	exec(ctx, t, conn, "SET sql_mode = CONCAT('PIPES_AS_CONCAT', '')")
	must(t, stmt.QueryRowContext(ctx, 8).Scan(&v))
	want(t, "with a number, bound as before", v, "8!1")
	if err := stmt.QueryRowContext(ctx, "x").Scan(&v); err != nil {
		contains(t, "error", err.Error(), "prepare it again")
	} else {
		want(t, "with a string", v, "x!1")
	}
	must(t, prepare(ctx, t, conn, ask).QueryRowContext(ctx, "x").Scan(&v))
	want(t, "prepared again", v, "x!10")
}

func prepare(ctx context.Context, t testing.TB, on *sql.Conn, query string) *sql.Stmt {
	t.Helper()
	stmt, err := on.PrepareContext(ctx, query)
	must(t, err)
	t.Cleanup(func() { stmt.Close() }) // what it leads to may have gone
	return stmt
}

// A session beside one stock connection, with another session's statement on the only backend before each of its own but the last: what a
// differential test has found. A StickyError may stand for the last answer.
func TestSessionsAnswerAsOneConnection(t *testing.T) {
	ctx := within(t, time.Minute)
	for name, says := range map[string][]string{
		"a limit of no rows":      {"SET sql_select_limit = 0", "BEGIN", "INSERT INTO a VALUES (NULL)", "SELECT @@identity"},
		"after a SHOW":            {"(SELECT 1) UNION (SELECT 2)", "SHOW CREATE TABLE a", "SELECT FOUND_ROWS()"},
		"an aggregate of no rows": {"(SELECT 1) UNION (SELECT 2)", "SELECT COUNT(*) FROM a WHERE id = NULL", "SELECT FOUND_ROWS()"},
		"after an error":          {"BEGIN", "COMMIT AND NOTHING", "SELECT ROW_COUNT()"},
	} {
		t.Run(name, func(t *testing.T) {
			dsn := database(t)
			db, _ := open(t, dsn, weir.WithMaxOpen(1))
			exec(ctx, t, db, "CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB")
			got, want, other := half{conn: hold(ctx, t, db)}, half{conn: hold(ctx, t, stock(t, dsn))}, hold(ctx, t, db)
			held := false
			for i, text := range says {
				if held = held || text == "BEGIN"; !held && i < len(says)-1 {
					run(ctx, t, other, "SELECT seq FROM "+sequence(t, 7))
				}
				query := func(h *half) (string, error) { return h.query(ctx, text, nil) }
				answer, err := got.answer(query)
				if _, ok := errorAs[*mysqlpool.StickyError](err); ok {
					return
				}
				if right, _ := want.answer(query); answer != right {
					t.Errorf("%s: %s, want %s", text, answer, right)
				}
			}
		})
	}
}
