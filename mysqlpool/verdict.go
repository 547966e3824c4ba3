package mysqlpool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// A Class is what an error of the driver or of the server means.
type Class uint8

const (
	// Other: an error of the statement, such as a duplicate key, a lock wait timeout or a killed query. The connection is fine.
	Other Class = iota
	// NotSent: the connection was dead before the statement was sent; it was certainly not executed.
	NotSent
	// Unknown: the connection died while the answer was awaited; the statement may have been executed.
	Unknown
	// Canceled: the context ended. If the statement had been sent the driver closed the connection, and the server may go
	// on with it.
	Canceled
	// ServerDemoted: the server refuses to write because it is read-only; the statement was not executed.
	ServerDemoted
	// ServerFull: the server, or the user, has as many connections as it may.
	ServerFull
	// HostBlocked: the server refuses this host because of too many failed connects.
	HostBlocked
	// GoingAway: the server is shutting down or closes this connection. A statement that ran is rolled back on transactional
	// tables; what a procedure had committed stays. Do not repeat writes blindly.
	GoingAway
	// Denied: wrong user, password or database. Trying again does not help.
	Denied
)

// String returns the class in lower-case words.
func (c Class) String() string {
	names := [...]string{"other", "not sent", "unknown", "canceled", "server demoted", "server full", "host blocked", "going away", "denied"}
	if int(c) < len(names) {
		return names[c]
	}
	return "class?"
}

// Classify tells what err means: by its type first, then by the server's error number, never by its text.
func Classify(err error) Class {
	var server *mysql.MySQLError
	var network *net.OpError
	switch {
	case errors.As(err, &server):
		return classifyNumber(server.Number)
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone):
		return NotSent
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Canceled
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, mysql.ErrBusyBuffer), errors.Is(err, mysql.ErrMalformPkt),
		errors.Is(err, mysql.ErrPktSync), errors.Is(err, mysql.ErrPktSyncMul),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.As(err, &network):
		return Unknown
	}
	return Other
}

// The numbers are those of MySQL's and MariaDB's error references.
func classifyNumber(n uint16) Class {
	switch n {
	case 1290, // an option such as --read-only forbids the statement
		1036, // the table is read only: innodb_read_only on MariaDB
		1836, // the server runs in read-only mode
		1792: // the transaction is READ ONLY: the session default on an Aurora reader
		return ServerDemoted
	case 1040, 1203, 1226: // too many connections: of all, of the user, of the account's resource limit
		return ServerFull
	case 1129: // host is blocked
		return HostBlocked
	case 1053, // server shutdown in progress
		1079, 1080, 1152, 1184, // normal shutdown, forced close, aborted connections
		1153, // packet too big: the server closes the connection after it
		1927, // connection was killed (MariaDB)
		3169, // session was killed (MySQL)
		4031: // disconnected because of inactivity (MySQL)
		return GoingAway
	case 1044, 1045, 1049, 1130, 1698: // access denied, unknown database, host not allowed, access denied
		return Denied
	}
	return Other
}

// Verdict says what becomes of a connection after err, the error of a statement on it. Pool.Do and Lease.Finish go by it:
// a dead connection is discarded; one whose server seems demoted too, and all others are asked for their role before they are
// lent again, because these numbers have other meanings besides; any other error keeps the connection, that of an ended context
// too: whether the driver closed it is seen when it is lent next.
//
// A pool that wants no primary takes Demoted for Keep: there a refused write is the application's error.
//
// Error 1792 counts as a demotion because an Aurora reader answers so. Where the application itself runs READ ONLY
// transactions, give the error through [InReadOnlyTx].
func Verdict(err error) weir.Verdict {
	var readOnly *readOnlyTxError
	switch Classify(err) {
	case ServerDemoted:
		if errors.As(err, &readOnly) {
			return weir.Keep
		}
		return weir.Demoted
	case NotSent, Unknown, GoingAway:
		return weir.Discard
	}
	switch {
	case errors.Is(err, weir.ErrWrongRole):
		return weir.Demoted
	case errors.Is(err, weir.ErrBroken):
		return weir.Discard
	}
	return weir.Keep
}

// InReadOnlyTx marks err as that of a statement in a READ ONLY transaction which the application asked for, so that
// [Verdict] does not take error 1792 for a demotion. It returns nil for nil.
func InReadOnlyTx(err error) error {
	var server *mysql.MySQLError
	if !errors.As(err, &server) || server.Number != 1792 {
		return err
	}
	return &readOnlyTxError{err}
}

type readOnlyTxError struct{ error }

func (e *readOnlyTxError) Unwrap() error { return e.error }

// verdict is Verdict for a pool that wants this role: where any server or a replica is wanted, a refused write is the
// application's error.
func (s *settings) verdict(err error) weir.Verdict {
	v := Verdict(err)
	if v == weir.Demoted && s.role != Primary {
		return weir.Keep
	}
	return v
}

// openError marks what trying again will not cure.
func openError(err error) error {
	switch Classify(err) {
	case Denied, HostBlocked:
		return &permanentError{err}
	}
	return err
}

// A permanentError reads like what it holds, and matches [weir.ErrPermanent] as well.
type permanentError struct{ error }

func (e *permanentError) Unwrap() []error { return []error{e.error, weir.ErrPermanent} }
