package vitesstest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/vitess"
	"github.com/weirpool/weir/mysqlpool"
)

// Random statements on sessions over few connections are answered as on one plain connection each: columns, types and values, error
// numbers, affected rows, new ids. Only a StickyError may stand for an answer. Each side has tables of its own: {t} and {u} in a text.
func TestNothingDiffersFromOneConnectionEach(t *testing.T) {
	for _, keyspace := range keyspaces {
		t.Run(keyspace, func(t *testing.T) {
			ctx := within(t, 4*time.Minute)
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			got, c := open(t, keyspace, weir.WithMaxOpen(3), weir.WithMaxWait(time.Minute))
			want := stock(t, keyspace)
			want.SetMaxIdleConns(-1) // a connection is used once
			exec(ctx, t, stock(t, vitess.Sharded), "DELETE FROM item")
			var counts differCounts
			var twins sync.WaitGroup
			for i := range 6 {
				tw := &twin{t: t, ctx: ctx, me: i, keyspace: keyspace, r: rand.New(rand.NewPCG(seed, uint64(i))), counts: &counts}
				tw.build()
				twins.Go(func() { tw.run(got, want) })
			}
			twins.Wait()
			s := c.Sessions()
			t.Logf("%d operations, %d errors of the server, %d StickyErrors, %d replays, %d connections closed after a pin",
				counts.operations.Load(), counts.refused.Load(), counts.sticky.Load(), s.Replays, s.ResetFails)
			if counts.refused.Load() == 0 || s.Replays == 0 {
				t.Error("nothing has been proved")
			}
		})
	}
}

type differCounts struct{ operations, refused, sticky atomic.Int64 }

// A twin is a session and the plain connection beside it.
type twin struct {
	t        *testing.T
	ctx      context.Context
	me       int
	keyspace string
	r        *rand.Rand
	counts   *differCounts
	tables   [2][2]string // of each side
	past     []string
}

const (
	differLives      = 8  // sessions, one after the other
	differOperations = 20 // of each
)

func (tw *twin) build() {
	for side := range tw.tables {
		tw.tables[side] = [2]string{
			table(tw.ctx, tw.t, "id BIGINT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(40), n BIGINT"),
			table(tw.ctx, tw.t, "code VARCHAR(20), KEY (code)"),
		}
	}
}

func (tw *twin) run(got, want *sql.DB) {
	for range differLives {
		tw.past = nil
		a, err := got.Conn(tw.ctx)
		if err != nil {
			tw.t.Error(err)
			return
		}
		b, err := want.Conn(tw.ctx)
		if err != nil {
			tw.t.Error(err)
			a.Close()
			return
		}
		for n := 0; n < differOperations && !tw.t.Failed() && tw.both(a, b); n++ {
		}
		a.Close()
		b.Close()
	}
}

// both lets both sides do the same, and reports whether they go on: a session that has got no answer is not what the other is any more.
func (tw *twin) both(a, b *sql.Conn) bool {
	text, args := tw.draw()
	queries := returnsRows(text)
	tw.counts.operations.Add(1)
	got, err := tw.ask(a, 0, text, args, queries)
	if _, sticky := errors.AsType[*mysqlpool.StickyError](err); sticky {
		tw.counts.sticky.Add(1)
		return !strings.Contains(text, "INSERT")
	}
	if err != nil {
		tw.counts.refused.Add(1)
	}
	want, _ := tw.ask(b, 1, text, args, queries)
	if got != want && err != nil {
		tw.t.Log(err)
	}
	tw.past = append(tw.past, fmt.Sprintf("%s %v -> %.100s", text, args, got))
	if got != want {
		tw.t.Errorf("session %d: %s %v\n got %s\nwant %s\nafter\n\t%s", tw.me, text, args, got, want, strings.Join(tw.past[max(0, len(tw.past)-30):], "\n\t"))
	}
	return got == want
}

func (tw *twin) ask(conn *sql.Conn, side int, text string, args []any, queries bool) (string, error) {
	text = strings.NewReplacer("{t}", "shop."+tw.tables[side][0], "{u}", "shop."+tw.tables[side][1], "{side}", fmt.Sprint(2*tw.me+side),
		"{id}", fmt.Sprint(rand.Int64())).Replace(text)
	if queries {
		rows, err := conn.QueryContext(tw.ctx, text, args...)
		out := answer(rows, err)
		if strings.Contains(text, "@@") { // vtgate tells what was set by the session itself with the type of the value that it was set to
			out = strings.NewReplacer("UNSIGNED ", "", "uint64", "int64").Replace(out)
		}
		if strings.Contains(text, "_LOCK") { // the column's name has the lock's
			out = strings.ReplaceAll(out, fmt.Sprintf("'l%d'", 2*tw.me+side), "'l'")
		}
		return out, err
	}
	res, err := conn.ExecContext(tw.ctx, text, args...)
	if err != nil {
		return problem(err), err
	}
	n, _ := res.RowsAffected()
	id, _ := res.LastInsertId()
	return fmt.Sprintf("%d rows, id %d", n, id), nil
}

// differTexts are drawn from. {n} is a number, ? an argument.
var differTexts = map[string][]string{
	"reads": {
		"SELECT DATABASE(), COLLATION(?)", "SELECT * FROM {t} ORDER BY id DESC LIMIT 5", "SELECT COUNT(*), SUM(n) FROM {t}", "SELECT ?, ?", "SELECT COUNT(*) FROM {u} WHERE code = ?",
		"SELECT 7 / 3, 'a', {n}", "SELECT 'it''s', x'41', _utf8mb4'u'", "SELECT FROM_UNIXTIME(86400 * {n}), DATE_FORMAT('2024-03-05', '%W %M'), WEEK('2024-01-01')",
		"SELECT @@sql_mode, @@time_zone, @@group_concat_max_len, @@unique_checks, @@transaction_isolation", "SHOW TABLES LIKE 'item%'", "WITH x AS (SELECT {n} AS a) SELECT a FROM x",
		"SELECT id FROM {t} WHERE id = {n} FOR UPDATE", "DO 1", "SELECT @@autocommit, @@sql_select_limit", "SELECT @@character_set_client, @@collation_connection", "/* nothing */ SELECT {n}",
		"SELECT v FROM item WHERE user_id = {side} ORDER BY v LIMIT 3", "SHOW VITESS_TARGET", "SELECT NULL, 1.50, NOW() > '2020-01-01'",
	},
	"writes": {
		"INSERT INTO {t} (v, n) VALUES ('a', {n})", "INSERT INTO {t} (v, n) VALUES (?, {n})", "INSERT INTO {t} (v) VALUES ('a'), ('b')", "UPDATE {t} SET n = {n} WHERE id < {n}",
		"DELETE FROM {t} WHERE id > {n}", "INSERT INTO {u} VALUES (?)", "DELETE FROM {u} WHERE code = ?", "REPLACE INTO {t} (id, v, n) VALUES ({n}, 'r', {n})",
		"INSERT IGNORE INTO {t} (id, v) VALUES ({n}, 'i')", "UPDATE {t} SET n = LAST_INSERT_ID(n + 1) WHERE id = {n}", "INSERT INTO mall.item (id, user_id, v) VALUES ({id}, {side}, 'x')",
		"INSERT INTO {t} (id, v) VALUES ({n}, 'x') ON DUPLICATE KEY UPDATE v = 'd'",
	},
	"settings": {
		"SET time_zone = '+0{d}:00'", "SET sql_mode = 'ANSI'", "SET sql_mode = 'TRADITIONAL'", "SET sql_mode = ''", "SET SESSION group_concat_max_len = 10{n}", "SET unique_checks = 0",
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET NAMES utf8mb4", "SET NAMES latin1", "USE `shop`", "USE `mall@primary`", "USE `shop@replica`", "USE `shop@primary`",
		"SET sort_buffer_size = 4{d}0000, time_zone = '-0{d}:00'", "SET lc_time_names = 'de_DE'", "SET max_execution_time = {n}000", "SET foreign_key_checks = OFF", "SET sql_safe_updates = 0",
	},
	"sticky": {
		"SELECT LAST_INSERT_ID()", "SELECT ROW_COUNT()", "SELECT FOUND_ROWS()", "SHOW WARNINGS", "SELECT LAST_INSERT_ID({n})", "INSERT INTO {t} (n) VALUES (LAST_INSERT_ID())",
	},
	"pins": {
		"SET @x = {n}", "SELECT @x", "CREATE TEMPORARY TABLE tmp{side} (id INT)", "SELECT GET_LOCK('l{side}', 1)", "SET autocommit = 0", "SET autocommit = 1",
	},
	"errors": {
		"SELECT nothing FROM {t}", "SELEC 1", "SELECT * FROM nowhere", "USE nowhere", "SET sql_mode = DEFAULT", "INSERT INTO {t} (id, v) VALUES (1, 'x'), (1, 'y')", "SET nosuch = 1", "SELECT 1; SELECT 2",
	},
	"transactions": {"BEGIN", "START TRANSACTION", "COMMIT", "COMMIT", "ROLLBACK", "SAVEPOINT a", "START TRANSACTION READ ONLY"},
}

// differWeights are how often each kind is drawn, of a hundred.
var differWeights = []struct {
	kind string
	n    int
}{{"reads", 30}, {"writes", 24}, {"settings", 20}, {"transactions", 12}, {"sticky", 6}, {"pins", 3}, {"errors", 5}}

// draw picks a text and fills it.
func (tw *twin) draw() (string, []any) {
	n, kind := tw.r.IntN(100), ""
	for _, w := range differWeights {
		if kind = w.kind; n < w.n {
			break
		}
		n -= w.n
	}
	texts := differTexts[kind]
	text := texts[tw.r.IntN(len(texts))]
	for strings.Contains(text, "{n}") {
		text = strings.Replace(text, "{n}", fmt.Sprint(1+tw.r.IntN(20)), 1)
	}
	text = strings.ReplaceAll(text, "{d}", fmt.Sprint(1+tw.r.IntN(8)))
	all := []any{int64(7), int64(math.MaxInt64), uint64(math.MaxUint64), 1.5, true, "01", "x", "2024-01-01 10:00:00", []byte("1.0"), nil, time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)}
	var args []any
	for range strings.Count(text, "?") {
		args = append(args, all[tw.r.IntN(len(all))])
	}
	return text, args
}

func returnsRows(text string) bool {
	for _, word := range []string{"SELECT", "SHOW", "WITH", "/*"} {
		if strings.HasPrefix(text, word) {
			return true
		}
	}
	return false
}
