package mysqltest

import "fmt"

// Numbers of the errors a connection pool meets. [NewError] knows their SQLSTATEs and texts.
const (
	CodeTooManyConnections     uint16 = 1040 // max_connections reached
	CodeDatabaseAccessDenied   uint16 = 1044 // no right to the database
	CodeAccessDenied           uint16 = 1045 // wrong user or password
	CodeUnknownCommand         uint16 = 1047 // a command this server does not know
	CodeUnknownDatabase        uint16 = 1049 // no such database
	CodeServerShutdown         uint16 = 1053 // the server is going down
	CodeParseError             uint16 = 1064 // not SQL
	CodeUnknownThread          uint16 = 1094 // KILL of nobody
	CodeUnknown                uint16 = 1105 // what has no number of its own
	CodeHostBlocked            uint16 = 1129 // max_connect_errors reached
	CodeTableReadOnly          uint16 = 1036 // MariaDB with innodb_read_only
	CodeUnknownVariable        uint16 = 1193 // no such system variable
	CodeTooManyUserConnections uint16 = 1203 // max_user_connections reached
	CodeLockWaitTimeout        uint16 = 1205 // lock wait timeout
	CodeDeadlock               uint16 = 1213 // deadlock victim
	CodeUserLimitReached       uint16 = 1226 // a limit of the user's account
	CodeUnknownStatement       uint16 = 1243 // prepared statement the session does not have
	CodeOptionPrevents         uint16 = 1290 // read_only
	CodeUnknownFunction        uint16 = 1305 // no such function
	CodeQueryInterrupted       uint16 = 1317 // KILL QUERY
	CodeNeedReprepare          uint16 = 1615 // prepared statement out of date
	CodeReadOnlyTransaction    uint16 = 1792 // a write in a READ ONLY transaction
	CodeReadOnlyMode           uint16 = 1836 // MySQL with innodb_read_only
	CodeConnectionKilled       uint16 = 1927 // MariaDB: KILL CONNECTION
	CodeSessionKilled          uint16 = 3169 // MySQL: KILL CONNECTION
	CodeIdleDisconnect         uint16 = 4031 // MySQL: wait_timeout
)

// Error is an error packet. Its zero value stands for no error where a setter takes one.
type Error struct {
	Number  uint16
	State   string // five characters; empty for HY000
	Message string
}

// Error returns number, state and text in the order MySQL's own client prints them.
func (e Error) Error() string {
	return fmt.Sprintf("error %d (%s): %s", e.Number, e.state(), e.Message)
}

func (e Error) state() string {
	if len(e.State) != 5 {
		return "HY000"
	}
	return e.State
}

func (e Error) isZero() bool { return e == Error{} }

// beforeGreeting tells whether a server sends this error instead of its greeting. All others need to know the
// user, and come in the place of the answer to the login.
func (e Error) beforeGreeting() bool {
	return e.Number == CodeTooManyConnections || e.Number == CodeHostBlocked || e.Number == CodeServerShutdown
}

// NewError returns the error of that number as MySQL 8.0 words it; a number it does not know has state HY000.
func NewError(number uint16) Error {
	e := Error{Number: number, State: "HY000"}
	switch number {
	case CodeTooManyConnections:
		e.State, e.Message = "08004", "Too many connections"
	case CodeDatabaseAccessDenied:
		e.State, e.Message = "42000", "Access denied for user 'app'@'localhost' to database 'app'"
	case CodeAccessDenied:
		e.State, e.Message = "28000", "Access denied for user 'app'@'localhost' (using password: YES)"
	case CodeUnknownCommand:
		e.State, e.Message = "08S01", "Unknown command"
	case CodeUnknownDatabase:
		e.State, e.Message = "42000", "Unknown database 'app'"
	case CodeServerShutdown:
		e.State, e.Message = "08S01", "Server shutdown in progress"
	case CodeHostBlocked:
		e.Message = "Host 'localhost' is blocked because of many connection errors; unblock with 'mysqladmin flush-hosts'"
	case CodeTooManyUserConnections:
		e.State, e.Message = "42000", "User app already has more than 'max_user_connections' active connections"
	case CodeUserLimitReached:
		e.State, e.Message = "42000", "User 'app' has exceeded the 'max_user_connections' resource (current value: 10)"
	case CodeConnectionKilled:
		e.State, e.Message = "70100", "Connection was killed"
	case CodeSessionKilled:
		e.Message = "The session was killed"
	case CodeIdleDisconnect:
		e.Message = "The client was disconnected by the server because of inactivity. " +
			"See wait_timeout and interactive_timeout for configuring this behavior."
	default:
		return statementError(e)
	}
	return e
}

// statementError words the errors that answer statements.
func statementError(e Error) Error {
	switch e.Number {
	case CodeTableReadOnly:
		e.Message = "Table 't' is read only"
	case CodeParseError:
		e.State, e.Message = "42000", "You have an error in your SQL syntax"
	case CodeUnknownThread:
		e.Message = "Unknown thread id"
	case CodeUnknownVariable:
		e.Message = "Unknown system variable"
	case CodeLockWaitTimeout:
		e.Message = "Lock wait timeout exceeded; try restarting transaction"
	case CodeDeadlock:
		e.State, e.Message = "40001", "Deadlock found when trying to get lock; try restarting transaction"
	case CodeUnknownStatement:
		e.Message = "Unknown prepared statement handler given to EXECUTE"
	case CodeOptionPrevents:
		e.Message = "The MySQL server is running with the --read-only option so it cannot execute this statement"
	case CodeQueryInterrupted:
		e.State, e.Message = "70100", "Query execution was interrupted"
	case CodeNeedReprepare:
		e.Message = "Prepared statement needs to be re-prepared"
	case CodeReadOnlyTransaction:
		e.State, e.Message = "25006", "Cannot execute statement in a READ ONLY transaction."
	case CodeReadOnlyMode:
		e.Message = "Running in read-only mode"
	default:
		e.Message = fmt.Sprintf("error %d of the script", e.Number)
	}
	return e
}

// errorf is [NewError] with a text of its own.
func errorf(number uint16, format string, args ...any) Error {
	e := NewError(number)
	e.Message = fmt.Sprintf(format, args...)
	return e
}
