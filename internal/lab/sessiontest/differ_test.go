package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// A differ gives the same random statements to sessions over few backends and to one stock connection for each, on two servers that are
// alike. Whatever is answered must be equal: columns, types and values, error numbers, affected rows, new ids. Only a StickyError may
// stand for an answer, where something of an earlier statement was asked for, or may be, unseen, or the advice to prepare a statement
// again; the stock connection is not asked then.
type differ struct {
	t         *testing.T
	ctx       context.Context
	got, want differSide
	stop      func(operations int64) bool // whether they are enough
	settings  []setting
	texts     repertoire
	numbers   *strings.Replacer // of the tables of numbers

	operations, sticky, refused, differences, lives atomic.Int64

	mu       sync.Mutex // guards the fields below
	stickies map[string]int
}

type differSide struct {
	srv *lab.Server
	db  *sql.DB
}

// differSessions share differBackends.
const (
	differSessions = 8
	differBackends = 4
	differProof    = 100000 // operations of the long run
	differMost     = 20     // differences, and it ends
)

func TestNothingDiffersFromOneConnectionEach(t *testing.T) {
	seed := *historySeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	d := &differ{t: t, ctx: within(t, *historyFor+2*time.Minute), settings: settings(), texts: repertoireOf(byFamily(differOfMariaDB, differOfMySQL)), stickies: map[string]int{}}
	params := "multiStatements=true&collation=utf8mb4_unicode_ci" + []string{"", "&parseTime=true", "&clientFoundRows=true", "&interpolateParams=true"}[seed%4]
	t.Logf("seed %d, %s", seed, params)
	d.got.srv, d.want.srv = start(t, lab.Config{}), start(t, lab.Config{})
	for _, srv := range []*lab.Server{d.got.srv, d.want.srv} {
		for _, statement := range differAccount() {
			admin(t, srv, statement)
		}
		d.numbers = strings.NewReplacer("{1..30}", sequenceOn(t, srv, 30), "{1..99}", sequenceOn(t, srv, 99), "{1..400}", sequenceOn(t, srv, 400))
	}
	var sessions sync.WaitGroup
	twins := make([]*twin, differSessions)
	for i := range twins {
		twins[i] = &twin{d: d, me: i, r: rand.New(rand.NewPCG(seed, uint64(i)))}
		sessions.Go(twins[i].build)
	}
	sessions.Wait()
	d.want.db = stock(t, withParam(t, d.want.srv.DSN("app", "d"), params))
	d.want.db.SetMaxIdleConns(-1) // a connection is used once
	d.got.db, _ = open(t, withParam(t, d.got.srv.DSN("app", "d"), params), weir.WithMaxOpen(differBackends), weir.WithMaxWait(time.Minute))
	end := time.Now().Add(*historyFor)
	d.stop = func(int64) bool { return time.Now().After(end) }
	if *historyFor > historyDefault {
		d.stop = func(n int64) bool { return n >= differProof }
	}
	for _, tw := range twins {
		sessions.Go(tw.run)
	}
	sessions.Wait()
	d.report()
}

func (d *differ) report() {
	d.t.Logf("%d operations, %d differences; %d StickyErrors, %d errors of the server, %d check-outs",
		d.operations.Load(), d.differences.Load(), d.sticky.Load(), d.refused.Load(), d.lives.Load())
	texts := slices.Collect(maps.Keys(d.stickies))
	slices.SortFunc(texts, func(a, b string) int { return d.stickies[b] - d.stickies[a] })
	for _, text := range texts {
		d.t.Logf("%6d StickyErrors: %s", d.stickies[text], text)
	}
	c, _ := mysqlpool.ConnectorOf(d.got.db)
	s := c.Sessions()
	s.Pinned = nil
	d.t.Logf("%+v", s)
	if d.refused.Load() == 0 || d.lives.Load() == 0 || s.Replays == 0 || s.Resets == 0 {
		d.t.Error("nothing has been proved")
	}
}

// A twin is a session and the stock connection beside it. Its databases are its own.
type twin struct {
	d    *differ
	me   int
	r    *rand.Rand
	past []string

	got, want half
	selects   [3]bool // of the statements prepared by name
	args      [3]any  // what they are run with on MySQL
	tx        bool    // one of BeginTx is open
	over      bool    // they differ
}

// A half is one of the two.
type half struct {
	conn  *sql.Conn
	tx    *sql.Tx
	stmts [3]*sql.Stmt
}

func (tw *twin) run() {
	for !tw.d.stop(tw.d.operations.Load()) && tw.d.differences.Load() < differMost && tw.d.ctx.Err() == nil {
		tw.checkOut()
		for range 1 + tw.r.IntN(30) {
			if tw.step(); tw.over {
				break
			}
		}
		tw.checkIn()
		if tw.over {
			tw.build()
		}
	}
}

func (tw *twin) checkOut() {
	d := tw.d
	d.lives.Add(1)
	tw.past, tw.over, tw.tx, tw.got, tw.want = nil, false, false, half{}, half{}
	ctx := d.ctx
	if tw.r.IntN(10) == 0 {
		tw.past = append(tw.past, "in session mode")
		ctx = mysqlpool.ContextWithMode(ctx, mysqlpool.SessionMode)
	}
	for _, side := range []struct {
		db *sql.DB
		h  *half
	}{{d.got.db, &tw.got}, {d.want.db, &tw.want}} {
		conn, err := side.db.Conn(ctx)
		if err != nil {
			d.t.Errorf("check-out: %v", err)
			tw.over = true
			continue
		}
		side.h.conn = conn
	}
	if !tw.over {
		tw.both("USE "+tw.schema(), false, nil)
	}
}

func (tw *twin) checkIn() {
	for _, h := range []*half{&tw.got, &tw.want} {
		for _, stmt := range h.stmts {
			if stmt != nil {
				stmt.Close() // the text alone is the session's
			}
		}
		if h.tx != nil {
			h.tx.Rollback() // it may have been ended by a text
		}
		if h.conn != nil {
			h.conn.Close()
		}
	}
}

// answer is all that came back, as text.
func (h *half) answer(do func(*half) (string, error)) (string, error) {
	text, err := do(h)
	if err != nil { // a result that is read at once fails before its rows
		text = fmt.Sprintf("error %d", number(err))
		if number(err) == 0 {
			text += ": " + err.Error()
		}
	}
	return text, err
}

// both has both do the same. It reports whether the session did it without an error.
func (tw *twin) both(what string, sticky bool, do func(*half) (string, error)) bool {
	if do == nil {
		do = func(h *half) (string, error) { return h.exec(tw.d.ctx, what, nil) }
	}
	d := tw.d
	d.operations.Add(1)
	got, err := tw.got.answer(do)
	if _, ok := errors.AsType[*mysqlpool.StickyError](err); ok || sticky && toPrepareAgain(err) {
		d.noteSticky(what)
		tw.past = append(tw.past, what+" -> "+shortened(err.Error()))
		if !sticky {
			tw.differs(what, err.Error(), "an answer")
		}
		return false
	}
	want, _ := tw.want.answer(do)
	tw.past = append(tw.past, what+" -> "+shortened(got))
	if err != nil {
		d.refused.Add(1)
	}
	if got != want && d.ctx.Err() == nil {
		tw.differs(what, got, want)
	}
	return err == nil
}

// toPrepareAgain: MySQL fixes the types of a statement's parameters, so that one that is run with other types is prepared anew, which its
// session's settings of then may not allow.
func toPrepareAgain(err error) bool {
	return labtest.Kind() == lab.MySQL && err != nil && strings.Contains(err.Error(), "prepare it again")
}

func (d *differ) noteSticky(what string) {
	d.sticky.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stickies[strings.Map(func(r rune) rune { // without its numbers
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, what)]++
}

func (tw *twin) differs(what, got, want string) {
	tw.over = true
	tw.d.differences.Add(1)
	tw.d.t.Errorf("session %d: %s\n got %s\nwant %s\nafter\n\t%s", tw.me, what, got, want, strings.Join(tw.past[max(0, len(tw.past)-40):], "\n\t"))
}

func shortened(s string) string {
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}

// A speaker is a session or a transaction.
type speaker interface {
	execer
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (h *half) on() speaker {
	if h.tx != nil {
		return h.tx
	}
	return h.conn
}

func (h *half) exec(ctx context.Context, query string, args []any) (string, error) {
	return results(h.on().ExecContext(ctx, query, args...))
}

func results(res sql.Result, err error) (string, error) {
	if err != nil {
		return "", err
	}
	n, _ := res.RowsAffected()
	id, _ := res.LastInsertId()
	return fmt.Sprintf("%d rows, id %d", n, id), nil
}

func (h *half) query(ctx context.Context, query string, args []any) (string, error) {
	return everything(h.on().QueryContext(ctx, query, args...))
}

// everything reads all results.
func everything(rows *sql.Rows, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var b strings.Builder
	for more := true; more; more = rows.NextResultSet() {
		types, err := rows.ColumnTypes()
		if err != nil {
			return b.String(), err
		}
		values, into := make([]any, len(types)), make([]any, len(types))
		for i, typ := range types {
			fmt.Fprintf(&b, "%s %s, ", typ.Name(), typ.DatabaseTypeName())
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				return b.String(), err
			}
			b.WriteString("; ")
			for _, v := range values {
				if bytes, ok := v.([]byte); ok {
					v = string(bytes)
				}
				fmt.Fprintf(&b, "%T %v, ", v, v)
			}
		}
		b.WriteString("| ")
	}
	return b.String(), rows.Err()
}
