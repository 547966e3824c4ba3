package mysqlpool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// A Role is what a server is to its cluster.
type Role uint8

const (
	// Any server will do; its role is not asked.
	Any Role = iota
	// Primary: the server accepts writes. None of its read-only variables is on.
	Primary
	// Replica: the server refuses writes. At least one of its read-only variables is on.
	Replica
)

// String returns the role in lower case.
func (r Role) String() string {
	switch r {
	case Any:
		return "any"
	case Primary:
		return "primary"
	case Replica:
		return "replica"
	}
	return fmt.Sprintf("role(%d)", uint8(r))
}

// A RoleError says that a connection leads to a server whose role is not the wanted one. It matches [weir.ErrWrongRole].
type RoleError struct {
	Want    Role
	Answers string // what the server said, such as "innodb_read_only=1 read_only=0"
}

// Error tells the wanted role and the server's answers.
func (e *RoleError) Error() string {
	return fmt.Sprintf("mysqlpool: wrong role: want %v, server has %s", e.Want, e.Answers)
}

// Unwrap makes the error match [weir.ErrWrongRole].
func (e *RoleError) Unwrap() error { return weir.ErrWrongRole }

// roleVariables are asked for a role, as far as the server knows them: Aurora tells by the first, a read-only replica by
// the second, the third exists on MySQL from 5.7.8 and not on MariaDB.
var roleVariables = [...]string{"innodb_read_only", "read_only", "super_read_only"}

// A flavour is what is learned of a server once per connection.
type flavour struct {
	version   string
	variables []string // the role variables it knows
	roles     bool     // its current role is asked for, and it knows roles
	query     string   // the validation query for this connection

	fresh   bool    // the check on open is still to come, and need not ask
	answers answers // of the variables, if it is fresh
}

const unknownVariable = 1193 // ER_UNKNOWN_SYSTEM_VARIABLE

// guessFlavour goes by the version; where that misleads, [settings.narrow] finds out.
func (j *judge) guessFlavour(version string) flavour {
	f := flavour{version: version, query: j.query()}
	mariaDB := strings.Contains(version, "MariaDB")
	f.roles = j.roles && (mariaDB || !strings.HasPrefix(version, "5."))
	if j.role == Any {
		return f
	}
	f.variables = roleVariables[:]
	if mariaDB {
		f.variables = roleVariables[:2]
	}
	f.query = j.roleQuery(f.variables)
	return f
}

// narrow asks for each role variable and keeps those that exist.
func (s *settings) narrow(ctx context.Context, a asker, f flavour) (flavour, error) {
	f.variables = nil
	for _, name := range roleVariables {
		_, err := a.ask(ctx, s.comment()+"SELECT @@"+name)
		if err == nil {
			f.variables = append(f.variables, name)
		} else if !isUnknownVariable(err) {
			return f, err
		}
	}
	if len(f.variables) == 0 {
		return f, fmt.Errorf("mysqlpool: role %v is wanted, but the server (%s) knows none of %s", s.role, f.version, strings.Join(roleVariables[:], ", "))
	}
	f.query = s.roleQuery(f.variables)
	return f, nil
}

func isUnknownVariable(err error) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && e.Number == unknownVariable
}

// roleQuery asks for life and role in one round trip.
func (s *settings) roleQuery(variables []string) string {
	return s.comment() + "SELECT 1, @@" + strings.Join(variables, ", @@")
}

// answers are the values of a flavour's role variables, in order.
type answers []bool

// askRole runs the query for life and role.
func askRole(ctx context.Context, a asker, f flavour) (answers, error) {
	row, err := a.ask(ctx, f.query)
	if err != nil {
		return nil, err
	}
	if len(row) != 1+len(f.variables) {
		return nil, fmt.Errorf("mysqlpool: validation query %q was answered with %d columns, not %d", f.query, len(row), 1+len(f.variables))
	}
	return readAnswers(row[1:]), nil
}

func readAnswers(values []sql.NullString) answers {
	out := make(answers, len(values))
	for i, v := range values {
		out[i] = on(v.String)
	}
	return out
}

// on reads a switch. MariaDB has turned read_only into a word with several values for on.
func on(value string) bool {
	return value != "0" && !strings.EqualFold(value, "OFF")
}

// verify compares the answers with the wanted role.
func (s *settings) verify(f flavour, a answers) error {
	readOnly := false
	var said []string
	for i, name := range f.variables {
		readOnly = readOnly || a[i]
		said = append(said, fmt.Sprintf("%s=%d", name, map[bool]int{true: 1}[a[i]]))
	}
	if s.role == Any || readOnly == (s.role == Replica) {
		return nil
	}
	return &RoleError{Want: s.role, Answers: strings.Join(said, " ")}
}
