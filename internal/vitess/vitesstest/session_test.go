package vitesstest_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/vitess"
)

// keyspaces are where a test runs that needs no table of its own.
var keyspaces = []string{vitess.Unsharded, vitess.Sharded}

// Twenty sessions with a time zone, a mode and a database each share four connections to vtgate.
func TestEachSessionKeepsItsSettings(t *testing.T) {
	for _, keyspace := range keyspaces {
		t.Run(keyspace, func(t *testing.T) {
			ctx := within(t, time.Minute)
			db, c := open(t, keyspace, weir.WithMaxOpen(4), weir.WithMaxWait(30*time.Second))
			var sessions sync.WaitGroup
			for i := range 20 {
				conn := hold(ctx, t, db)
				sessions.Go(func() { keepsSettings(ctx, t, conn, i) })
			}
			sessions.Wait()
			if s := c.Sessions(); s.Replays < 100 || len(s.Pinned) != 0 {
				t.Errorf("%d replays, %d sessions are pinned: want hundreds, and none", s.Replays, len(s.Pinned))
			}
			if n := c.Stats().Open; n > 4 {
				t.Errorf("%d connections are open, want at most 4", n)
			}
		})
	}
}

func keepsSettings(ctx context.Context, t *testing.T, conn *sql.Conn, i int) {
	zone := fmt.Sprintf("+%02d:00", i%12)
	mode := []string{"ANSI", "TRADITIONAL", "", "STRICT_ALL_TABLES"}[i%4]
	keyspace := keyspaces[i%2]
	limit := fmt.Sprint(1024 * (i + 1))
	for _, statement := range []string{
		"SET time_zone = '" + zone + "'", "SET SESSION sql_mode = '" + mode + "', group_concat_max_len = " + limit, "USE `" + keyspace + "@primary`",
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			t.Errorf("%s: %v", statement, err)
			return
		}
	}
	var wantMode string
	for n := range 20 {
		var gotZone, gotMode, gotLimit, in string
		if err := conn.QueryRowContext(ctx, "SELECT @@time_zone, @@sql_mode, @@group_concat_max_len, DATABASE()").Scan(&gotZone, &gotMode, &gotLimit, &in); err != nil {
			t.Error(err)
			return
		}
		if n == 0 {
			wantMode = gotMode
		}
		if gotZone != zone || gotMode != wantMode || gotLimit != limit || in != keyspace+"@primary" {
			t.Errorf("session %d has %s, %s, %s, %s, want %s, %s, %s, %s@primary", i, gotZone, gotMode, gotLimit, in, zone, wantMode, limit, keyspace)
		}
	}
}

// A number is that of the session's own insert, from MySQL's column or from Vitess's sequence.
func TestLastInsertIDIsTheSessionsOwn(t *testing.T) {
	ctx := within(t, time.Minute)
	name := table(ctx, t, "id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id BIGINT, v VARCHAR(40)")
	for keyspace, into := range map[string]string{vitess.Unsharded: name, vitess.Sharded: "item"} {
		t.Run(keyspace, func(t *testing.T) {
			db, _ := open(t, keyspace, weir.WithMaxOpen(2), weir.WithMaxWait(30*time.Second))
			var sessions sync.WaitGroup
			for i := range 8 {
				conn := hold(ctx, t, db)
				sessions.Go(func() { asksForItsNumber(ctx, t, conn, into, i) })
			}
			sessions.Wait()
		})
	}
}

func asksForItsNumber(ctx context.Context, t *testing.T, conn *sql.Conn, into string, i int) {
	for range 10 {
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			t.Error(err)
			return
		}
		res, err := tx.ExecContext(ctx, "INSERT INTO "+into+" (user_id, v) VALUES (?, ?)", i, fmt.Sprint("session ", i))
		if err != nil {
			t.Error(err)
			tx.Rollback()
			return
		}
		id, _ := res.LastInsertId()
		var asked int64
		var v string
		if err := tx.QueryRowContext(ctx, "SELECT LAST_INSERT_ID()").Scan(&asked); err != nil || asked != id || id == 0 {
			t.Errorf("LAST_INSERT_ID() = %d, %v, want %d", asked, err, id)
		}
		if err := tx.QueryRowContext(ctx, "SELECT v FROM "+into+" WHERE id = ? AND user_id = ?", id, i).Scan(&v); err != nil || v != fmt.Sprint("session ", i) {
			t.Errorf("row %d of session %d = %q, %v", id, i, v, err)
		}
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
	}
}

// A pinned session finds what it left, and the next one does not.
func TestWhatPinsStaysWithItsSession(t *testing.T) {
	ctx := within(t, time.Minute)
	db, c := open(t, vitess.Unsharded, weir.WithMaxOpen(3), weir.WithMaxWait(30*time.Second))
	for range 3 {
		first, second := hold(ctx, t, db), hold(ctx, t, db)
		want(t, "@x of a new session", text(ctx, t, first, "SELECT @x"), "NULL")
		exec(ctx, t, first, "SET @x = 'first'")
		exec(ctx, t, second, "SET @x = 'second'")
		exec(ctx, t, first, "CREATE TEMPORARY TABLE mine (v VARCHAR(9))")
		exec(ctx, t, first, "INSERT INTO mine VALUES ('first')")
		want(t, "the named lock", text(ctx, t, second, "SELECT GET_LOCK('weir', 0)"), "1")
		want(t, "the other's named lock", text(ctx, t, first, "SELECT GET_LOCK('weir', 0)"), "0")
		want(t, "@x", text(ctx, t, first, "SELECT @x"), "first")
		want(t, "@x", text(ctx, t, second, "SELECT @x"), "second")
		want(t, "the temporary table", text(ctx, t, first, "SELECT v FROM mine"), "first")
		if _, err := second.ExecContext(ctx, "SELECT v FROM mine"); number(err) != 1146 {
			t.Errorf("another session's temporary table: %v, want error 1146", err)
		}
		must(t, first.Close())
		must(t, second.Close())
	}
	wantFree(ctx, t, c)
	until(ctx, t, "nothing is reserved", func() bool { return reserved(ctx, t) == 0 })
	third := hold(ctx, t, db)
	want(t, "the lock of a session that is gone", text(ctx, t, third, "SELECT GET_LOCK('weir', 0)"), "1")
}

func TestTransactionsOverVtgate(t *testing.T) {
	for _, keyspace := range keyspaces {
		t.Run(keyspace, func(t *testing.T) {
			ctx := within(t, time.Minute)
			into := "item"
			if keyspace == vitess.Unsharded {
				into = table(ctx, t, "id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id BIGINT, v VARCHAR(40)")
			}
			db, c := open(t, keyspace, weir.WithMaxOpen(2), weir.WithMaxWait(30*time.Second))
			exec(ctx, t, db, "DELETE FROM "+into)
			var workers sync.WaitGroup
			for i := range 8 {
				workers.Go(func() {
					for n := range 10 {
						if err := inTx(ctx, db, into, int64(100*i+n), n%2 == 0); err != nil {
							t.Error(err)
						}
					}
				})
			}
			workers.Wait()
			want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM "+into), "80")
			wantFree(ctx, t, c)
			exec(ctx, t, db, "DELETE FROM "+into)
		})
	}
}

// inTx inserts two rows, which stay if it commits.
func inTx(ctx context.Context, db *sql.DB, into string, user int64, commits bool) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for range 2 {
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+into+" (user_id, v) VALUES (?, 'x')", user); err != nil {
			return err
		}
	}
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+into+" WHERE user_id = ?", user).Scan(&n); err != nil {
		return err
	}
	if n != 2 {
		return fmt.Errorf("%d rows of %d in its transaction, want 2", n, user)
	}
	if commits {
		return tx.Commit()
	}
	return tx.Rollback()
}
