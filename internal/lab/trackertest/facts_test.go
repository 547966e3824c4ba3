package trackertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/lab/tracker"
)

// facts is what is so in a session, a name and a value each: its variables, user
// variables, locks, prepared statements and so on. What is absent is not there.
type facts map[string]string

// changed lists what differs from before, in words, but for the names in allowed.
func (f facts) changed(before facts, allowed func(name string) bool) []string {
	names := maps.Clone(before)
	maps.Copy(names, f)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was, is := before[name], f[name]; was != is && !allowed(name) {
			out = append(out, fmt.Sprintf("%s: %q became %q", name, was, is))
		}
	}
	return out
}

// thread is the number by which the instruments know a connection.
const thread = `(SELECT thread_id FROM performance_schema.threads WHERE processlist_id = ?)`

// outside are what is asked about the session with that number on both families.
var outside = []ask{
	{"lock", `SELECT CONCAT_WS(' ', object_type, object_schema, object_name, lock_type), 'held'
		FROM performance_schema.metadata_locks WHERE owner_thread_id = ` + thread},
	{"prepared", `SELECT CONCAT_WS(' ', statement_id, statement_name), sql_text
		FROM performance_schema.prepared_statements_instances WHERE owner_thread_id = ` + thread},
	{"user variable", `SELECT variable_name, COALESCE(HEX(variable_value), 'NULL')
		FROM performance_schema.user_variables_by_thread WHERE thread_id = ` + thread},
}

// outside asks another connection what the session with that number holds: this
// neither disturbs the session nor depends on its settings.
func (f facts) outside(ctx context.Context, admin *sql.DB, id int64) error {
	for _, ask := range slices.Concat(outside, own().outside) {
		rows, err := admin.QueryContext(ctx, ask.query, id)
		if err != nil {
			return fmt.Errorf("%s: %w", ask.kind, err)
		}
		if err := f.add(ask.kind, rows); err != nil {
			return fmt.Errorf("%s: %w", ask.kind, err)
		}
	}
	delete(f, "user variable "+ownVariable)
	return nil
}

// Queries that ask a session about itself. They have a LIMIT because it outdoes
// sql_select_limit, which a session may have set, and answer with strings because
// the driver cannot read numbers in UTF-16, which a session may have asked for.
const (
	askScalars = `SELECT 'schema', DATABASE() UNION ALL SELECT 'role', CURRENT_ROLE() UNION ALL SELECT 'last insert id', LAST_INSERT_ID()
		UNION ALL SELECT 'time stands still', ABS(@@timestamp - UNIX_TIMESTAMP(SYSDATE())) > 60 LIMIT 10`
)

// inside asks the session itself.
func (f facts) inside(ctx context.Context, s *subject) (err error) {
	if f["in transaction"], err = own().inTransaction(ctx, s); err != nil {
		return fmt.Errorf("in transaction: %w", err)
	}
	for _, ask := range append([]ask{{"", askScalars}, {"variable", own().session}}, own().inside...) {
		rows, err := s.QueryContext(ctx, ask.query)
		if err != nil {
			return fmt.Errorf("%s: %w", ask.query, err)
		}
		if err := f.add(ask.kind, rows); err != nil {
			return fmt.Errorf("%s: %w", ask.query, err)
		}
	}
	for name := range own().restless {
		delete(f, "variable "+name)
	}
	return nil
}

// question returns the one value that a query beside its name gives.
func question(ctx context.Context, conn *sql.Conn, query string) (string, error) {
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return "", err
	}
	f := facts{}
	if err := f.add("", rows); err != nil {
		return "", err
	}
	for _, value := range f {
		return value, nil
	}
	return "", sql.ErrNoRows
}

// add takes rows of a name and a value, all of them ASCII: what is left of UTF-16
// without its zeros.
func (f facts) add(kind string, rows *sql.Rows) error {
	defer rows.Close()
	for rows.Next() {
		var name string
		var value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		name, value.String = strings.ReplaceAll(name, "\x00", ""), strings.ReplaceAll(value.String, "\x00", "")
		f[strings.TrimSpace(kind+" "+name)] = value.String
	}
	return rows.Err()
}

// lastValues asks what each sequence last gave this session. A session in which
// that cannot be asked has changed too.
func (f facts) lastValues(ctx context.Context, conn *sql.Conn, sequences []string) error {
	for _, name := range sequences {
		value, err := question(ctx, conn, "SELECT '', CONVERT(LASTVAL("+name+") USING latin1) LIMIT 1")
		if said, ok := errors.AsType[*mysql.MySQLError](err); ok && said.Number == errNoSuchSequence {
			continue
		} else if ok {
			value = said.Error()
		} else if err != nil {
			return fmt.Errorf("last value of %s: %w", name, err)
		}
		f["last value of "+name] = value
	}
	return nil
}

// reported adds what only the tracker tells: characteristics of a transaction
// that has not begun.
func (f facts) reported(changes []tracker.Change) {
	pending := ""
	for _, c := range changes {
		if c.What == tracker.Characteristics {
			pending = c.Value
		}
	}
	if strings.HasPrefix(pending, "SET TRANSACTION") {
		f["next transaction"] = pending
	}
}
