package mysqlpool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// What vtgate, Vitess's proxy, does otherwise than a server is here.

// interrupted reports whether an error of vtgate leaves more open than a server's. The tablet does not wait for what becomes of a statement
// that it interrupts: MySQL may have executed it. In a transaction, or where something is reserved, it closes its connection to MySQL, and
// the session loses what only that had: vtgate goes on in a new transaction after one more error, and would commit a half.
func (i identity) interrupted(err error) bool {
	return i.vtgate && hasNumber(err, queryInterrupted, executionTimeout)
}

const (
	queryInterrupted = 1317 // ER_QUERY_INTERRUPTED: vtgate also says so of a transaction that has ended
	executionTimeout = 3024 // ER_QUERY_TIMEOUT
)

// armSettings makes vtgate take back what is set. It compares the value of a SET with what MySQL has by default, not with what the session
// has, and ignores the SET if they are equal: a variable that was set once could not get its first value again, and the next session on
// the connection would have another's. It compares with the session's value from when one was set that no hint in a text (SET_VAR) can carry.
func (b *backend) armSettings(ctx context.Context) error {
	const weeks = 8 // the values of default_week_format, which nobody minds for a moment
	row, err := b.ask(ctx, "SELECT @@default_week_format"+b.oneRow())
	if err != nil {
		return err
	}
	if len(row) != 1 {
		return fmt.Errorf("mysqlpool: default_week_format has %d columns", len(row))
	}
	n, err := strconv.Atoi(row[0].String)
	if err != nil {
		return fmt.Errorf("mysqlpool: default_week_format: %w", err)
	}
	other, first := b.assign("default_week_format", strconv.Itoa((n+1)%weeks)), b.assign("default_week_format", strconv.Itoa(n))
	return b.run(ctx, "SET "+other+", "+first)
}

// assign writes an assignment of a SET. A tablet of Vitess gives one answer to all who ask the same at the same moment, whatever each of them
// has set (it is called consolidation), and vtgate asks about a value before it sets it. So the value is made to look like nobody else's.
func (b *backend) assign(name, value string) string {
	if b.birth.vtgate && strings.ContainsAny(value[:min(len(value), 1)], "'-0123456789") {
		value = fmt.Sprintf("IF(%d, %s, %s)", nobodyElses(), value, value)
	}
	return name + " = " + value
}

// oneRow ends a question about variables, for the same reason. LIMIT overrides a limit that the session has set.
func (b *backend) oneRow() string {
	if b.birth.vtgate {
		return fmt.Sprintf(" LIMIT %d", nobodyElses())
	}
	return " LIMIT 1"
}

func nobodyElses() int64 { return 1 + rand.Int64N(1<<40) }
