package mysqltest_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirpool/weir/internal/mysqltest"
)

func TestHealthCheckAnswersRoleInOneRoundTrip(t *testing.T) {
	over(t, mysqltest.Config{ReadOnly: true}, func(t *testing.T, f fixture) {
		conn, done := f.conn(t)
		defer done()
		const query = "/* payments Health Check */ SELECT 1, @@innodb_read_only, @@read_only AS ro"
		rows, err := conn.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		columns, _ := rows.Columns()
		if diff := cmp.Diff([]string{"1", "@@innodb_read_only", "ro"}, columns); diff != "" {
			t.Error(diff)
		}
		var alive, innodb, readOnly int
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
		if err := rows.Scan(&alive, &innodb, &readOnly); err != nil {
			t.Fatal(err)
		}
		if alive != 1 || innodb != 0 || readOnly != 1 {
			t.Errorf("got %d %d %d, want 1 0 1", alive, innodb, readOnly)
		}
		if diff := cmp.Diff([]string{query}, f.Queries()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestValuesSurviveTextAndBinaryProtocol(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		db := f.db(t)
		defer db.Close()
		long := strings.Repeat("x", 70_000)
		f.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
			return mysqltest.Rows([]string{"i", "u", "f", "s", "n", "b"},
				[]any{-7, uint64(1 << 63), 2.5, long, nil, true},
				[]any{nil, nil, nil, "", nil, false}), strings.HasPrefix(q.Text, "SELECT * FROM t")
		})
		type row struct {
			I sql.NullInt64
			U sql.Null[uint64]
			F sql.NullFloat64
			S string
			N sql.NullString
			B bool
		}
		want := []row{
			{sql.NullInt64{Int64: -7, Valid: true}, sql.Null[uint64]{V: 1 << 63, Valid: true},
				sql.NullFloat64{Float64: 2.5, Valid: true}, long, sql.NullString{}, true},
			{},
		}
		for name, args := range map[string][]any{"text": nil, "binary": {1}} {
			query := "SELECT * FROM t"
			if args != nil {
				query += " WHERE id = ?"
			}
			rows, err := db.QueryContext(t.Context(), query, args...)
			if err != nil {
				t.Fatal(err)
			}
			var got []row
			for rows.Next() {
				var r row
				if err := rows.Scan(&r.I, &r.U, &r.F, &r.S, &r.N, &r.B); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				got = append(got, r)
			}
			if diff := cmp.Diff(want, got); diff != "" || rows.Err() != nil {
				t.Errorf("%s: %v %s", name, rows.Err(), diff)
			}
		}
	})
}

func TestPreparedArgumentsReachTheHandler(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		f.config.MaxAllowedPacket = 4096 // so that the long one is sent ahead
		db := f.db(t)
		defer db.Close()
		seen := make(chan mysqltest.Query, 1)
		f.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
			seen <- q
			return mysqltest.OK(), true
		})
		long := strings.Repeat("y", 3000)
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		exec(t, db, "CALL p(?, ?, ?, ?, ?, ?, ?, '?') -- ?", -5, uint64(1<<63), 0.5, "é", nil, long, at)
		got := <-seen
		want := []any{int64(-5), uint64(1 << 63), 0.5, "é", nil, long, "2026-01-02 03:04:05"}
		if diff := cmp.Diff(want, got.Args); diff != "" || !got.Prepared || got.User != "app" || got.Database != "shop" {
			t.Errorf("query %+v %s", got, diff)
		}
		if s := f.Stats(); s.Prepares != 1 || s.Executes != 1 {
			t.Errorf("stats %+v", s)
		}
		eventually(t, "statement closed", func() bool { return f.Stats().StmtCloses == 1 })
	})
}

func TestPreparedStatementRunsAgainAndAgain(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		conn, done := f.conn(t)
		defer done()
		stmt, err := conn.PrepareContext(t.Context(), "SELECT ?, @@version, CONNECTION_ID()")
		if err != nil {
			t.Fatal(err)
		}
		defer stmt.Close()
		for _, want := range []string{"a", "b"} {
			var got, version string
			var thread uint32
			if err := stmt.QueryRowContext(t.Context(), want).Scan(&got, &version, &thread); err != nil || got != want ||
				version != "8.0.36" || thread == 0 {
				t.Errorf("got %q %q %d %v", got, version, thread, err)
			}
		}
	})
}

func TestVariablesOfEachFlavour(t *testing.T) {
	tests := []struct {
		name    string
		config  mysqltest.Config
		known   map[string]string
		unknown []string
	}{
		{"mysql", mysqltest.Config{SuperReadOnly: true}, map[string]string{
			"@@super_read_only": "1", "@@read_only": "1", "@@innodb_read_only": "0", "@@autocommit": "1", "@@max_connections": "151",
			"@@wait_timeout": "28800", "@@version": "8.0.36", "@@version_comment": "MySQL Community Server - GPL",
			"@@global.read_only": "1", "@@session.transaction_isolation": "REPEATABLE-READ", "VERSION()": "8.0.36",
			"DATABASE()": "shop", "USER()": "app@localhost", "-3": "-3", "1.5": "1.5", "'it''s'": "it's", "TRUE": "1",
		}, []string{"@@aurora_version", "@@tx_isolation", "@@nonsense"}},
		{"mariadb", mysqltest.Config{Version: "10.11.6-MariaDB", InnodbReadOnly: true, AutocommitOff: true}, map[string]string{
			"@@read_only": "0", "@@innodb_read_only": "1", "@@autocommit": "0", "@@version": "10.11.6-MariaDB",
			"@@in_transaction": "0",
		}, []string{"@@super_read_only", "@@aurora_version", "@@transaction_isolation"}},
		{"aurora", mysqltest.Config{Aurora: true, Name: "writer"}, map[string]string{
			"@@aurora_version": "3.05.2", "@@aurora_server_id": "writer", "@@hostname": "writer",
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, test.config, func(t *testing.T, f fixture) {
				conn, done := f.conn(t)
				defer done()
				for expression, want := range test.known {
					if got := one[string](t, conn, "SELECT "+expression); got != want {
						t.Errorf("%s is %q, want %q", expression, got, want)
					}
				}
				for _, name := range test.unknown {
					_, err := conn.ExecContext(t.Context(), "SELECT "+name)
					wantNumber(t, err, mysqltest.CodeUnknownVariable)
				}
			})
		})
	}
}

func TestSessionForgetsNothingButByReset(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		f.config.Params = map[string]string{"sql_mode": "'ANSI'"}
		conn, done := f.conn(t)
		defer done()
		exec(t, conn, "SET @tenant = 'a', SESSION wait_timeout = 60, time_zone = '+00:00'")
		exec(t, conn, "SET sql_safe_updates = CONCAT(@@sql_mode, ',X'), sql_notes = DEFAULT")
		exec(t, conn, "USE other")
		got := []string{
			one[string](t, conn, "SELECT @tenant"), one[string](t, conn, "SELECT @@wait_timeout"),
			one[string](t, conn, "SELECT @@sql_mode"), one[string](t, conn, "SELECT DATABASE() AS db"),
			one[string](t, conn, "SELECT @@time_zone"), one[string](t, conn, "SELECT @@global.wait_timeout"),
		}
		want := []string{"a", "60", "ANSI", "other", "+00:00", "28800"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if first := f.Queries()[0]; first != "SET sql_mode = 'ANSI'" {
			t.Errorf("set-up ran %q", first)
		}
	})
}

func TestSelectFromTableIsEmptyAndUnknownSelectSaysSo(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		conn, done := f.conn(t)
		defer done()
		var name string
		err := conn.QueryRowContext(t.Context(), "SELECT name AS n FROM users WHERE id = 1").Scan(&name)
		if !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("error %v, want no rows", err)
		}
		_, err = conn.ExecContext(t.Context(), "SELECT 1+1")
		wantNumber(t, err, mysqltest.CodeUnknown)
		exec(t, conn, "ANALYZE TABLE users")
	})
}

func TestScriptGoesBeforeBuiltInAnswers(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		conn, done := f.conn(t)
		defer done()
		f.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
			return mysqltest.Rows([]string{"n"}, []any{42}), strings.HasPrefix(q.Text, "SELECT n")
		})
		if got := one[int](t, conn, "SELECT n FROM t"); got != 42 {
			t.Errorf("got %d", got)
		}
		f.FailQueries(func(text string) bool { return strings.HasPrefix(text, "SELECT n") },
			mysqltest.NewError(mysqltest.CodeDeadlock))
		_, err := conn.ExecContext(t.Context(), "SELECT n FROM t")
		wantNumber(t, err, mysqltest.CodeDeadlock)
		f.FailQueries(nil, mysqltest.Error{})
		if got := one[int](t, conn, "SELECT n FROM t"); got != 42 {
			t.Errorf("got %d after the rule", got)
		}
		f.Handle(nil)
		if got := one[int](t, conn, "SELECT 7"); got != 7 {
			t.Errorf("got %d", got)
		}
	})
}

func TestErrorAndHangUpAfterSomeRows(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		read := func(r mysqltest.Reply) (int, error) {
			conn, done := f.conn(t)
			defer done()
			f.Handle(func(mysqltest.Query) (mysqltest.Reply, bool) { return r, true })
			rows, err := conn.QueryContext(t.Context(), "SELECT n FROM t")
			if err != nil {
				return 0, err
			}
			defer rows.Close()
			n := 0
			for rows.Next() {
				n++
			}
			return n, rows.Err()
		}
		r := mysqltest.Rows([]string{"n"}, []any{1}, []any{2})
		r.Err = mysqltest.NewError(mysqltest.CodeQueryInterrupted)
		n, err := read(r)
		wantNumber(t, err, mysqltest.CodeQueryInterrupted)
		r = mysqltest.Rows([]string{"n"}, []any{1}, []any{2})
		r.HangUp = true
		m, err := read(r)
		wantBroken(t, err)
		if n != 2 || m != 2 {
			t.Errorf("read %d and %d rows, want 2 and 2", n, m)
		}
		_, err = read(mysqltest.HangUp())
		wantBroken(t, err)
	})
}
