package sessiontest_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// Where the INSERT ran every combination of questions has its right answer, and no error.
func TestEveryCombinationIsAnsweredWhereTheInsertRan(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(4))
	sessions := map[string]func(t *testing.T) *sql.Conn{
		"at once": func(t *testing.T) *sql.Conn { return hold(ctx, t, db) },
		"transaction": func(t *testing.T) *sql.Conn {
			conn := hold(ctx, t, db)
			exec(ctx, t, conn, "BEGIN")
			return conn
		},
		"pinned": func(t *testing.T) *sql.Conn {
			conn := hold(ctx, t, db)
			exec(ctx, t, conn, "SET @x = 1")
			return conn
		},
		"session mode": func(t *testing.T) *sql.Conn {
			return hold(mysqlpool.ContextWithMode(ctx, mysqlpool.SessionMode), t, db)
		},
	}
	for name, session := range sessions {
		t.Run(name, func(t *testing.T) {
			stickyTables(ctx, t, db)
			conn := session(t)
			defer conn.Close()
			for i := range 3 {
				first := fmt.Sprint(1 + 2*i)
				exec(ctx, t, conn, "INSERT INTO t (v) VALUES (1), (2)")
				want(t, "both", text(ctx, t, conn, "SELECT CONCAT(LAST_INSERT_ID(), ' ', ROW_COUNT())"), first+" 2")
				want(t, "the id", text(ctx, t, conn, "SELECT LAST_INSERT_ID()"), first)
				exec(ctx, t, conn, "UPDATE t SET v = v + 1")
				want(t, "all", text(ctx, t, conn, "SELECT CONCAT_WS(' ', LAST_INSERT_ID(), @@identity, ROW_COUNT(), @@warning_count)"), first+" "+first+fmt.Sprintf(" %d 0", 2*i+2))
				run(ctx, t, conn, "SELECT v FROM three")
				want(t, "rows", text(ctx, t, conn, "SELECT CONCAT(LAST_INSERT_ID(), ' ', FOUND_ROWS())"), first+" 3")
			}
		})
	}
}

// A combination that cannot be answered is an error, not the number of another session.
func TestCombinationsOfAnotherSessionsNumber(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	stickyTables(ctx, t, db)
	for range 3 {
		exec(ctx, t, db, "INSERT INTO t (v) VALUES (1)")
	}
	tx := begin(ctx, t, db)
	exec(ctx, t, tx, "INSERT INTO t (id, v) VALUES (1000, 1)") // which leaves LAST_INSERT_ID() as it was
	wantAnswer(ctx, t, tx, "SELECT CONCAT(LAST_INSERT_ID(), ' ', ROW_COUNT())", "0 1")
	want(t, "LAST_INSERT_ID()", text(ctx, t, tx, "SELECT LAST_INSERT_ID()"), "0")
}

// What the first of several statements in one text asks for, and what a string asks that is executed, is not another session's.
func TestNumbersOfSeveralStatementsAndOfStrings(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t)+"?multiStatements=true", weir.WithMaxOpen(1))
	stickyTables(ctx, t, db)
	ofString := func(query string) string { // only MariaDB has the short form, and MySQL's takes two statements
		return byFamily("EXECUTE IMMEDIATE '"+query+"'", "PREPARE p FROM '"+query+"'; EXECUTE p")
	}
	asks := map[string]string{
		"SELECT LAST_INSERT_ID(); SELECT 1":                            "0",
		"SELECT ROW_COUNT(); SELECT 1":                                 "0",
		"SELECT FOUND_ROWS(); SELECT 1":                                "0",
		"SELECT @@warning_count; SELECT 1":                             "0",
		ofString("SELECT LAST_INSERT_ID()"):                            "0",
		ofString("SELECT FOUND_ROWS()"):                                "0",
		"SELECT LAST_INSERT_ID() FROM (SELECT 1) one; SELECT 1 FROM t": "0",
	}
	if labtest.Kind() == lab.MariaDB { // MySQL does not prepare this
		asks[ofString("SELECT @@warning_count")] = "0"
	}
	for ask, right := range asks {
		t.Run(ask, func(t *testing.T) {
			exec(ctx, t, db, "INSERT INTO t (v) VALUES (1), (2)")
			run(ctx, t, db, "SELECT CAST(CONCAT('x', v) AS SIGNED) FROM three")
			conn := hold(ctx, t, db)
			wantAnswer(ctx, t, conn, ask, right)
			must(t, conn.Close())
			wantFree(ctx, t, c)
		})
	}
	conn := hold(ctx, t, db)
	id, err := exec(ctx, t, conn, "INSERT INTO t (v) VALUES (1)").LastInsertId()
	must(t, err)
	want(t, "its own", text(ctx, t, conn, "SELECT LAST_INSERT_ID(); SELECT 1"), fmt.Sprint(id))
	want(t, "its own in a string", text(ctx, t, conn, ofString("SELECT LAST_INSERT_ID()")), fmt.Sprint(id))
}

// What weir reads for itself before a listed SET must not be taken for what the session's own SELECT has left.
func TestFoundRowsAfterAListedSet(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	for _, set := range []string{
		"SET group_concat_max_len = 4096", "SET time_zone = '+01:00'", "SET NAMES latin1", "SET sql_mode = ''", "SET CHARACTER SET latin1", "SET SESSION TRANSACTION READ WRITE",
	} {
		t.Run(set, func(t *testing.T) {
			db, _ := open(t, dsn, weir.WithMaxOpen(1))
			stickyTables(ctx, t, db)
			tx := begin(ctx, t, db)
			defer tx.Rollback()
			exec(ctx, t, tx, "INSERT INTO t (v) VALUES (1)")
			for range 2 { // it reads for itself once only
				run(ctx, t, tx, "SELECT v FROM three")
				exec(ctx, t, tx, set)
				wantAnswer(ctx, t, tx, "SELECT FOUND_ROWS()", "3")
				exec(ctx, t, tx, set)
				wantAnswer(ctx, t, tx, "SELECT CONCAT(ROW_COUNT(), ' ', @@warning_count)", "0 0")
				want(t, "LAST_INSERT_ID()", text(ctx, t, tx, "SELECT LAST_INSERT_ID()"), "1")
			}
			run(ctx, t, tx, "SELECT v FROM three")
			want(t, "FOUND_ROWS() with nothing between", text(ctx, t, tx, "SELECT FOUND_ROWS()"), "3")
		})
	}
}

// A journey is what a session leaves, what becomes of its backend meanwhile, what the session does next, and what it asks then.
type journey struct{ own, away, next, ask string }

func journeys() (all []journey) {
	for _, own := range []string{
		"DO 1", "INSERT INTO t (v) VALUES (5), (6)", "INSERT INTO t (id, v) VALUES (1000, 5)", "UPDATE t SET v = LAST_INSERT_ID(5) WHERE id = 1", "SELECT v FROM three", "SELECT LAST_INSERT_ID(9)",
		"INSERT INTO t (id, v) VALUES (NULL, 1), (1, 1)",
	} {
		for _, away := range []string{"nobody", "used", "held"} {
			for _, next := range []string{
				"DO 1", "PREPARE p FROM 'DO 1'", "SET @x = 1", "SET time_zone = '+01:00'", "BEGIN", "begin", "CALL nothing()", "CALL inserts()", byFamily("EXECUTE IMMEDIATE 'DO 1'", "EXECUTE missing"), "INSERT INTO three VALUES (4)",
				"INSERT INTO t (id, v) VALUES (2000, 5)",
			} {
				for _, ask := range []string{
					"SELECT LAST_INSERT_ID()", "SELECT ROW_COUNT()", "SELECT FOUND_ROWS()", "SELECT CONCAT_WS(' ', @@identity, ROW_COUNT())",
				} {
					all = append(all, journey{own, away, next, ask})
				}
			}
		}
	}
	return all
}

// Wherever a session's way over backends has led, it is told its own numbers or gets an error.
func TestNumbersAfterAHandOver(t *testing.T) {
	ctx := within(t, 5*time.Minute)
	srv := start(t, lab.Config{})
	admin(t, srv, "GRANT ALL ON *.* TO app@'%'")
	admin(t, srv, "CREATE DATABASE sticky")
	dsn := srv.DSN("app", "sticky")
	plain := stock(t, dsn)
	plain.SetMaxIdleConns(-1) // each statement has a connection of its own
	stickyDatabase(ctx, t, plain)
	exec(ctx, t, plain, "CREATE TABLE others (id INT PRIMARY KEY AUTO_INCREMENT, v INT) AUTO_INCREMENT = 777")
	db, c := open(t, dsn, weir.WithMaxOpen(2), weir.WithCheckIdleEvery(time.Hour))
	answered := 0
	type answer struct {
		value string
		err   error
	}
	rights := map[journey]answer{}
	for _, j := range journeys() {
		at := journey{own: j.own, next: j.next, ask: j.ask} // a connection of one's own is never away
		if _, ok := rights[at]; !ok {
			v, err := at.travel(ctx, t, plain, plain)
			rights[at] = answer{v, err}
		}
		right, rightErr := rights[at].value, rights[at].err
		got, err := j.travel(ctx, t, db, plain)
		wantFree(ctx, t, c)
		if _, ok := errorAs[*mysqlpool.StickyError](err); ok {
			continue
		}
		answered++
		if got != right || number(err) != number(rightErr) {
			t.Errorf("%+v: %s, %v; want %s, %v", j, got, err, right, rightErr)
		}
	}
	t.Logf("%d of %d questions were answered", answered, len(journeys()))
}

// travel goes the journey on a session of db, and returns the answer.
func (j journey) travel(ctx context.Context, t testing.TB, db, plain *sql.DB) (string, error) {
	t.Helper()
	stickyRows(ctx, t, plain, j.ask)
	conn := hold(ctx, t, db)
	defer conn.Close()
	first(ctx, conn, j.own)
	switch {
	case j.away == "nobody" || j.away == "":
	case j.away == "held":
		tx := elsewhere(ctx, t, db, hold(ctx, t, db))
		exec(ctx, t, tx, "INSERT INTO others (v) VALUES (7), (8), (9)")
		must(t, tx.Rollback())
		fallthrough
	default:
		exec(ctx, t, db, "INSERT INTO others (v) VALUES (7), (8), (9), (10)")
		run(ctx, t, db, "SELECT 1 FROM t, three")
	}
	defer first(ctx, conn, j.next)()
	var v sql.NullString
	err := conn.QueryRowContext(ctx, j.ask).Scan(&v)
	return fmt.Sprint(v), err
}
