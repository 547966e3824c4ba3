package embedded

import "github.com/dolthub/go-mysql-server/sql"

// inTransaction reports whether a transaction outlives the statement that just ended: one the client began, or any
// while its autocommit is off.
func (cl *client) inTransaction() bool {
	if cl.session == nil || cl.session.GetTransaction() == nil {
		return false
	}
	if cl.session.GetIgnoreAutoCommit() {
		return true
	}
	ctx := sql.NewEmptyContext()
	value, err := cl.session.GetSessionVariable(ctx, sql.AutoCommitSessionVar)
	if err != nil {
		return false
	}
	on, err := sql.ConvertToBool(ctx, value)
	return err == nil && !on
}

// endImplicit ends the transaction of a single statement, which the engine leaves open after some errors: its view
// of the tables would be committed by the next statement.
func (cl *client) endImplicit() {
	if cl.session != nil && cl.session.GetTransaction() != nil {
		cl.session.SetTransaction(nil)
	}
}
