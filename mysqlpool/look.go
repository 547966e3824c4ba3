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

// probe lets the driver look at its socket, without a round trip. database/sql makes a look wait for whatever still runs on the
// connection, and the next borrower must not wait for that: where something does, the look has a goroutine of its own and probeLimit.
func (m *maker) probe(conn *sql.Conn) error {
	var verdict error
	if m.door.enter(conn, func(dc any) { verdict = lookAt(dc) }) {
		return verdict
	}
	return lookAside(conn)
}

// lookAside looks at a connection in a goroutine that is left behind if it takes too long.
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

// look waits for the connection. The verdict is not Raw's result: at ErrBadConn database/sql would close the connection then and there.
func look(conn *sql.Conn) (verdict error) {
	err := conn.Raw(func(dc any) error {
		verdict = lookAt(dc)
		return nil
	})
	if err != nil {
		return err
	}
	return verdict
}

// lookAt asks the driver about its connection. A driver that cannot tell is taken at its word.
func lookAt(dc any) error {
	if dc == nil { // it was closed
		return driver.ErrBadConn
	}
	if r, ok := dc.(driver.SessionResetter); ok {
		if err := r.ResetSession(context.Background()); err != nil {
			return err
		}
	}
	if v, ok := dc.(driver.Validator); ok && !v.IsValid() {
		return driver.ErrBadConn
	}
	return nil
}
