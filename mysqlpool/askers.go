package mysqlpool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// Askers are what asks for LAST_INSERT_ID() or LASTVAL() where no text shows it: views, triggers, stored functions and procedures,
// defaults of columns.
type askers struct {
	every time.Duration // 0: nothing is searched
	found atomic.Uint32 // the askers there may be, and knows
	first atomic.Bool   // the first search has begun

	ctx  context.Context // of the searches in the background
	stop context.CancelFunc
	kick chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex // guards the field below
	noted uint32     // what sessions of the connector have defined since the last search began
}

// What there may be.
const (
	askedByReads  uint32 = 1 << iota // a view or a function asks for LAST_INSERT_ID()
	askedByWrites                    // a trigger or a default does
	askedByCalls                     // a procedure does
	valueAsked                       // one of them asks for LASTVAL()
	knows                            // it is known; without it anything may be but valueAsked

	numberAsked = askedByReads | askedByWrites | askedByCalls
)

const (
	firstLimit = 100 * time.Millisecond // of the search that a statement waits for
	laterLimit = 5 * time.Second
)

func newAskers(every time.Duration) *askers {
	a := &askers{every: every, kick: make(chan struct{}, 1)}
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.found.Store(numberAsked)
	if every == 0 {
		a.found.Store(knows)
	}
	return a
}

// begin searches now and then, until end.
func (a *askers) begin(pool *weir.Pool[*backend], giveBack func(weir.Lease[*backend], *backend, error)) {
	if a.every == 0 {
		return
	}
	a.done.Go(func() {
		tick := time.NewTicker(a.every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if !a.first.Load() {
					continue // nobody has needed it
				}
			case <-a.kick:
			case <-a.ctx.Done():
				return
			}
			if lease, err := pool.Acquire(a.ctx); err == nil {
				b := lease.Value()
				if !a.searchLater(b) {
					pool.EvictAll() // what backends have given to sessions before is not to be found by others
				}
				giveBack(lease, b, nil)
			}
		}
	})
}

// end stops the searches, and returns when none is under way.
func (a *askers) end() {
	a.stop()
	a.done.Wait()
}

// searchLater searches in the background. It returns false if LASTVAL() is asked for from now on, and was not before.
func (a *askers) searchLater(b *backend) (same bool) {
	b.use.Lock()
	defer b.use.Unlock()
	defer context.AfterFunc(a.ctx, b.cutNow)()
	before := a.found.Load()
	err := error(nil)
	if b.state.twists() {
		err = b.plain(a.ctx)
	}
	if err == nil {
		err = a.search(context.Background(), b, laterLimit)
	}
	if broken(err) || a.ctx.Err() != nil {
		b.spoilt = true
	}
	return before&valueAsked != 0 || a.found.Load()&valueAsked == 0
}

// searchFirst searches, before the first statement that may meet an asker, for a short time; where that is not enough it goes on in the
// background. Statements that come meanwhile do not wait: for them anything may be there.
func (a *askers) searchFirst(ctx context.Context, b *backend) error {
	if a.found.Load()&knows != 0 || a.first.Swap(true) {
		return nil
	}
	err := a.search(ctx, b, firstLimit)
	if hasNumber(err, statementTimeout, queryTimeout, interrupted) {
		a.kick <- struct{}{}
	}
	if broken(err) {
		return err
	}
	return nil
}

// What servers end a statement with when it takes too long.
const (
	statementTimeout = 1969 // ER_STATEMENT_TIMEOUT of MariaDB
	queryTimeout     = 3024 // ER_QUERY_TIMEOUT of MySQL
	interrupted      = 1317 // ER_QUERY_INTERRUPTED: by KILL QUERY
)

// broken reports whether a search has failed in a way that speaks against the connection.
func broken(err error) bool { return err != nil && !isServerError(err) && !errors.Is(err, errSearch) }

// among reports whether one of these may be there.
func (a *askers) among(these uint32) bool { return a.found.Load()&these != 0 }

// note is told what a definition of this connector's asks for, before it is sent. It returns true if LASTVAL() is asked for from now on, and
// was not before.
func (a *askers) note(mentions sqltext.Sticky) (valueNow bool) {
	if mentions == 0 || a.every == 0 {
		return false
	}
	found := uint32(0)
	if mentions.Has(stickyID) {
		found |= numberAsked
	}
	if mentions.Has(stickyValue) {
		found |= valueAsked
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noted |= found
	before := a.found.Or(found)
	return found&^before&valueAsked != 0
}

// search looks through all that the account can see, and takes at most about that long.
func (a *askers) search(ctx context.Context, b *backend, limit time.Duration) error {
	a.mu.Lock()
	a.noted = 0
	a.mu.Unlock()
	if b.birth.vtgate { // what MySQL asks itself there is its connection's to a tablet, which has nothing of any session
		a.found.Store(knows)
		return nil
	}
	mariaDB := strings.Contains(b.flavour.version, "MariaDB")
	row, err := b.ask(ctx, searchQuery(mariaDB, limit))
	if err == nil && len(row) != searchColumns {
		err = errSearch
	}
	if broken(err) {
		return err
	}
	found := numberAsked
	if err == nil {
		found = foundIn(row) | knows
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.found.Store(found | a.noted)
	return err
}

var errSearch = errors.New("mysqlpool: searching views, triggers and routines: the answer is not the one asked for")

// foundIn reads the answer to the search.
func foundIn(row []sql.NullString) (found uint32) {
	is := func(i int) bool { return row[i].String != "" && row[i].String != "0" }
	if is(0) {
		found |= askedByReads
	}
	if is(1) {
		found |= askedByWrites
	}
	if is(2) {
		found |= askedByCalls
		if is(3) { // a function or a trigger calls procedures
			found |= numberAsked
		}
	}
	if is(4) {
		found |= valueAsked
	}
	return found
}

const searchColumns = 5

// searchQuery asks about views and functions, about triggers and defaults, and about procedures. A definition that the account may not
// read asks for LAST_INSERT_ID(), for all that is known. MariaDB shows triggers without their definitions to an account that may not read
// them; MySQL does not show them at all, so that a database in which the account lacks that privilege counts as one with a trigger.
func searchQuery(mariaDB bool, limit time.Duration) string {
	const others = "NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys')"
	const me = "CONCAT(QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', 1)), '@', QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)))"
	sources := []string{
		"SELECT 1 AS k, VIEW_DEFINITION AS d FROM information_schema.VIEWS WHERE TABLE_SCHEMA " + others,
		"SELECT IF(ROUTINE_TYPE = 'PROCEDURE', 3, 1), ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA " + others,
		"SELECT 2, ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA " + others,
		"SELECT 2, COLUMN_DEFAULT FROM information_schema.COLUMNS WHERE COLUMN_DEFAULT LIKE '%last%' AND TABLE_SCHEMA " + others,
	}
	if !mariaDB {
		sources = append(sources, "SELECT 2, NULL FROM information_schema.SCHEMATA s WHERE s.SCHEMA_NAME "+others+
			" AND NOT EXISTS (SELECT 1 FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'TRIGGER' AND GRANTEE = "+me+")"+
			" AND NOT EXISTS (SELECT 1 FROM information_schema.SCHEMA_PRIVILEGES p WHERE p.PRIVILEGE_TYPE = 'TRIGGER' AND p.GRANTEE = "+me+
			" AND s.SCHEMA_NAME LIKE p.TABLE_SCHEMA)")
	}
	query := "MAX(k = 1 AND n), MAX(k = 2 AND n), MAX(k = 3 AND n), MAX(k <> 3 AND c), MAX(v) FROM (SELECT k, " +
		"COALESCE(d, '') = '' OR LOWER(d) LIKE '%last_insert_id%' OR LOWER(d) LIKE '%@@%identity%' OR LOWER(d) LIKE '%session_variables%'" +
		" OR LOWER(d) LIKE '%system_variables%' OR LOWER(d) LIKE '%variables_by_thread%' AS n, LOWER(d) LIKE '%call%' AS c, LOWER(d) LIKE '%lastval%' OR LOWER(d) LIKE '%previous%value%' AS v" +
		" FROM (" + strings.Join(sources, " UNION ALL ") + ") definitions) asked"
	if mariaDB {
		return fmt.Sprintf("SET STATEMENT max_statement_time = %g FOR SELECT %s", limit.Seconds(), query)
	}
	return fmt.Sprintf("SELECT /*+ MAX_EXECUTION_TIME(%d) */ %s", limit.Milliseconds(), query)
}
