package sessiontest_test

import (
	"context"
	"database/sql"
	"flag"
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

// historySeed is where the random history starts from; 0 draws one. Sessions run at the same time: it repeats what they ask for, not
// the order.
var historySeed = flag.Uint64("weir.seed", 0, "seed of the random history of sessions")

// What is known of a row.
const (
	committed  = iota + 1 // it must be there
	rolledBack            // it must not
	uncertain             // its outcome is unknown
)

// A history is a crowd of sessions over few backends, and what their statements must have left in the table.
type history struct {
	t            *testing.T
	ctx          context.Context
	db           *sql.DB
	c            *mysqlpool.Connector
	srv          *lab.Server
	settable     [][3]string
	numbers      string   // a table with 400 rows
	pristine     []string // what readSettings gives on a new session
	readSettings string
	nextRow      atomic.Int64
	mismatches   atomic.Int64

	mu   sync.Mutex // guards the fields below
	rows map[int64]int
	ops  map[string]int
}

func (h *history) note(id int64, known int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rows[id] = known
}

func TestRandomHistory(t *testing.T) {
	seed := *historySeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d, for %v", seed, *historyFor)
	ctx := within(t, *historyFor+2*time.Minute)
	h := newHistory(ctx, t)
	stop, cancel := context.WithTimeout(ctx, *historyFor)
	defer cancel()
	var faults, sessions sync.WaitGroup
	faults.Go(func() { h.harm(stop, rand.New(rand.NewPCG(seed, 1<<32))) })
	for i := range 100 {
		sessions.Go(func() {
			m := &model{h: h, me: i, r: rand.New(rand.NewPCG(seed, uint64(i)))}
			for stop.Err() == nil && h.mismatches.Load() < 20 && m.checkOut() {
				m.live()
				m.checkIn()
			}
		})
	}
	sessions.Wait()
	cancel()
	faults.Wait()
	h.settle()
}

func newHistory(ctx context.Context, t *testing.T) *history {
	t.Helper()
	srv := start(t, lab.Config{Args: byFamily(nil, []string{"--performance-schema=ON"})})
	admin(t, srv, "CREATE ROLE clerk")
	admin(t, srv, "GRANT clerk TO app@'%'")
	if labtest.Kind() == lab.MySQL {
		admin(t, srv, "GRANT SELECT ON performance_schema.events_transactions_current TO app@'%'")
	}
	for i := range 3 {
		admin(t, srv, fmt.Sprintf("CREATE DATABASE h%d", i))
		admin(t, srv, fmt.Sprintf("GRANT ALL ON h%d.* TO app@'%%'", i))
		admin(t, srv, fmt.Sprintf("CREATE TABLE h%d.who AS SELECT 'h%d' AS name", i, i))
	}
	admin(t, srv, "CREATE TABLE h0.t (id BIGINT PRIMARY KEY, session INT) ENGINE=InnoDB")
	h := &history{t: t, ctx: ctx, srv: srv, settable: settable(), numbers: sequenceOn(t, srv, 400), rows: map[int64]int{}, ops: map[string]int{}}
	h.readSettings = readSettings(h.settable)
	h.db, h.c = open(t, srv.DSN("app", "h0"), weir.WithMaxOpen(5), weir.WithMaxWait(time.Minute))
	got := make([]string, before+len(h.settable))
	into := make([]any, len(got))
	for i := range got {
		into[i] = &got[i]
	}
	must(t, h.db.QueryRowContext(ctx, h.readSettings).Scan(into...))
	h.pristine = got
	return h
}

// harm kills connections, replaces all of them and changes how many there may be.
func (h *history) harm(stop context.Context, r *rand.Rand) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-stop.Done():
			return
		case <-ticker.C:
		}
		switch n := r.IntN(20); {
		case n == 0:
			h.c.EvictAll()
		case n == 1:
			if err := h.c.Resize(0, 4+r.IntN(2)); err != nil {
				h.t.Error(err)
			}
		case n < 8:
			h.killOne(r)
		}
	}
}

func (h *history) killOne(r *rand.Rand) {
	ids := listed(h.ctx, h.t, h.srv, "SELECT id FROM information_schema.processlist WHERE user = 'app'")
	if len(ids) > 0 {
		h.srv.Admin().ExecContext(h.ctx, "KILL CONNECTION "+ids[r.IntN(len(ids))]) // it may have gone by itself
	}
	h.count("kill")
}

func (h *history) count(kind string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops[kind]++
}

// settle compares the table with what is known of its rows.
func (h *history) settle() {
	must(h.t, h.c.Resize(0, 5))
	wantFree(h.ctx, h.t, h.c)
	h.c.EvictAll()
	until(h.ctx, h.t, "no statement is kept, as no backend is", func() bool { return h.c.Sessions().Statements.Cached == 0 })
	there := map[int64]bool{}
	rows, err := h.srv.Admin().QueryContext(h.ctx, "SELECT id FROM h0.t")
	must(h.t, err)
	defer rows.Close()
	for rows.Next() {
		var id int64
		must(h.t, rows.Scan(&id))
		there[id] = true
	}
	must(h.t, rows.Err())
	var fates [uncertain + 1]int
	for id, known := range h.rows {
		fates[known]++
		if known == committed && !there[id] || known == rolledBack && there[id] {
			h.mismatches.Add(1)
			h.t.Errorf("row %d: there = %v, and it was %s", id, there[id], [...]string{"", "committed", "rolled back", "uncertain"}[known])
		}
	}
	var kinds []string
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(h.ops)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, h.ops[kind]))
		total += h.ops[kind]
	}
	h.t.Logf("%d operations: %s", total, strings.Join(kinds, ", "))
	h.t.Logf("rows: %d committed, %d rolled back, %d uncertain; mismatches: %d", fates[committed], fates[rolledBack], fates[uncertain], h.mismatches.Load())
	s := h.c.Sessions()
	s.Pinned = nil
	h.t.Logf("%+v", s)
	if fates[committed] == 0 || fates[rolledBack] == 0 || h.ops["kill"] == 0 {
		h.t.Error("the history has proved nothing")
	}
}

// live runs a random number of operations between check-out and check-in.
func (m *model) live() {
	operations := []struct {
		kind   string
		weight int
		run    func(*model)
	}{
		{"set", 12, (*model).set}, {"use", 6, (*model).use}, {"names", 4, (*model).names}, {"pin", 2, (*model).pin},
		{"insert", 14, (*model).insert}, {"begin", 8, (*model).begin}, {"end", 8, (*model).end}, {"savepoint", 6, (*model).savepoint},
		{"prepare", 4, (*model).prepare}, {"prepared", 8, (*model).prepared}, {"argument", 8, (*model).argument},
		{"fail", 5, (*model).fail}, {"cancel", 5, (*model).cancel}, {"stream", 3, (*model).stream},
		{"verify", 14, (*model).verify}, {"verify pinned", 6, (*model).verifyPinned},
	}
	total := 0
	for _, op := range operations {
		total += op.weight
	}
	for range 1 + m.r.IntN(25) {
		n := m.r.IntN(total)
		for _, op := range operations {
			if n -= op.weight; n < 0 {
				m.h.count(op.kind)
				op.run(m)
				break
			}
		}
		if m.over {
			return
		}
	}
	m.verify()
}

func (m *model) set() {
	v := m.h.settable[m.r.IntN(len(m.h.settable))]
	if v[0] == isolation() && m.inTx {
		return
	}
	value := v[1+m.r.IntN(2)]
	literal := "'" + value + "'"
	if strings.Trim(value, "0123456789") == "" {
		literal = value
	}
	if m.exec("SET SESSION " + v[0] + " = " + literal) {
		m.vars[v[0]] = value
	}
}

func (m *model) use() {
	schema := fmt.Sprintf("h%d", m.r.IntN(3))
	if m.exec("USE " + schema) {
		m.schema = schema
	}
}

func (m *model) names() {
	collation := []string{"latin1_german1_ci", byFamily("utf8mb4_czech_ci", "utf8mb4_0900_as_cs"), "ascii_bin"}[m.r.IntN(3)]
	charset, _, _ := strings.Cut(collation, "_")
	if m.exec("SET NAMES " + charset + " COLLATE " + collation) {
		m.charset, m.collate = charset, collation
	}
}

// pin sets what only one backend has.
func (m *model) pin() {
	switch m.r.IntN(4) {
	case 0:
		name, value := fmt.Sprintf("@v%d", m.r.IntN(3)), fmt.Sprint(m.me*1000+m.r.IntN(1000))
		if m.exec("SET " + name + " = " + value) {
			m.pinned, m.user[name] = true, value
		}
	case 1:
		if m.temp || !m.exec("CREATE TEMPORARY TABLE h0.mine (v INT) ENGINE=MEMORY") {
			return
		}
		m.pinned = true
		m.temp = m.exec(fmt.Sprintf("INSERT INTO h0.mine VALUES (%d)", m.me))
	case 2:
		if m.exec("SET ROLE clerk") {
			m.pinned, m.role = true, "1"
		}
	case 3:
		var got sql.NullString // of a former life it may be being cleaned away
		query := fmt.Sprintf("SELECT GET_LOCK('l%d', 20)", m.me)
		if !m.well(query, m.saw(query, m.conn.QueryRowContext(m.h.ctx, query).Scan(&got))) {
			return
		}
		if m.pinned, m.locked = true, got.String == "1"; !m.locked {
			m.wrong("%s = %q", query, got.String)
		}
	}
}
