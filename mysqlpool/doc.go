// Package mysqlpool pools connections to MySQL, MariaDB, Aurora and RDS that are fit to use: alive, of the wanted role, not
// too old.
//
// [New] opens connections from a DSN, [Wrap] pools those of a *sql.DB that exists. Either way a lease is a *sql.Conn:
//
//	pool, err := mysqlpool.New(ctx, "app:secret@tcp(db:3306)/shop",
//		mysqlpool.WithServiceName("payments"), mysqlpool.WithRole(mysqlpool.Primary), weir.WithMaxOpen(32))
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
// reset or killed. A connection that has not been checked inside weir's check window, one that was just opened, and each
// idle one from time to time, is asked one query, with a deadline of its own:
//
//	/* payments Health Check */ SELECT 1, @@innodb_read_only, @@read_only, @@super_read_only
//
// The variables are there when a role is wanted, the last one where the server knows it. A connection with the wrong role is
// retired, and so is every other one opened before that was noticed; callers go on waiting, until MaxWait, for one with
// the right role. What statements answer counts too, if the pool hears of it, through Pool.Do or Lease.Finish: after a write that
// was refused as on a replica no connection is lent before it has been asked for its role.
//
// # What is not done
//
// A borrower gets the session as the last one left it: variables, locks and temporary tables are not reset, and a
// transaction left open stays open. A statement whose context ends goes on running on the server.
package mysqlpool
