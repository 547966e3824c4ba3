package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir/mysqlpool"
)

// A fate is what a statement's error says of it.
type fate int

const (
	done    fate = iota
	refused      // by the server, which has not executed it
	lost         // with the session's transaction or pin
	unknown      // it may have been executed
	ended        // its context has
)

// settable are the variables that the history sets, with two values for each as they read back.
func settable() [][3]string {
	return append(byFamily([][3]string{{"tx_isolation", "READ-COMMITTED", "SERIALIZABLE"}}, [][3]string{
		{"transaction_isolation", "READ-COMMITTED", "SERIALIZABLE"}, {"block_encryption_mode", "aes-256-cbc", "aes-192-ecb"}, {"max_execution_time", "600000", "700000"},
	}), [][3]string{
		{"time_zone", "+01:00", "-02:00"}, {"sql_mode", "ANSI_QUOTES", "STRICT_ALL_TABLES"}, {"lc_time_names", "de_DE", "fr_FR"}, {"group_concat_max_len", "2048", "4096"},
		{"sql_select_limit", "1000000", "2000000"}, {"foreign_key_checks", "0", "1"},
	}...)
}

// readSettings reads back all that the history sets and that can be told to any backend, and whether a transaction is open and which role there is.
func readSettings(settable [][3]string) string {
	inTransaction := byFamily("@@in_transaction", "(SELECT COUNT(*) FROM performance_schema.events_transactions_current "+
		"WHERE THREAD_ID = PS_CURRENT_THREAD_ID() AND STATE = 'ACTIVE' AND AUTOCOMMIT = 'NO')")
	out := "SELECT DATABASE(), @@character_set_client, @@character_set_results, @@collation_connection, IFNULL(CURRENT_ROLE() LIKE '%clerk%', 0), " + inTransaction
	for _, v := range settable {
		out += ", @@" + v[0]
	}
	return out
}

// before are the columns before those of the variables.
const before = 6

// A model is one session of the history, and what it must read back.
type model struct {
	h    *history
	me   int
	r    *rand.Rand
	past []string // its latest statements

	conn    *sql.Conn
	tx      *sql.Tx // of BeginTx
	inTx    bool    // by tx or as text
	pinned  bool
	keeps   bool // it keeps its backend in session mode
	tied    bool // besides: a setting was refused, and the backend is kept
	over    bool // it must be checked in
	schema  string
	charset string
	collate string
	role    string
	vars    map[string]string
	user    map[string]string // user variables
	temp    bool              // it has its temporary table
	locked  bool              // it has its lock
	stmt    *sql.Stmt         // selects the name of the database it was prepared in
	bound   string            // that database

	written []int64 // in the transaction
	unsure  []int64 // of those, what may have failed
	saved   int     // how many there were at the savepoint, or below 0
}

func (m *model) reset() {
	*m = model{h: m.h, me: m.me, r: m.r, past: m.past, schema: "h0", charset: m.h.pristine[1], collate: m.h.pristine[3], role: m.h.pristine[4], vars: map[string]string{}, user: map[string]string{}, saved: noSavepoint}
}

const noSavepoint = -1

// wrong reports what must not be, with what the session did before.
func (m *model) wrong(format string, args ...any) {
	m.h.mismatches.Add(1)
	m.h.t.Errorf("session %d: %s\n\t%s", m.me, fmt.Sprintf(format, args...), strings.Join(m.past, "\n\t"))
	m.over = true
}

// saw judges an error and remembers the statement.
func (m *model) saw(query string, err error) fate {
	m.remember(fmt.Sprintf("%s -> %v", query, err))
	switch {
	case err == nil:
		return done
	case errors.Is(err, mysqlpool.ErrOutcomeUnknown):
		return unknown
	case errors.Is(err, mysqlpool.ErrSessionLost):
		if !m.inTx && !m.pinned && !m.tied {
			m.wrong("lost, and had nothing to lose: %v", err)
		}
		return lost
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ended
	case number(err) != 0:
		return refused
	}
	m.wrong("%s: %v", query, err)
	return lost
}

func (m *model) remember(what string) {
	m.past = append(m.past, what)
	m.past = m.past[max(0, len(m.past)-25):]
}

// on is what statements are run on.
func (m *model) on() execer {
	if m.tx != nil {
		return m.tx
	}
	return m.conn
}

// exec runs a statement that the server does not refuse, and deals with what came of it if it was not executed.
func (m *model) exec(query string, args ...any) bool {
	_, err := m.on().ExecContext(m.h.ctx, query, args...)
	return m.well(query, m.saw(query, err))
}

// well reports whether a statement that changes the session has been executed, and otherwise gets the session into order again.
func (m *model) well(query string, f fate) bool {
	switch f {
	case done:
		return true
	case lost:
		m.recover()
	case unknown:
		m.over = true // whether it is pinned now is not known
	case refused, ended:
		m.wrong("%s was refused, or its context ended", query)
	}
	return false
}

// recover ends a transaction that is lost, and makes sure that a pinned session stays refused.
func (m *model) recover() {
	m.drop()
	if m.over {
		return
	}
	var err error
	if m.tx != nil {
		err = m.tx.Rollback()
	} else if !m.pinned && !m.tied {
		_, err = m.conn.ExecContext(m.h.ctx, "ROLLBACK")
	}
	m.tx, m.inTx = nil, false
	if m.saw("ROLLBACK of what was lost", err) != done {
		m.wrong("a lost transaction cannot be rolled back: %v", err)
	}
	if !m.pinned {
		m.over = m.tied
		return
	}
	if _, err := m.conn.ExecContext(m.h.ctx, "SELECT 1"); !errors.Is(err, mysqlpool.ErrSessionLost) {
		m.wrong("a session that lost its pin goes on: %v", err)
	}
	m.over = true
}

// drop notes that nothing of the transaction may be there.
func (m *model) drop() {
	for _, id := range m.written {
		m.h.note(id, rolledBack)
	}
	m.written, m.unsure, m.saved = nil, nil, noSavepoint
}

// checkOut begins the session's life, and checkIn ends it.
func (m *model) checkOut() bool {
	m.reset()
	ctx := m.h.ctx
	if m.keeps = m.r.IntN(10) == 0; m.keeps {
		ctx = mysqlpool.ContextWithMode(ctx, mysqlpool.SessionMode)
	}
	conn, err := m.h.db.Conn(ctx)
	if err != nil {
		m.wrong("check-out: %v", err)
		return false
	}
	m.conn = conn
	m.remember(fmt.Sprintf("check-out, session mode = %v", m.keeps))
	return true
}

func (m *model) checkIn() {
	if m.stmt != nil {
		m.stmt.Close() // the text alone is the session's
	}
	if m.tx != nil {
		m.saw("Rollback at the end", m.tx.Rollback())
	}
	m.drop()
	if err := m.conn.Close(); err != nil {
		m.wrong("check-in: %v", err)
	}
}

// verify reads everything back.
func (m *model) verify() {
	got := make([]sql.NullString, len(m.h.pristine))
	into := make([]any, len(got))
	for i := range got {
		into[i] = &got[i]
	}
	err := m.on().QueryRowContext(m.h.ctx, m.h.readSettings).Scan(into...)
	switch m.saw("verify", err) {
	case done:
	case lost:
		m.recover()
		return
	default:
		m.wrong("a read was not repeated: %v", err)
		return
	}
	want := append([]string(nil), m.h.pristine...)
	want[0], want[1], want[2], want[3], want[4] = m.schema, m.charset, m.charset, m.collate, m.role
	if m.inTx {
		want[5] = "1"
	}
	for i, v := range m.h.settable {
		if set, ok := m.vars[v[0]]; ok {
			want[before+i] = set
		}
	}
	for i := range want {
		if got[i].String != want[i] {
			m.wrong("column %d of the settings is %q, want %q", i, got[i].String, want[i])
		}
	}
}

// verifyPinned reads back what lives on one backend alone.
func (m *model) verifyPinned() {
	if !m.pinned {
		return
	}
	for name, want := range m.user {
		m.expect("SELECT "+name, want)
	}
	if m.temp {
		m.expect("SELECT v FROM h0.mine", fmt.Sprint(m.me))
	}
	if m.locked {
		m.expect(fmt.Sprintf("SELECT IS_USED_LOCK('l%d') = CONNECTION_ID()", m.me), "1")
	}
}

// expect asks for one value.
func (m *model) expect(query, want string, args ...any) {
	if m.over {
		return
	}
	var got sql.NullString
	err := m.on().QueryRowContext(m.h.ctx, query, args...).Scan(&got)
	switch f := m.saw(query, err); {
	case f == done && got.String != want:
		m.wrong("%s = %q, want %q", query, got.String, want)
	case f == done:
	case f == lost, m.pinned && errors.Is(err, mysqlpool.ErrSessionLost): // what reads a user variable may set one
		m.recover()
	default:
		m.wrong("a read was not repeated: %v", err)
	}
}

// insert writes a row, in a transaction or not.
func (m *model) insert() {
	ctx := m.h.ctx
	if m.r.IntN(8) == 0 {
		short, cancel := context.WithTimeout(ctx, randomly(m.r))
		defer cancel()
		ctx = short
	}
	id := m.h.nextRow.Add(1)
	var err error
	if query := "INSERT INTO h0.t VALUES (?, ?)"; m.r.IntN(2) == 0 {
		_, err = m.on().ExecContext(ctx, query, id, m.me)
	} else {
		_, err = m.on().ExecContext(ctx, fmt.Sprintf("INSERT INTO h0.t VALUES (%d, %d)", id, m.me))
	}
	f := m.saw(fmt.Sprintf("insert %d", id), err)
	if m.inTx {
		m.written = append(m.written, id)
		left := f == unknown && errors.Is(err, context.DeadlineExceeded) // behind its caller it may yet be executed
		switch {
		case f == ended, left:
			m.unsure = append(m.unsure, id)
		case f == lost:
			m.recover()
		case f != done:
			m.wrong("insert in a transaction: %v", err)
		}
		return
	}
	switch f {
	case done:
		m.h.note(id, committed)
	case refused:
		m.h.note(id, rolledBack)
	default:
		m.h.note(id, uncertain)
	}
	if f == lost {
		m.recover()
	}
}

func (m *model) begin() {
	if m.inTx {
		return
	}
	var err error
	if m.r.IntN(2) == 0 {
		m.tx, err = m.conn.BeginTx(m.h.ctx, nil)
	} else {
		_, err = m.conn.ExecContext(m.h.ctx, "START TRANSACTION")
	}
	if m.well("begin", m.saw("begin", err)) {
		m.inTx = true
	} else {
		m.tx = nil
	}
}

// end commits or rolls back.
func (m *model) end() {
	if !m.inTx {
		return
	}
	commit := m.r.IntN(3) > 0
	var err error
	switch {
	case m.tx != nil && commit:
		err = m.tx.Commit()
	case m.tx != nil:
		err = m.tx.Rollback()
	case commit:
		_, err = m.conn.ExecContext(m.h.ctx, "COMMIT")
	default:
		_, err = m.conn.ExecContext(m.h.ctx, "ROLLBACK")
	}
	f := m.saw(fmt.Sprintf("end, commit = %v", commit), err)
	tx := m.tx
	m.tx = nil
	switch {
	case f == done && commit:
		m.keep(committed)
	case f == unknown && commit:
		m.keep(uncertain)
		m.over = m.pinned || m.tied
	case f == done, f == lost && tx != nil:
		m.drop()
		m.over = f == lost && (m.pinned || m.tied)
	case f == lost:
		m.recover()
	default:
		m.wrong("end of a transaction: %v", err)
	}
	m.inTx = false
}

// keep notes what becomes of the transaction's rows.
func (m *model) keep(known int) {
	for _, id := range m.written {
		m.h.note(id, known)
	}
	for _, id := range m.unsure {
		m.h.note(id, uncertain)
	}
	m.written, m.unsure, m.saved = nil, nil, noSavepoint
}

// savepoint sets one, or goes back to it.
func (m *model) savepoint() {
	switch {
	case !m.inTx:
	case m.saved == noSavepoint:
		if m.exec("SAVEPOINT s") {
			m.saved = len(m.written)
		}
	case m.exec("ROLLBACK TO SAVEPOINT s"):
		for _, id := range m.written[m.saved:] {
			m.h.note(id, rolledBack)
		}
		m.written, m.unsure = m.written[:m.saved], m.unsureBefore(m.written[:m.saved])
	}
}

func (m *model) unsureBefore(kept []int64) []int64 {
	return slices.DeleteFunc(m.unsure, func(id int64) bool { return !slices.Contains(kept, id) })
}

// prepare prepares a statement that binds the database of the moment.
func (m *model) prepare() {
	if m.stmt != nil || m.tx != nil {
		return
	}
	stmt, err := m.conn.PrepareContext(m.h.ctx, "SELECT name FROM who WHERE name <> ?")
	switch m.saw("prepare", err) {
	case done:
		m.stmt, m.bound = stmt, m.schema
	case lost:
		m.recover()
	case unknown:
	default:
		m.wrong("prepare: %v", err)
	}
}

// prepared asks a statement of before, wherever the session is now.
func (m *model) prepared() {
	if m.stmt == nil || m.tx != nil {
		return
	}
	var name string
	err := m.stmt.QueryRowContext(m.h.ctx, "x").Scan(&name)
	switch m.saw("prepared", err) {
	case done:
		if name != m.bound {
			m.wrong("a statement that was prepared in %s reads %s", m.bound, name)
		}
	case lost:
		m.recover()
	default:
		m.wrong("a read was not repeated: %v", err)
	}
}

// argument asks with arguments, which goes through the backend's cache.
func (m *model) argument() {
	m.expect("SELECT CONCAT(name, ?) FROM who", m.schema+"!", "!")
}

// fail runs what the server refuses.
func (m *model) fail() {
	query := []string{"SELECT * FROM nowhere", "INSERT INTO h0.who SELECT nothing", "SELEC 1", "SET SESSION time_zone = 'nowhere'"}[m.r.IntN(4)]
	set := strings.HasPrefix(query, "SET")
	was, strange := m.tied, strings.HasPrefix(query, "SELEC ") // which nobody knows, and so pins
	m.tied = m.tied || set
	_, err := m.on().ExecContext(m.h.ctx, query)
	switch m.saw(query, err) {
	case refused:
		m.pinned = m.pinned || strange
	case lost:
		m.recover()
	case unknown:
		m.tied = was
		m.over = strange
	default:
		m.wrong("%s: %v", query, err)
	}
}

// cancel runs what takes too long.
func (m *model) cancel() {
	short, cancel := context.WithTimeout(m.h.ctx, randomly(m.r))
	defer cancel()
	query := []string{"SELECT SLEEP(10)", "DO SLEEP(10)", "SELECT SLEEP(?)"}[m.r.IntN(3)]
	var args []any
	if strings.Contains(query, "?") {
		args = []any{10}
	}
	_, err := m.on().ExecContext(short, query, args...)
	switch m.saw(query, err) {
	case ended, unknown:
	case lost:
		m.recover()
	default:
		m.wrong("%s: %v", query, err)
	}
}

// randomly is a time within which a statement may or may not have been sent.
func randomly(r *rand.Rand) time.Duration { return time.Duration(r.IntN(3000)) * time.Microsecond }

// stream reads a result that is not buffered: all of it, or an error.
func (m *model) stream() {
	rows, err := m.query("SELECT seq FROM " + m.h.numbers)
	n := 0
	if err == nil {
		for rows.Next() {
			n++
		}
		if err = rows.Err(); err == nil && n != 400 {
			m.wrong("%d rows of 400, and no error", n)
		}
		rows.Close() // its error is that of Err
	}
	switch {
	case err == nil:
		m.saw("stream", nil)
	case errors.Is(err, mysql.ErrInvalidConn) && n > 0 && (m.inTx || m.pinned || m.tied):
		m.recover()
	case errors.Is(err, mysql.ErrInvalidConn) && n > 0:
	case m.saw("stream", err) == lost:
		m.recover()
	default:
		m.wrong("stream: %v", err)
	}
}

func (m *model) query(query string) (*sql.Rows, error) {
	if m.tx != nil {
		return m.tx.QueryContext(m.h.ctx, query)
	}
	return m.conn.QueryContext(m.h.ctx, query)
}
