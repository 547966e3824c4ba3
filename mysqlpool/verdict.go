package mysqlpool

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// A Class is what an error of the driver or of the server means.
type Class uint8

const (
	// Other: an error of the statement, such as a duplicate key, a lock wait timeout or a killed query. The connection is fine. A
	// [*RoleError] that a constructor returns is Other, too.
	Other Class = iota
	// NotSent: the statement was certainly not executed. The pool had no connection for it or is closed, the dial failed, the
	// connection was dead, or closed by the server as idle, before the statement was sent, or a server that is out of service refused it.
	// It is safe to try again. With [New] and [Wrap] a lost connection takes its transaction along: run the whole transaction again. An
	// exhausted error is NotSent even if its last open error is a refused login, because passwords are rotated.
	NotSent
	// Unknown: the statement may have been executed. The connection died before the answer came, or the server itself cannot tell.
	Unknown
	// Canceled: the context ended. If the statement had been sent, [Open] kills it on the server. With [New] and [Wrap] the driver
	// closes the connection, and the server may continue with the statement.
	Canceled
	// ServerDemoted: the server refuses to write because it is read-only; the statement was not executed. Error 1792 is in this class even
	// if the application began the transaction READ ONLY: see [InReadOnlyTx].
	ServerDemoted
	// ServerFull: the server, or the user, has as many connections as it may. Error 1226 also refuses a statement, when the account has
	// used up a limit such as MAX_QUERIES_PER_HOUR.
	ServerFull
	// HostBlocked: the server refuses this host because of too many failed connects.
	HostBlocked
	// GoingAway: the server is shutting down or closes this connection. A statement that ran is rolled back on transactional
	// tables; what a procedure had committed stays. Do not repeat writes blindly.
	GoingAway
	// Denied: the server does not let this user in. The password is wrong or expired, the database is unknown, the account is locked or
	// blocked, one side lacks the authentication plugin, one side requires TLS or compression and the other does not use it, or a
	// certificate is not accepted. Trying again does not help.
	Denied
	// RolledBack: the transaction, or the statement if it was alone, was certainly rolled back: a deadlock, a refusal at COMMIT, or
	// [ErrSessionLost] in a transaction. It is safe to run the whole transaction again.
	RolledBack
)

// String returns the class in lower-case words.
func (c Class) String() string {
	names := [...]string{"other", "not sent", "unknown", "canceled", "server demoted", "server full", "host blocked", "going away", "denied", "rolled back"}
	if int(c) < len(names) {
		return names[c]
	}
	return "class?"
}

// Classify says what err means. It looks at the type first, then at the server's error number, never at the text. For nil it returns
// Other. It may be called from any goroutine.
func Classify(err error) Class {
	var server *mysql.MySQLError
	switch {
	case errors.Is(err, ErrOutcomeUnknown):
		return Unknown
	case errors.Is(err, errTransactionLost):
		return RolledBack
	case noConnection(err), errors.Is(err, ErrSessionLost), errors.Is(err, errNoBackend):
		return NotSent
	case errors.As(err, &server):
		return classifyNumber(server.Number)
	case tlsRefused(err), authRefused(err):
		return Denied
	}
	return classifyDriver(err)
}

// classifyDriver tells what an error means that came neither from the server nor from a pool.
func classifyDriver(err error) Class {
	var network *net.OpError
	switch {
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

// noConnection reports whether there was no connection to send the statement on. Such an error says nothing against a connection that
// is lent.
func noConnection(err error) bool {
	if errors.Is(err, weir.ErrExhausted) || errors.Is(err, weir.ErrClosed) || errors.Is(err, errDBClosed()) {
		return true
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	network, ok := errors.AsType[*net.OpError](err)
	return ok && network.Op == "dial"
}

// errDBClosed is what a closed *sql.DB answers. database/sql does not export it, but a closed DB tells it.
var errDBClosed = sync.OnceValue(func() error {
	db := sql.OpenDB(noServer{})
	db.Close() // it has nothing to close
	return db.Ping()
})

// noServer is the connector of a DB that is never opened.
type noServer struct{ driver.Connector }

// authRefused reports whether the driver does not answer what the server asks for at the login: it has no such plugin, or the DSN forbids it.
func authRefused(err error) bool {
	return errors.Is(err, mysql.ErrUnknownPlugin) || errors.Is(err, mysql.ErrCleartextPassword) ||
		errors.Is(err, mysql.ErrNativePassword) || errors.Is(err, mysql.ErrOldPassword)
}

// tlsRefused reports whether the TLS handshake failed for a reason that stays: one side has no TLS, or does not accept the other's
// certificate or parameters. crypto/tls reports an alert of the server as a "remote error".
func tlsRefused(err error) bool {
	if errors.Is(err, mysql.ErrNoTLS) {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	network, ok := errors.AsType[*net.OpError](err)
	return ok && network.Op == "remote error"
}

const (
	globalMemory     = 4081 // ER_GLOBAL_CONN_LIMIT
	connectionMemory = 4082 // ER_CONN_LIMIT
)

// The numbers are those of MySQL's and MariaDB's error references.
func classifyNumber(n uint16) Class {
	switch n {
	case 1290, // an option such as --read-only forbids the statement
		1036, // the table is read only: innodb_read_only on MariaDB
		1836, // the server runs in read-only mode
		1792: // the transaction is READ ONLY: the session default on an Aurora reader
		return ServerDemoted
	case 1047, // a Galera node that is not in the primary component; for MySQL an unknown command
		3032, 6400, // the server is in offline mode: by hand, by Group Replication
		4031, // MySQL has closed the connection, because it was idle for wait_timeout
		4094: // all queries are blocked while Group Replication moves the primary
		return NotSent
	case 3100, // a replication hook failed at COMMIT: the transaction may be in the group, or not
		1180,       // an error during COMMIT: Galera's node has left the primary component, and the others may have the transaction
		1160, 1161, // the server could not write its answer
		2002, 2003, 2006, 2013: // a proxy does not reach its server any more; vtgate may have reached other shards
		return Unknown
	case 1213, // deadlock, or Galera's certification failed
		3101: // Group Replication's certification failed at COMMIT
		return RolledBack
	case 1040, 1203, 1226: // too many connections: of all, of the user, of the account's resource limit
		return ServerFull
	case 1129: // host is blocked
		return HostBlocked
	case 1053, // server shutdown in progress
		1079, 1080, 1152, 1184, // normal shutdown, forced close, aborted connections
		1158, 1159, // the server could not read the statement: an error of the network, a time limit
		1153,                           // packet too big: the server closes the connection after it
		1927,                           // connection was killed (MariaDB)
		3169,                           // session was killed (MySQL)
		globalMemory, connectionMemory: // MySQL closes a connection that takes too much
		return GoingAway
	case 1044, 1045, 1049, 1130, 1698, // access denied, unknown database, host not allowed, access denied
		1820, 1862, // the password has expired: said to statements, at the login
		3118, 4151, // the account is locked: MySQL, MariaDB
		3955, 4150, // the account is blocked because of failed logins: MySQL, MariaDB
		1251, 1275, 1524, // the account's way to log in: unknown to the client, switched off, not loaded (mysql_native_password on MySQL 9)
		3159, // the server requires TLS
		3922: // the server requires compression (MySQL)
		return Denied
	}
	return Other
}

// Verdict says what becomes of a connection after err, the error of a statement on it. Pool.Do and Lease.Finish go by it:
// a dead connection is discarded; one whose server seems demoted too, and all others are asked for their role before they are
// lent again, because these numbers have other meanings besides; any other error keeps the connection, that of an ended context
// too: whether the driver closed it is seen when it is lent next. An error that says that there was no connection keeps the one at hand.
//
// A connection to a server that is out of service (1047, 3032, 4094, 6400) or whose COMMIT failed in replication (1180, 3100) is discarded, and
// the others are not asked for their role: the variables that tell it do not show this state.
//
// A pool that wants no primary takes Demoted for Keep: there a refused write is the application's error.
//
// Error 1792 counts as a demotion because an Aurora reader answers so. Where the application itself runs READ ONLY
// transactions, give the error through [InReadOnlyTx].
func Verdict(err error) weir.Verdict {
	var readOnly *readOnlyTxError
	if noConnection(err) {
		return weir.Keep
	}
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
