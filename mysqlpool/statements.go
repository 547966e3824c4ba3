package mysqlpool

import (
	"bytes"
	"container/list"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// statements are the prepared statements of one backend, the least recently used given up first. A statement binds the default
// database, the character sets and the boundVariables when it is prepared: they are part of its key. On MySQL it also binds the types of its
// parameters when it is first executed: there is one statement for each combination of the arguments' kinds.
type statements struct {
	limit int                           // 0: none is kept
	typed bool                          // parameters keep the types of the first execution
	byKey map[statementKey][]*statement // most recently used first
	order list.List                     // of *statement, most recently used first
	kinds []byte                        // of the arguments of the call that is looked at
	n     *counters
}

// mostVariants bounds how many statements one text has in the cache, so that a text with many arguments that are NULL now and then does
// not push out all others.
const mostVariants = 8

type statementKey struct {
	bound uint64
	text  string
}

// A statement is one prepared statement of a backend.
type statement struct {
	key     statementKey
	stmt    driver.Stmt
	exec    driver.StmtExecContext
	query   driver.StmtQueryContext
	inputs  int
	kinds   []byte // of the arguments it was first executed with; none: it fits all
	columns keptColumns
	place   *list.Element // in the cache's order; nil: it is not kept
}

// find returns a statement that fits arguments of these kinds; without any each does.
func (c *statements) find(key statementKey, kinds []byte) *statement {
	variants := c.byKey[key]
	for i, s := range variants {
		if len(kinds) == 0 || len(s.kinds) == 0 || bytes.Equal(s.kinds, kinds) {
			copy(variants[1:i+1], variants[:i])
			variants[0] = s
			c.order.MoveToFront(s.place)
			return s
		}
	}
	return nil
}

// keep puts s into the cache.
func (c *statements) keep(s *statement) {
	if c.byKey == nil {
		c.byKey = map[statementKey][]*statement{}
	}
	c.shrink(c.limit - 1)
	if variants := c.byKey[s.key]; len(variants) == mostVariants {
		c.evict(variants[len(variants)-1])
	}
	c.byKey[s.key] = slices.Insert(c.byKey[s.key], 0, s)
	s.place = c.order.PushFront(s)
	c.n.cached.Add(1)
}

// shrink gives up the least recently used until no more than n are left. Closing has no answer, so that it costs no round trip.
func (c *statements) shrink(n int) {
	for c.order.Len() > n {
		c.evict(c.order.Back().Value.(*statement))
	}
}

func (c *statements) evict(s *statement) {
	c.drop(s)
	c.n.evictions.Add(1)
}

// halve gives up half of them, and allows no more than are left, but for one.
func (c *statements) halve() {
	half := c.order.Len() / 2
	c.shrink(half)
	c.limit = min(c.limit, max(half, 1))
}

// drop closes s.
func (c *statements) drop(s *statement) {
	if i := slices.Index(c.byKey[s.key], s); i >= 0 {
		c.byKey[s.key] = slices.Delete(c.byKey[s.key], i, i+1)
		if len(c.byKey[s.key]) == 0 {
			delete(c.byKey, s.key)
		}
		c.order.Remove(s.place)
		c.n.cached.Add(-1)
	}
	s.stmt.Close() // fails only if the connection does, and then the next use says so
}

// clear forgets them without closing: the server has done that.
func (c *statements) clear() {
	c.n.cached.Add(-int64(c.order.Len()))
	clear(c.byKey)
	c.order.Init()
}

// A sighting remembers which texts were met before, with arguments of which kinds, roughly: a statement is worth keeping from its second
// use on. It is bounded, and where two share a place the later one is remembered.
type sighting struct {
	seed  maphash.Seed
	slots [4096]atomic.Uint64
}

func (s *sighting) init() { s.seed = maphash.MakeSeed() }

func (s *sighting) again(key statementKey, kinds []byte) bool {
	h := maphash.String(s.seed, key.text) ^ key.bound ^ maphash.Bytes(s.seed, kinds)
	return s.slots[h%uint64(len(s.slots))].Swap(h) == h
}

// Numbers of errors that are about prepared statements, none of which was executed then.
const (
	tooManyStatements = 1461 // ER_MAX_PREPARED_STMT_COUNT_REACHED
	needReprepare     = 1615 // ER_NEED_REPREPARE
	unknownStatement  = 1243 // ER_UNKNOWN_STMT_HANDLER
)

func hasNumber(err error, numbers ...uint16) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	for _, n := range numbers {
		if ok && e.Number == n {
			return true
		}
	}
	return false
}

// binds is what a statement of the call binds to when it is prepared: for one that was prepared by name what it was then.
func (b *backend) binds(c *call) uint64 {
	switch {
	case c.named:
		return c.bound
	case b.strange != 0:
		return b.strange
	}
	return b.state.prepares()
}

const (
	// maxCrowded is how often room is made for one statement on a server that has too many. A busy server takes its time to close
	// what was given up: from try crowdedAtOnce on there are pauses, each 1 ms longer than the one before, of a second in all.
	maxCrowded    = 50
	crowdedAtOnce = 5
)

// makeRoom gives up half of the statements of every backend, the idle ones now and the others when they next prepare one. For b the server
// has taken note of it when makeRoom returns. It pauses before, unless until ends; try counts from 1.
func (c *Connector) makeRoom(until context.Context, b *backend, try int) {
	c.counters.squeezes.Add(1)
	ctx, cancel := context.WithTimeout(until, cleaningLimit)
	defer cancel()
	var idle []weir.Lease[*backend]
	for lease, ok := c.pool.TryAcquire(); ok; lease, ok = c.pool.TryAcquire() {
		idle = append(idle, lease)
		other := lease.Value()
		other.use.Lock()
		other.squeeze()
		other.conn.Ping(ctx) // after its answer the room is there; a failure is for its next user
		other.use.Unlock()
	}
	for _, lease := range idle {
		c.giveBack(lease, lease.Value(), nil)
	}
	pause := time.NewTimer(time.Duration(try-crowdedAtOnce) * time.Millisecond)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-until.Done():
	}
	b.use.Lock()
	defer b.use.Unlock()
	b.conn.Ping(ctx) // gives those that are in use some time
}

// squeeze gives up half of the statements if the server had too many since the last time.
func (b *backend) squeeze() {
	if n := b.cache.n.squeezes.Load(); n != b.squeezed {
		b.squeezed = n
		b.cache.halve()
	}
}

// prepared returns a statement for the call, from the cache if it is there, and keeps a new one if it was asked for by name or met
// before. One that is not kept is its user's to close.
func (b *backend) prepared(ctx context.Context, c *call) (*statement, error) {
	b.squeeze()
	key := statementKey{b.binds(c), c.text}
	kinds, known := b.cache.kindsOf(c.args)
	if known {
		if s := b.cache.find(key, kinds); s != nil {
			b.cache.n.hits.Add(1)
			s.executeAs(kinds)
			return s, nil
		}
	}
	s, err := b.prepareAs(ctx, c, key)
	if err != nil {
		return nil, err
	}
	if known && b.cache.limit > 0 && (b.cache.n.seen.again(key, kinds) || c.named) {
		b.cache.n.misses.Add(1)
		s.executeAs(kinds)
		b.cache.keep(s)
	} else {
		b.cache.n.oneShots.Add(1)
	}
	return s, nil
}

// kindsOf returns the kinds of the arguments, if they matter, until it is called again, and whether a statement that is executed with
// them may be kept.
func (c *statements) kindsOf(args []driver.NamedValue) (kinds []byte, known bool) {
	if !c.typed || c.limit == 0 {
		return nil, true
	}
	c.kinds, known = appendKinds(c.kinds[:0], args)
	return c.kinds, known
}

// executeAs takes note of the arguments of the first execution.
func (s *statement) executeAs(kinds []byte) {
	if len(s.kinds) == 0 && len(kinds) == s.inputs {
		s.kinds = slices.Clone(kinds)
	}
}

// prepareAs prepares the text, under the settings that it was prepared by name under, if they were others.
func (b *backend) prepareAs(ctx context.Context, c *call, key statementKey) (*statement, error) {
	now := b.state
	switch {
	case b.strange != 0 && key.bound != b.strange:
		return b.prepareStrange(ctx, c, key)
	case b.strange != 0, key.bound == now.prepares():
		return b.prepare(ctx, key)
	}
	bind := c.bind
	if bind.defaultSchema() == "" && b.birth.schema == "" {
		bind = bind.inside(now.defaultSchema()) // what was prepared without a default database names its own
	}
	if err := b.replay(ctx, bind); err != nil {
		return nil, err
	}
	s, err := b.prepare(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := b.replay(ctx, now); err != nil {
		return nil, err
	}
	return s, nil
}

// inputs prepares the text and tells how many arguments it takes.
func (b *backend) inputs(ctx context.Context, c *call) (int, error) {
	s, err := b.prepared(ctx, c)
	if err != nil {
		return 0, err
	}
	if s.place == nil {
		s.stmt.Close() // fails only if the connection does, and then the next use says so
	}
	return s.inputs, nil
}

// execute runs the call as a prepared statement. Where the server has forgotten the statement, or wants it prepared anew, it was not
// executed: it is prepared once more, and the last time for this one use.
func (b *backend) execute(ctx context.Context, c *call) error {
	for try := 1; ; try++ {
		s, err := b.prepared(ctx, c)
		if err != nil {
			return err
		}
		err = s.run(ctx, b, c)
		again := hasNumber(err, needReprepare, unknownStatement) && try < 3
		halfSent := err != nil && !isServerError(err) // the server may keep some of its arguments for the next execution
		switch {
		case (again || halfSent) && s.place != nil:
			b.cache.drop(s)
		case s.place == nil && c.inner != nil:
			c.once = s
		case s.place == nil:
			s.stmt.Close() // as above
		}
		if !again {
			return err
		}
		b.cache.n.reprepares.Add(1)
	}
}

// run executes s with the call's arguments on b.
func (s *statement) run(ctx context.Context, b *backend, c *call) (err error) {
	if len(c.args) != s.inputs {
		return fmt.Errorf("mysqlpool: %q: expected %d arguments, got %d", b.shown(c.text), s.inputs, len(c.args))
	}
	drains := c.do == execs && s.columns.any() && c.st.Pin != sqltext.Call // what a routine sends has its columns each time
	if c.do == execs && !drains {
		c.result, err = s.exec.ExecContext(ctx, c.args)
		return err
	}
	rows, err := s.query.QueryContext(ctx, c.args)
	switch {
	case err != nil:
		return err
	case drains:
		c.result = noResult{} // as the driver's own
		return rows.Close()   // reads them to the end
	}
	c.inner = rows
	return nil
}

// prepare prepares the text. Where the server has too many statements half of this backend's make room, then all, and from then on it
// keeps no more than that.
func (b *backend) prepare(ctx context.Context, key statementKey) (*statement, error) {
	for {
		stmt, err := b.conn.PrepareContext(ctx, key.text)
		if have := b.cache.order.Len(); have > 0 && hasNumber(err, tooManyStatements) {
			b.cache.halve()
			continue
		}
		if err != nil {
			return nil, err
		}
		s := &statement{key: key, stmt: stmt, inputs: stmt.NumInput(), columns: keptColumnsOf(stmt)}
		s.exec, _ = stmt.(driver.StmtExecContext)
		s.query, _ = stmt.(driver.StmtQueryContext)
		return s, nil
	}
}
