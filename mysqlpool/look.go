package mysqlpool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"runtime"
	"time"
)

// probeLimit is how long a look at a socket may have to wait for what the last borrower left running: the rollback of a
// transaction whose context ended, or a statement.
const probeLimit = 20 * time.Millisecond

var errInUse = errors.New("mysqlpool: the last borrower's statement still runs on the connection")

// probe lets the driver look at its socket, without a round trip. database/sql makes the look wait for whatever still runs on the
// connection, and the next borrower must not wait for that: after probeLimit the connection is given up, and to that end cut.
func (b *backend) probe(conn *sql.Conn) error {
	c, _ := b.of(conn)
	if c == nil || !c.socket.known() {
		return lookAside(conn)
	}
	b.rounds.begin(&c.looking)
	err := look(conn)
	if cut := c.looking.Swap(0) == cutShort; cut {
		return errInUse
	}
	return err
}

// lookAside looks at a connection of a wrapped DB. It cannot be cut, so the look has a goroutine of its own that may be left behind.
func lookAside(conn *sql.Conn) error {
	seen := make(chan error, 1)
	go func() { seen <- look(conn) }()
	runtime.Gosched() // mostly that is enough, and spares the timer
	select {
	case err := <-seen:
		return err
	default:
	}
	late := time.NewTimer(probeLimit)
	defer late.Stop()
	select {
	case err := <-seen:
		return err
	case <-late.C:
		return errInUse
	}
}

// look asks the driver about its connection. A driver that cannot tell is taken at its word. The verdict is not Raw's result: at
// ErrBadConn database/sql would close the connection then and there.
func look(conn *sql.Conn) (verdict error) {
	err := conn.Raw(func(dc any) error {
		if r, ok := dc.(driver.SessionResetter); ok {
			verdict = r.ResetSession(context.Background())
		}
		if v, ok := dc.(driver.Validator); ok && verdict == nil && !v.IsValid() {
			verdict = driver.ErrBadConn
		}
		return nil
	})
	if err != nil {
		return err
	}
	return verdict
}
