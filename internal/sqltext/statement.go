package sqltext

// A Kind is what a statement does, as far as the holder of a connection is concerned.
type Kind uint8

const (
	// Read changes nothing and leaves nothing; it may be run once more on another connection.
	Read Kind = iota
	// Share changes data, the schema or the server, and leaves nothing in the session but what [Sticky] names.
	Share
	// Begin starts a transaction.
	Begin
	// Commit commits the whole transaction, also with AND CHAIN or RELEASE.
	Commit
	// Rollback rolls the whole transaction back, also with AND CHAIN or RELEASE.
	Rollback
	// Savepoint sets, releases or rolls back to a savepoint.
	Savepoint
	// Set assigns literals to session variables that can be replayed; they are in the Changes.
	Set
	// Use changes the default database to Schema.
	Use
	// Pins ties the session to its connection, for the reason in Pin.
	Pins
	kinds // how many there are
)

// String returns the kind in lower-case words.
func (k Kind) String() string {
	names := [...]string{"read", "share", "begin", "commit", "rollback", "savepoint", "set", "use", "pins"}
	if int(k) < len(names) {
		return names[k]
	}
	return "kind?"
}

// A Pin is the reason why a session must keep its connection. It is [NoPin] unless the kind is [Pins].
type Pin uint8

const (
	// NoPin: the statement does not pin.
	NoPin Pin = iota
	// UserVariable: the text reads or sets a user variable.
	UserVariable
	// TemporaryTable: the statement creates or drops a temporary table or sequence.
	TemporaryTable
	// LockTables: the statement takes or frees locks on tables, on the instance, or for a backup.
	LockTables
	// FlushTables: FLUSH TABLES ... WITH READ LOCK or FOR EXPORT.
	FlushTables
	// GetLock: a function takes or frees named locks.
	GetLock
	// TextPrepare: PREPARE, EXECUTE or DEALLOCATE PREPARE.
	TextPrepare
	// Handler: HANDLER.
	Handler
	// XA: a statement of a distributed transaction.
	XA
	// Call: CALL; a procedure may do anything.
	Call
	// MultiStatement: the text holds more than one statement.
	MultiStatement
	// CalcFoundRows: SQL_CALC_FOUND_ROWS; FOUND_ROWS() is to follow.
	CalcFoundRows
	// NextTransaction: SET TRANSACTION for the next transaction only.
	NextTransaction
	// AutocommitOff: SET autocommit = 0.
	AutocommitOff
	// UnlistedSet: a SET of a variable that is not replayed, of another scope, or to a value that is not a literal.
	UnlistedSet
	// UnsafeCharset: the client's character set is set to one in which texts can't be read safely.
	UnsafeCharset
	// Unknown: the text was not understood, or it may do anything.
	Unknown
	pins // how many there are
)

// PinCount is the number of values of [Pin], with NoPin.
const PinCount = int(pins)

// String returns the reason in lower-case words, "none" for NoPin.
func (p Pin) String() string {
	names := [...]string{"none", "user variable", "temporary table", "lock tables", "flush tables", "named lock", "text prepare",
		"handler", "xa transaction", "call", "multi statement", "calc found rows", "next transaction", "autocommit off",
		"unlisted set", "unsafe charset", "unknown statement"}
	if int(p) < len(names) {
		return names[p]
	}
	return "pin?"
}

// Sticky is a set of things that belong to the connection an earlier statement ran on.
type Sticky uint8

const (
	// LastInsertID: LAST_INSERT_ID() without an argument.
	LastInsertID Sticky = 1 << iota
	// RowCount: ROW_COUNT().
	RowCount
	// FoundRows: FOUND_ROWS().
	FoundRows
	// Warnings: SHOW WARNINGS, SHOW ERRORS, GET DIAGNOSTICS, @@warning_count, @@error_count.
	Warnings
	// Identity: @@identity and @@last_insert_id.
	Identity
	// LastValue: what a sequence or the log last gave this connection: LASTVAL(), PREVIOUS VALUE FOR, @@last_gtid.
	LastValue
)

// Has reports whether s and other have something in common.
func (s Sticky) Has(other Sticky) bool { return s&other != 0 }

// A Reach says how far the effects of a statement can go. What an engine without transactions stores is not thought of.
type Reach uint8

const (
	// ReachAny: it may commit, or change what no rollback takes back.
	ReachAny Reach = iota
	// ReachTransaction: it may change rows, and ends no transaction: what it did in one is rolled back with it.
	ReachTransaction
	// ReachSession: nothing of it outlives the connection. It may lock rows, and change settings.
	ReachSession
)

// A Change is one assignment of a SET that can be replayed on another connection.
type Change struct {
	// Name is in lower case; variables with two names have one here: "transaction_isolation" and "transaction_read_only" also
	// stand for tx_isolation and tx_read_only. "names" is SET NAMES and "character set" is SET CHARACTER SET: they are
	// replayed in their own form, without "=".
	Name string
	// Value is the literal as the text has it, a string always in single quotes. For "names" it is what follows NAMES.
	Value string
}

// A Statement is what is known of a text.
type Statement struct {
	Kind  Kind
	Pin   Pin // NoPin unless Kind is Pins
	Reach Reach
	// Sticky is what the text asks for of earlier statements of the same connection.
	Sticky Sticky
	// Leaves is what of Sticky's kinds the statement may set for later statements. It may also leave it as it was: an INSERT
	// into a table without AUTO_INCREMENT does not touch LAST_INSERT_ID().
	Leaves Sticky
	// Says: if the answer names no number, the statement has left LAST_INSERT_ID() as it was.
	Says bool
	// Bare: it is a SELECT of expressions of the server's own: it meets no table, view, trigger or stored routine.
	Bare bool
	// Variables: the text lists session variables, and LAST_INSERT_ID()'s may be among them: SHOW VARIABLES.
	Variables bool
	// Mentions is what a definition of a view, a trigger, a routine or a default asks for when it is used: of [LastInsertID],
	// [Identity] and [LastValue] those that are in it.
	Mentions Sticky
	// Chains: a Commit or Rollback that begins the next transaction.
	Chains bool
	// ReadOnly: a Begin of a READ ONLY transaction.
	ReadOnly bool
	// OwnWarnings: unless it fails, the warnings of the statement certainly take the place of those before it, even if it has
	// none. Servers let those before stand unless a statement uses a table.
	OwnWarnings bool
	// OwnFoundRows: what FOUND_ROWS() counts then are certainly rows of the statement, if it returns any: those that it returns, or
	// of EXPLAIN ANALYZE those that it explains.
	OwnFoundRows bool
	// Opaque: after the statement the default database, the character set or sql_mode of the connection may be another than
	// before, and the text does not tell which. Statements prepared before must not be used any more.
	Opaque bool
	// Several: the text holds another statement behind the first.
	Several bool
	// Taints: the statement may leave on the connection what resetting it does not take away: XA, SET profiling, and SET RESOURCE GROUP.
	Taints bool
	// Loads: LOAD DATA or LOAD XML, for which the driver may read what the client's side has.
	Loads bool
	// Changes are the assignments of a Set in the order of the text; nil for other kinds.
	Changes []Change
	// Schema is the unquoted database of a Use, or the one that a Share drops. A session that drops its default database has
	// none from then on, which the text can't tell.
	Schema string
	// Sequence is, as the text has it, the one sequence of which the statement certainly takes a value, unless it fails; or
	// the one whose last value it asks for. It is empty where the text names several, or does both.
	Sequence string
}

// Recalls reports whether s asks for the last value of just that sequence of which before certainly took one.
func (s *Statement) Recalls(before *Statement) bool {
	return s.Sticky.Has(LastValue) && s.Sequence != "" && s.Sequence == before.Sequence && before.Leaves.Has(LastValue)
}
