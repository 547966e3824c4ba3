package sessiontest_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/internal/sqltext"
)

// A repertoire is what twins may say.
type repertoire struct {
	schema                                                             []string // of each of a twin's databases
	reads, writes, sticky, hidden, pins, errors, transactions, prepare []string
}

// repertoireOf has what both families know, and then what one alone does.
func repertoireOf(own repertoire) repertoire {
	return repertoire{
		schema: slices.Concat(differSchema, own.schema), reads: slices.Concat(differReads, own.reads), writes: slices.Concat(differWrites, own.writes),
		sticky: slices.Concat(differSticky, own.sticky), hidden: slices.Concat(differHidden, own.hidden), pins: slices.Concat(differPins, own.pins),
		errors: slices.Concat(differErrors, own.errors), transactions: slices.Concat(differTransactions, own.transactions), prepare: slices.Concat(differPrepare, own.prepare),
	}
}

// differSchema is what each of a twin's databases has.
var differSchema = []string{
	"CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(40), n BIGINT) ENGINE=InnoDB",
	"CREATE TABLE u (code VARCHAR(20), KEY (code)) ENGINE=InnoDB",
	"INSERT INTO u VALUES ('1'), ('01'), ('1.0'), ('x')",
	"CREATE TABLE m (id INT AUTO_INCREMENT PRIMARY KEY, v INT) ENGINE=InnoDB",
	"CREATE TABLE log (id INT AUTO_INCREMENT PRIMARY KEY, last BIGINT, n BIGINT) ENGINE=InnoDB",
	"CREATE TABLE own (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB",
	"CREATE TABLE who AS SELECT DATABASE() AS name",
	"CREATE VIEW names AS SELECT name FROM who",
	"CREATE VIEW last AS SELECT LAST_INSERT_ID() AS id",
	"CREATE FUNCTION last_id() RETURNS BIGINT RETURN LAST_INSERT_ID()",
	"CREATE FUNCTION remember(x BIGINT) RETURNS BIGINT RETURN LAST_INSERT_ID(x)",
	"CREATE FUNCTION add_row(x VARCHAR(40)) RETURNS BIGINT BEGIN INSERT INTO t (v) VALUES (x); RETURN 1; END",
	"CREATE FUNCTION harmless(x BIGINT) RETURNS BIGINT DETERMINISTIC RETURN x + 1",
	"CREATE TRIGGER before_log BEFORE INSERT ON log FOR EACH ROW SET NEW.last = LAST_INSERT_ID()",
	"CREATE TRIGGER after_m AFTER INSERT ON m FOR EACH ROW INSERT INTO t (v, n) VALUES ('m', NEW.id)",
	"CREATE PROCEDURE add_rows(k INT) BEGIN INSERT INTO t (v, n) VALUES ('p', k), ('q', k); SELECT COUNT(*) FROM t; END",
	"CREATE PROCEDURE settle() SET SESSION group_concat_max_len = 77",
}

// build makes the twin's databases anew, on both servers.
func (tw *twin) build() {
	for _, srv := range []*lab.Server{tw.d.got.srv, tw.d.want.srv} {
		conn, err := srv.Admin().Conn(tw.d.ctx)
		if err != nil {
			tw.d.t.Error(err)
			return
		}
		defer conn.Close()
		for _, schema := range []string{"a COLLATE latin1_german1_ci", "b COLLATE utf8mb4_bin"} {
			name := fmt.Sprintf("d%d%c", tw.me, schema[0])
			all := append([]string{"DROP DATABASE IF EXISTS " + name, "DROP DATABASE IF EXISTS " + name + "x", "CREATE DATABASE " + name + schema[1:], "USE " + name}, tw.d.texts.schema...)
			for _, statement := range all {
				if _, err := conn.ExecContext(tw.d.ctx, statement); err != nil {
					tw.d.t.Errorf("%s: %v", statement, err)
				}
			}
		}
	}
}

func (tw *twin) schema() string { return fmt.Sprintf("d%d%c", tw.me, 'a'+tw.r.IntN(2)) }

// The texts have placeholders: {n} a number, {id} one that no other twin draws, {db} one of the twin's databases, {me} its own number,
// {1..9} a table of the numbers from 1 to 9, ? an argument.

var differReads = []string{
	"SELECT DATABASE(), COLLATION('x'), COLLATION(?)", "SELECT name FROM who", "SELECT name FROM {db}.names", "SELECT * FROM t ORDER BY id DESC LIMIT 5",
	"SELECT COUNT(*), SUM(n), SUM(CRC32(CONCAT_WS(',', id, v, n))) FROM {db}.t", "SELECT * FROM {db}.log ORDER BY id DESC LIMIT 5", "SELECT ?, ?",
	"SELECT COUNT(*) FROM u WHERE code = ?", "SELECT 7 / 3, 1 || 0, \"x\"", "SELECT 'a\\', {n} -- '", "SELECT 'it''s', \"it''s\", N'n', _utf8mb4'u', x'41'",
	"SELECT GROUP_CONCAT(seq) FROM {1..99}", "SELECT FROM_UNIXTIME(86400 * {n}), DATE_FORMAT('2024-03-05', '%W %M'), WEEK('2024-01-01')",
	"SELECT seq FROM {1..400}", "SHOW VARIABLES LIKE '%sql_mode'", "SHOW SESSION VARIABLES LIKE 'coll%'", "SHOW TABLES", "SHOW CREATE TABLE t", "EXPLAIN SELECT 1",
	"SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1", "WITH x AS (SELECT {n} AS a) SELECT a FROM x",
	"(SELECT 1) UNION (SELECT 2)", "SELECT {db}.harmless(?)", "SELECT harmless({n}) FROM who", "/* SET @x = 1 */ SELECT {n}", "-- nothing\nSELECT {n}", "# x\n SELECT DATABASE()",
	"SELECT id FROM t WHERE id = {n} FOR UPDATE", "SELECT id FROM t WHERE id < {n} LOCK IN SHARE MODE", "DO 1", "DO harmless(?)", "", "/* nothing */", "SELECT 1;", "SELECT @@time_zone, NOW() > '2020-01-01'",
}

var differWrites = []string{
	"INSERT INTO t (v, n) VALUES ('a', {n})", "INSERT INTO t (v, n) VALUES (?, {n})", "INSERT INTO {db}.t (v) VALUES ('a'), ('b'), ('c')", "INSERT INTO t (id, v) VALUES ({id}, 'x')",
	"INSERT INTO t (id, v) VALUES ({id}, 'x') ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), v = 'd'", "INSERT IGNORE INTO t (id, v) VALUES ({id}, 'i')",
	"REPLACE INTO t (id, v, n) VALUES ({id}, 'r', {n})", "INSERT INTO t (v, n) SELECT name, {n} FROM {db}.who", "INSERT INTO t (v) VALUES (REPEAT('long', {n}))",
	"INSERT INTO m (v) VALUES ({n})", "INSERT INTO {db}.m (v) VALUES ({n}), ({n})", "UPDATE t SET n = {n} WHERE id = {n}", "UPDATE t SET n = n + 1",
	"UPDATE t SET n = LAST_INSERT_ID(n + 1) WHERE id < {n}", "DELETE FROM t WHERE id > {n}", "DELETE FROM {db}.t ORDER BY id LIMIT 30", "DELETE FROM u WHERE code = ?", "INSERT INTO u VALUES ('{n}')", "TRUNCATE TABLE m",
	"CREATE TABLE IF NOT EXISTS extra (id INT)", "DROP TABLE IF EXISTS extra", "ALTER TABLE extra ADD COLUMN c{n} INT", "CREATE OR REPLACE VIEW names AS SELECT CONCAT(name, {n}) AS name FROM who",
	"CREATE DATABASE IF NOT EXISTS {db}x", "USE {db}x", "DROP DATABASE IF EXISTS {db}x",
	"SELECT add_row('f')", "SELECT LAST_INSERT_ID({n})", "SELECT remember({n})", "ANALYZE TABLE who",
}

// differSticky may be answered by a StickyError.
var differSticky = []string{
	"SELECT LAST_INSERT_ID()", "SELECT @@identity", "SELECT @@last_insert_id", "SELECT ROW_COUNT()", "SELECT FOUND_ROWS()", "SHOW WARNINGS", "SELECT @@warning_count",
	"SHOW COUNT(*) WARNINGS", "SELECT LAST_INSERT_ID(), ROW_COUNT()", "INSERT INTO t (n) VALUES (LAST_INSERT_ID())",
	"UPDATE t SET n = LAST_INSERT_ID() WHERE id = {n}",
}

// differHidden ask for it by what a view, a function or a trigger says, or by a table of variables.
var differHidden = []string{
	"SELECT id FROM last", "SELECT id FROM {db}.last", "SELECT last_id()", "SELECT id FROM maybe", "INSERT INTO log (n) VALUES ({n})", "CREATE OR REPLACE VIEW maybe AS SELECT {n} AS id",
	"CREATE OR REPLACE VIEW maybe AS SELECT LAST_INSERT_ID() AS id", "SHOW SESSION VARIABLES LIKE '%insert_id'",
}

var differPins = []string{
	"SET @x = {n}", "SELECT @x", "SELECT @x := {n}", "SELECT {n} INTO @y", "CREATE TEMPORARY TABLE tmp (id INT AUTO_INCREMENT PRIMARY KEY, v INT)", "INSERT INTO tmp (v) VALUES ({n})",
	"SELECT * FROM tmp", "DROP TEMPORARY TABLE IF EXISTS tmp", "CREATE TEMPORARY TABLE t (id INT, v VARCHAR(9), n INT)", "SELECT GET_LOCK('l{me}', 20)", "SELECT IS_USED_LOCK('l{me}') = CONNECTION_ID()",
	"SELECT RELEASE_LOCK('l{me}')", "LOCK TABLES t WRITE, who READ", "UNLOCK TABLES", "PREPARE p FROM 'SELECT DATABASE(), @@sql_mode, {n}'", "EXECUTE p", "DEALLOCATE PREPARE p", "HANDLER t OPEN",
	"HANDLER t READ FIRST", "HANDLER t CLOSE", "CALL add_rows({n})", "CALL settle()", "SELECT 1; SELECT {n}", "INSERT INTO t (v) VALUES ('m'); SELECT LAST_INSERT_ID()", "USE {db}; SELECT DATABASE()",
	"SET TRANSACTION READ ONLY", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET autocommit = 0", "SET sql_mode = CONCAT('ANSI', '')", "SET NAMES gbk", "SET last_insert_id = {n}",
	"SET insert_id = 1{n}", "SET timestamp = 86400", "SELECT SQL_CALC_FOUND_ROWS seq FROM {1..30} LIMIT 2", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN",
}

var differErrors = []string{
	"SELECT nothing FROM who", "SELEC 1", "SELECT * FROM nowhere", "INSERT INTO t (nope) VALUES (1)", "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'x'", "SET time_zone = 'nowhere'",
	"SET SESSION sort_buffer_size = 'x'", "USE nowhere_{n}", "ROLLBACK TO SAVEPOINT nowhere", "SELECT (SELECT 1 UNION SELECT 2)", "DROP TABLE nowhere", "CALL nowhere()", "SELECT nowhere({n})", "SELECT ?, FROM t",
	"INSERT INTO t (id, v) VALUES (1, 'x'), (1, 'y')", "SET foreign_key_checks = 17", "SELECT 'unfinished",
}

var differTransactions = []string{
	"BEGIN", "START TRANSACTION", "START TRANSACTION READ ONLY", "START TRANSACTION WITH CONSISTENT SNAPSHOT", "COMMIT", "COMMIT", "ROLLBACK", "COMMIT AND NO CHAIN", "SAVEPOINT a", "ROLLBACK TO SAVEPOINT a",
	"RELEASE SAVEPOINT a", "/* done */ COMMIT", "SET autocommit = 1", "SET SESSION TRANSACTION READ WRITE",
}

// differPrepare are prepared by name, each with one argument.
var differPrepare = []string{
	"SELECT DATABASE(), name, COLLATION('x'), 1 || 0, ? FROM who", "INSERT INTO t (v, n) VALUES (?, 5)", "SELECT COUNT(*) FROM u WHERE code = ?", "SELECT name, ? FROM names",
	"UPDATE t SET v = ? WHERE id < 5", "SELECT harmless(?)", "SELECT LAST_INSERT_ID(), ?", "SELECT * FROM nowhere WHERE ?",
}

// fill puts values in place of placeholders and returns the arguments.
func (tw *twin) fill(text string) (string, []any) {
	for strings.Contains(text, "{n}") {
		text = strings.Replace(text, "{n}", fmt.Sprint(tw.r.IntN(30)), 1)
	}
	text = strings.ReplaceAll(text, "{id}", fmt.Sprint(1000*tw.me+tw.r.IntN(30)))
	for strings.Contains(text, "{db}") {
		text = strings.Replace(text, "{db}", tw.schema(), 1)
	}
	text = strings.ReplaceAll(text, "{me}", fmt.Sprint(tw.me))
	text = tw.d.numbers.Replace(text)
	var args []any
	for range strings.Count(text, "?") {
		args = append(args, tw.argument())
	}
	return text, args
}

func (tw *twin) argument() any {
	all := []any{int64(7), int64(math.MaxInt64), uint64(math.MaxUint64), 1.5, true, "01", "x", "2024-01-01 10:00:00", []byte("1.0"), nil, time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)}
	return all[tw.r.IntN(len(all))]
}

// pick draws a text and runs it.
func (tw *twin) pick(from []string, sticky bool) {
	tw.say(from[tw.r.IntN(len(from))], sticky)
}

func (tw *twin) say(template string, sticky bool) bool {
	text, args := tw.fill(template)
	what := text
	if len(args) > 0 {
		what = fmt.Sprintf("%s %v", text, args)
	}
	run := (*half).exec
	if reads := returnsRows(text); reads && (len(args) > 0 || strings.Contains(text, "ROW_COUNT") || tw.r.IntN(8) > 0) || !reads && tw.r.IntN(8) == 0 {
		run = (*half).query
		what += " (query)"
	}
	st := sqltext.Classify(text, 0)
	sticky = sticky || st.Opaque || st.Variables // they may ask unseen
	return tw.both(what, sticky, func(h *half) (string, error) { return run(h, tw.d.ctx, text, args) })
}

func returnsRows(text string) bool {
	for _, word := range []string{"SELECT", "SHOW", "EXPLAIN", "VALUES", "WITH", "TABLE ", "CALL", "EXECUTE", "RETURNING", "HANDLER", "ANALYZE"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// step runs one operation.
func (tw *twin) step() {
	switch n := tw.r.IntN(100); {
	case n < 22:
		tw.pick(tw.d.texts.reads, false)
	case n < 40:
		tw.pick(tw.d.texts.writes, false)
	case n < 49:
		tw.pick(tw.d.texts.sticky, true)
	case n < 52:
		tw.pick(tw.d.texts.hidden, true)
	case n < 55:
		tw.pick(tw.d.texts.pins, true)
		if tw.r.IntN(3) > 0 {
			tw.pick(tw.d.texts.pins, true)
		}
	case n < 58:
		tw.pick(tw.d.texts.errors, false)
	case n < 66:
		tw.pick(tw.d.texts.transactions, false)
	case n < 72:
		tw.transaction()
	case n < 82:
		tw.say((&walk{r: tw.r, settings: tw.d.settings}).assignments(), false)
	case n < 87:
		tw.both("USE "+tw.schema(), false, nil)
	case n < 91:
		tw.prepare()
	case n < 97:
		tw.prepared()
	default:
		tw.ownID()
	}
}

// ownID asks for its number in a transaction, where it is certain.
func (tw *twin) ownID() {
	if tw.say("BEGIN", false) && !tw.over && tw.say("INSERT INTO own VALUES (NULL)", false) && !tw.over {
		tw.pick([]string{"SELECT LAST_INSERT_ID(), ROW_COUNT()", "SELECT LAST_INSERT_ID()", "SELECT ROW_COUNT()", "SELECT @@identity"}, false)
	}
}

// transaction begins one by BeginTx, or ends it.
func (tw *twin) transaction() {
	if !tw.tx {
		opts := &sql.TxOptions{ReadOnly: tw.r.IntN(5) == 0, Isolation: []sql.IsolationLevel{0, 0, sql.LevelSerializable, sql.LevelReadCommitted}[tw.r.IntN(4)]}
		tw.tx = tw.both(fmt.Sprintf("BeginTx %+v", *opts), false, func(h *half) (_ string, err error) {
			h.tx, err = h.conn.BeginTx(tw.d.ctx, opts)
			return "", err
		})
		return
	}
	tw.tx = false
	name, end := "Commit", (*sql.Tx).Commit
	if tw.r.IntN(3) == 0 {
		name, end = "Rollback", (*sql.Tx).Rollback
	}
	tw.both(name, false, func(h *half) (string, error) {
		tx := h.tx
		h.tx = nil
		return "", end(tx)
	})
}

// prepare prepares a statement by name, which binds what is set at the moment.
func (tw *twin) prepare() {
	texts := tw.d.texts.prepare
	text := texts[tw.r.IntN(len(texts))]
	i := tw.r.IntN(3)
	tw.selects[i], tw.args[i] = strings.HasPrefix(text, "SELECT") || strings.HasPrefix(text, "TABLE"), tw.argument()
	tw.both(fmt.Sprintf("prepare %d: %s", i, text), false, func(h *half) (_ string, err error) {
		if h.stmts[i] != nil {
			h.stmts[i].Close()
		}
		h.stmts[i], err = h.prepare(tw.d.ctx, text)
		return "", err
	})
}

// prepare prepares a statement. A cached one of a READ ONLY transaction is refused when it is executed, a new one before.
func (h *half) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	stmt, err := h.conn.PrepareContext(ctx, text)
	if number(err) == 1792 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return stmt, nil
}

// prepared runs a statement of before, wherever the session is now.
func (tw *twin) prepared() {
	i := tw.r.IntN(3)
	if tw.got.stmts[i] == nil || tw.want.stmts[i] == nil {
		return
	}
	arg := tw.argument()
	if labtest.Kind() == lab.MySQL { // which converts what a statement is given later to the types it was given first; sessions prepare one for each type
		arg = tw.args[i]
	}
	query := tw.selects[i] || tw.r.IntN(2) == 0 // go-sql-driver's Exec of a prepared SELECT hangs on MariaDB
	tw.both(fmt.Sprintf("run %d with %v, query = %v", i, arg, query), true, func(h *half) (string, error) {
		stmt := h.stmts[i]
		if h.tx != nil {
			stmt = h.tx.StmtContext(tw.d.ctx, stmt)
			defer stmt.Close()
		}
		if query {
			return everything(stmt.QueryContext(tw.d.ctx, arg))
		}
		return results(stmt.ExecContext(tw.d.ctx, arg))
	})
}
