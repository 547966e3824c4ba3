package mysqlpool

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir/internal/sqltext"
)

// replay brings b from its state into the wanted one: USE if the default database differs, then one SET for all the rest. Where the
// wanted state does not have what b has, b gets back the values that it had when it was new. After an error b is of no use any more.
func (b *backend) replay(ctx context.Context, want *state) error {
	if b.state == want {
		return nil
	}
	before := b.state
	err := b.change(ctx, want)
	if err != nil {
		_, refused := err.(*useRefused) // which changed nothing
		b.spoilt = !refused || b.state != before
		return &replayError{err}
	}
	b.state = want
	return nil
}

// A replayError is why a backend could not be given a session's settings.
type replayError struct{ error }

func (e *replayError) Error() string {
	return "mysqlpool: giving a backend the session's settings: " + e.error.Error()
}

func (e *replayError) Unwrap() error { return e.error }

// useRefused: the server would not enter the database.
type useRefused struct{ error }

func (e *useRefused) Unwrap() error { return e.error }

func (b *backend) change(ctx context.Context, want *state) error {
	if b.state.defaultSchema() != want.defaultSchema() {
		schema := want.defaultSchema()
		if schema == "" {
			schema = b.birth.schema
		}
		if schema == "" {
			return errNoSchema
		}
		if !ascii(schema) { // only what a new connection has was named in its own character set: a USE of such a name pins
			if err := b.plain(ctx); err != nil {
				return err
			}
		}
		if err := b.run(ctx, "USE "+quoteName(schema)); isServerError(err) {
			return &useRefused{err}
		} else if err != nil {
			return err
		}
	}
	if err := b.learnPristine(ctx, want); err != nil {
		return err
	}
	set := b.difference(b.state, want)
	if len(set) == 0 {
		return nil
	}
	if b.refuses(b.state, want) { // all values of one SET are judged before any is set
		if err := b.run(ctx, "SET "+b.assign("sql_mode", "''")); err != nil {
			return err
		}
		set = append(set, b.assign("sql_mode", b.mode(want)))
	}
	return b.run(ctx, "SET "+strings.Join(set, ", "))
}

// refuses reports whether a backend in one state may refuse a number of the other. What does not fit is cut in most modes, and an error
// in some: a session may have said it in one of the former, and the backend be in one of the latter.
func (b *backend) refuses(have, want *state) bool {
	mode := strings.ToUpper(b.mode(have))
	if !strings.Contains(mode, "STRICT_ALL_TABLES") && !strings.Contains(mode, "TRADITIONAL") {
		return false
	}
	for name, value := range want.names() {
		if now, ok := have.value(name); name != "sql_mode" && (!ok || now != value) {
			return true
		}
	}
	return false
}

// mode is the sql_mode of a state, as a literal.
func (b *backend) mode(s *state) string {
	if v, ok := s.value("sql_mode"); ok {
		return v
	}
	return quoteString(b.birth.sqlMode)
}

// errNoSchema: nothing in SQL takes the default database away again.
var errNoSchema = errors.New("mysqlpool: a backend with a default database cannot be given one without")

// difference lists the assignments that lead from one state to another.
func (b *backend) difference(have, want *state) []string {
	var set []string
	if !slices.Equal(have.charsets(), want.charsets()) {
		set = b.charsetAssignments(have, want)
	}
	for _, name := range slices.Sorted(maps.Keys(have.names())) {
		if _, kept := want.value(name); !kept {
			set = append(set, b.assign(b.spell(name), b.pristine[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want.names())) {
		value, _ := want.value(name)
		if now, ok := have.value(name); !ok || now != value {
			set = append(set, b.assign(b.spell(name), value))
		}
	}
	return set
}

// charsetAssignments repeats the wanted character sets from what a new connection has.
func (b *backend) charsetAssignments(have, want *state) []string {
	var set []string
	if slices.ContainsFunc(have.charsets(), ofNames) {
		set = append(set, b.birth.charset...)
	}
	for _, name := range otherCharsets(have.charsets()) {
		set = append(set, b.spell(name)+" = "+b.pristine[name])
	}
	return append(set, b.spelled(want.charsets())...)
}

// spelled are changes of character sets as assignments.
func (b *backend) spelled(changes []sqltext.Change) []string {
	var set []string
	for _, c := range changes {
		if c.Name == setNames {
			set = append(set, "NAMES "+c.Value)
		} else {
			set = append(set, b.spell(c.Name)+" = "+c.Value)
		}
	}
	return set
}

// touched lists the variables that a state sets, but for those that its backend's birth knows.
func (s *state) touched() []string {
	return append(otherCharsets(s.charsets()), slices.Sorted(maps.Keys(s.names()))...)
}

// spell gives a variable the name it has on this server.
func (b *backend) spell(name string) string {
	if b.birth.oldNames {
		switch name {
		case "transaction_isolation":
			name = "tx_isolation"
		case "transaction_read_only":
			name = "tx_read_only"
		}
	}
	return "@@session." + name
}

// learnPristine reads, before they are changed for the first time, the variables that a state will set. It may take back what has been set,
// which is for its caller to set again.
func (b *backend) learnPristine(ctx context.Context, s *state) error {
	var unknown []string
	for _, name := range s.touched() {
		if _, ok := b.pristine[name]; !ok {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	if b.state.hurries() {
		if err := b.plain(ctx); err != nil {
			return err
		}
	}
	if b.birth.vtgate && b.pristine == nil {
		if err := b.armSettings(ctx); err != nil {
			return err
		}
	}
	values, err := b.literals(ctx, unknown)
	if err != nil {
		return err
	}
	if b.pristine == nil {
		b.pristine = map[string]string{}
	}
	maps.Copy(b.pristine, values)
	return nil
}

// plain takes back all variables, but not the default database: a limit, or a character set, that somebody has set would spoil what is
// asked next. Whoever calls it brings the backend into a state again.
func (b *backend) plain(ctx context.Context) error {
	set := b.difference(b.state, nil)
	if len(set) == 0 {
		return nil
	}
	b.state = b.states.in(nil, b.state.defaultSchema())
	return b.run(ctx, "SET "+strings.Join(set, ", "))
}

// literals reads variables as they would be written in a SET. LIMIT overrides a limit that the session has set.
func (b *backend) literals(ctx context.Context, names []string) (map[string]string, error) {
	spelt := make([]string, len(names))
	for i, name := range names {
		spelt[i] = b.spell(name)
	}
	b.asking()
	rows, err := b.conn.QueryContext(ctx, "SELECT "+strings.Join(spelt, ", ")+b.oneRow(), nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, ok := rows.(driver.RowsColumnTypeDatabaseTypeName)
	if !ok {
		return nil, fmt.Errorf("mysqlpool: rows of type %T do not tell the types of columns", rows)
	}
	values := make([]driver.Value, len(names))
	if err := rows.Next(values); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for i, name := range names {
		out[name] = literal(values[i], types.ColumnTypeDatabaseTypeName(i))
	}
	if err := rows.Next(values); err != io.EOF {
		return nil, fmt.Errorf("mysqlpool: reading variables: %w", err)
	}
	return out, nil
}

// literal writes a value of a column of that type.
func literal(v driver.Value, column string) string {
	var text string
	switch v := v.(type) {
	case nil:
		return "NULL"
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'f', -1, 32)
	case []byte:
		text = string(v)
	default:
		text = fmt.Sprint(v)
	}
	for _, number := range []string{"INT", "DECIMAL", "DOUBLE", "FLOAT"} {
		if strings.Contains(column, number) {
			return text
		}
	}
	return quoteString(text)
}

// quoteString writes a string so that it is read the same with and without NO_BACKSLASH_ESCAPES.
func quoteString(s string) string {
	if strings.Contains(s, `\`) {
		return fmt.Sprintf("CONVERT(x'%x' USING utf8mb4)", s)
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

func quoteName(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

// isServerError reports whether the server refused, so that the connection is as it was.
func isServerError(err error) bool {
	_, ok := errors.AsType[*mysql.MySQLError](err)
	return ok
}
