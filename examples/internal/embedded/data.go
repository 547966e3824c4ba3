package embedded

import (
	"time"

	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/go-mysql-server/sql/types"
	"github.com/dolthub/vitess/go/mysql"
	"github.com/dolthub/vitess/go/sqltypes"
)

// databaseName is the only database; user and password of the DSN are the same word.
const databaseName = "app"

// lockWait is how long a statement waits for another client's transaction: long enough for any demonstration's
// transaction, short enough to end a self-made deadlock before its audience does.
const lockWait = 2 * time.Second

// Data holds the rows of one server, or of several that are to show the same rows. It is safe for concurrent use.
type Data struct {
	provider *memory.DbProvider
	// turn holds a token while a transaction runs. The engine commits whole tables: without it a commit, even of a
	// transaction that only read, would undo what others committed since that transaction began.
	turn chan struct{}
}

// NewData returns a database app with an empty table payments (id, note, amount).
func NewData() *Data {
	db := memory.NewDatabase(databaseName)
	db.EnablePrimaryKeyIndexes()
	provider := memory.NewDBProvider(db)

	const table = "payments"
	note := types.MustCreateStringWithDefaults(sqltypes.VarChar, 100)
	columns := sql.Schema{
		{Name: "id", Type: types.Int64, Source: table, PrimaryKey: true, AutoIncrement: true},
		{Name: "note", Type: note, Source: table, Nullable: true},
		{Name: "amount", Type: types.Int32, Source: table, Nullable: true},
	}
	db.AddTable(table, memory.NewTable(db, table, sql.NewPrimaryKeySchema(columns), db.GetForeignKeyCollection()))
	return &Data{provider: provider, turn: make(chan struct{}, 1)}
}

// take waits for the turn of a client; it gives up with MySQL's own error, or when the client is killed.
func (d *Data) take(killed <-chan struct{}) error {
	select {
	case d.turn <- struct{}{}:
		return nil
	default:
	}
	limit := time.NewTimer(lockWait)
	defer limit.Stop()
	select {
	case d.turn <- struct{}{}:
		return nil
	case <-killed:
		return mysql.NewSQLError(mysql.ERServerShutdown, mysql.SSUnknownSQLState, "Connection was killed")
	case <-limit.C:
		return mysql.NewSQLError(mysql.ERLockWaitTimeout, mysql.SSUnknownSQLState,
			"Lock wait timeout exceeded; try restarting transaction")
	}
}

func (d *Data) pass() { <-d.turn }
