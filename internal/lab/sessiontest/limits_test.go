package sessiontest_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// isCause reports whether err is of that cause and not one that makes database/sql run the statement again.
func isCause(err, cause error) bool {
	return errors.Is(err, cause) && !errors.Is(err, driver.ErrBadConn)
}

// wantCause asserts it.
func wantCause(t testing.TB, what string, err, cause error) {
	t.Helper()
	if !isCause(err, cause) {
		t.Errorf("%s = %v, want one of %q", what, err, cause)
	}
}

func TestSettingsThatTwistOurOwnQuestions(t *testing.T) {
	for _, setting := range []string{
		"sql_select_limit = 0", "character_set_results = NULL", "character_set_results = 'binary'",
		byFamily("max_statement_time = 0.000001", "max_execution_time = 1"), "sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'", "div_precision_increment = 0",
		"sql_quote_show_create = 0", "wait_timeout = 1", "sql_safe_updates = 1", "sql_big_selects = 0", "lc_messages = 'de_DE'",
	} {
		t.Run(setting, func(t *testing.T) {
			ctx := within(t, 20*time.Second)
			db, c := open(t, database(t), weir.WithMaxOpen(1))
			zone := text(ctx, t, db, "SELECT @@session.time_zone")
			locale := text(ctx, t, db, "SELECT @@session.lc_time_names")
			bad := hold(ctx, t, db)
			exec(ctx, t, bad, "SET "+setting)
			good := hold(ctx, t, db)
			exec(ctx, t, good, "SET lc_time_names = 'fr_FR'")
			exec(ctx, t, bad, "DO 1")
			exec(ctx, t, good, "DO 1")
			want(t, "the other session's setting", text(ctx, t, good, "SELECT @@lc_time_names"), "fr_FR")
			if setting[:3] != "max" {
				exec(ctx, t, bad, "SET time_zone = '+01:00'")
			}
			must(t, bad.Close())
			must(t, good.Close())
			want(t, "time_zone of a new session", text(ctx, t, db, "SELECT @@session.time_zone"), zone)
			want(t, "lc_time_names of a new session", text(ctx, t, db, "SELECT @@session.lc_time_names"), locale)
			if s := c.Stats(); s.Opened > 1 {
				t.Logf("%d connections were opened", s.Opened)
			}
		})
	}
}

func TestPinnedSessionsAreBounded(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(3), weir.WithMinIdle(3), mysqlpool.WithMaxPinned(2), weir.WithMaxWait(200*time.Millisecond))
	first, second := hold(ctx, t, db), hold(ctx, t, db)
	_, err := first.ExecContext(ctx, "SET @a = 1")
	must(t, err)
	exec(ctx, t, second, "SET @a = 2")
	_, err = db.ExecContext(ctx, "SET @a = 3")
	limit, ok := errors.AsType[*mysqlpool.PinLimitError](err)
	if !ok {
		t.Fatalf("error = %v, want a *PinLimitError", err)
	}
	if limit.Limit != 2 || len(limit.Pins) != 2 || limit.Reason != mysqlpool.PinUserVariable {
		t.Errorf("error = %+v", limit)
	}
	contains(t, "site", limit.Pins[0].Site, "limits_test.go")
	want(t, "answer to one who pins nothing", text(ctx, t, db, "SELECT 1"), "1")
	must(t, first.Close())
	want(t, "answer after a check-in", text(ctx, t, db, "SELECT @a IS NULL"), "1")
	must(t, second.Close())
	wantFree(ctx, t, c)
	if n := len(c.Sessions().Pinned); n != 0 {
		t.Errorf("%d are pinned, want none", n)
	}
}

func TestExhaustedPoolNamesWhoHoldsAndWhy(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1), weir.WithMaxWait(100*time.Millisecond))
	for range 2 { // the second time on a session that was checked in while it held
		conn := hold(ctx, t, db)
		_, err := conn.ExecContext(ctx, "BEGIN")
		must(t, err)
		_, err = db.ExecContext(ctx, "DO 1")
		if err == nil {
			t.Fatal("a second backend was lent")
		}
		contains(t, "error", err.Error(), "transaction")
		contains(t, "error", err.Error(), "limits_test.go")
		must(t, conn.Close())
	}
}

func TestPinPlaceIsNotHeldByOneWhoHasNoBackend(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2), mysqlpool.WithMaxPinned(1), weir.WithMaxWait(10*time.Second))
	first, err := db.BeginTx(ctx, nil)
	must(t, err)
	second, err := db.BeginTx(ctx, nil)
	must(t, err)
	pinned := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(ctx, "SET @a = 1")
		pinned <- err
	}()
	until(ctx, t, "it waits for a backend", func() bool { return c.Stats().Waiting == 1 })
	short, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err = first.ExecContext(short, "SET @a = 2")
	if err != nil {
		t.Errorf("pinning a session that holds a backend: %v", err)
	}
	must(t, first.Rollback())
	must(t, second.Rollback())
	must(t, <-pinned)
}
