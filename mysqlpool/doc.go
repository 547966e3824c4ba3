// Package mysqlpool pools connections to MySQL, MariaDB, Aurora and RDS that are fit to use: alive, of the wanted role, not
// too old.
//
// [Open] returns a *sql.DB, for any ORM, whose connections are cheap sessions over a bounded number of real ones, the backends:
//
//	db, err := mysqlpool.Open(ctx, "app:secret@tcp(db:3306)/shop?parseTime=true",
//		mysqlpool.WithServiceName("payments"), mysqlpool.WithRole(mysqlpool.Primary), weir.WithMaxOpen(32))
//
// [New] lends the connections themselves, opened from a DSN, [Wrap] those of a *sql.DB that exists. Either way a lease is a *sql.Conn:
//
//	pool, err := mysqlpool.New(ctx, "app:secret@tcp(db:3306)/shop", weir.WithMaxOpen(32))
//	...
//	err = pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
//		_, err := conn.ExecContext(ctx, "UPDATE accounts SET balance = balance - ? WHERE id = ?", 5, 7)
//		return err
//	})
//
// The options of package weir and those of this package go into one list.
//
// # How a connection is judged
//
// At every acquire the driver looks at its socket, without a round trip: it sees a connection that the server closed,
// reset or killed. A connection that has not been checked inside weir's check window, and each idle one from time to time, is asked
// one query, with a deadline of its own:
//
//	/* payments Health Check */ SELECT 1, @@innodb_read_only, @@read_only, @@super_read_only
//
// The variables are there when a role is wanted, the last one where the server knows it. A new connection is asked one query for its
// role and all else that the pool needs to know: an open takes one round trip more than the driver's own, the very first one of [Open]
// three. A connection with the wrong role is retired, and so is every other one opened before that was noticed; callers go on
// waiting, until MaxWait, for one with the right role. What statements answer counts too, if the pool hears of it, through Pool.Do or Lease.Finish: after a write that
// was refused as on a replica no connection is lent before it has been asked for its role.
//
// # Sessions
//
// A session of [Open] is what it has set, and at times a backend: in [TransactionMode] for one statement or one transaction, in
// [SessionMode] until database/sql takes it back, which is called check-in. Whether a transaction is open is known from the
// flags that the server sends with its answers.
//
// Before each statement its text is read, by a lexer, for what it may leave behind. The default database, the character sets and
// listed variables are remembered and given to each backend that the session borrows; anything else pins the session to its backend until it
// is checked in, for a [PinReason]. What the text does not show, the work of stored functions and triggers, is not seen, but for
// LAST_INSERT_ID() and LASTVAL(): see [WithSearchEvery].
//
//	what a session has                    where it goes
//	default database, SET NAMES ...,      with it, to every backend; taken back at check-in
//	listed variables set to literals
//	an open transaction                   holds the backend until its end; rolled back at check-in
//	user variables, temporary tables,     pin the backend; gone at check-in, by a reset
//	locks, prepared names ...
//	LAST_INSERT_ID()                      with it, if it is known; otherwise asked where it was left, or a [*StickyError]
//	ROW_COUNT(), FOUND_ROWS(), warnings,  stay on the backend: asked there, or a [*StickyError]
//	LASTVAL()
//	prepared statements                   none: texts are prepared on each backend where they are used, and kept there
//
// What is known of go-sql-driver beyond what it exports is in one file. Its status flags are proved on the first
// connection, resets over its network connection by the first that is needed. Without the flags a session keeps its backend until it is
// checked in; without resets, or where the server has an init_connect, a backend that was pinned is closed.
//
// # What is not done
//
// A borrower of [New] and [Wrap] gets the session as the last one left it, unless [WithReset] is given: variables, locks and temporary tables
// are not reset. A transaction left open is rolled back; where others have wrapped the driver one begun by a text, BEGIN, is not seen. A
// statement of theirs whose context ends goes on running on the server.
//
// # Which servers
//
// All of it is tested on MariaDB 10.11 and MySQL 9.7. The README lists where the two differ and what this package does about it. Older
// versions were not tried, nor were Aurora and RDS: what is there for them follows their documentation.
package mysqlpool
