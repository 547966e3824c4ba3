package embedded

import (
	"errors"
	"strings"

	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"
)

// errRefused is what a server with read_only=1 answers to a write.
func errRefused() error {
	return mysql.NewSQLError(mysql.EROptionPreventsStatement, mysql.SSUnknownSQLState,
		"The MySQL server is running with the --read-only option so it cannot execute this statement")
}

func isRefused(err error) bool {
	refused, ok := errors.AsType[*mysql.SQLError](err)
	return ok && refused.Num == mysql.EROptionPreventsStatement
}

// asMySQL gives errors that clients branch on the number a MySQL server gives them; the engine numbers both 1105.
// They reach this place as text only.
func asMySQL(err error) error {
	engine, ok := errors.AsType[*mysql.SQLError](err)
	switch {
	case !ok || engine.Num != mysql.ERUnknownError:
		return err
	case engine.Message == sql.ErrReadOnly.New().Error():
		return errRefused()
	case strings.HasPrefix(engine.Message, "Unknown system variable"):
		return mysql.NewSQLError(mysql.ERUnknownSystemVariable, mysql.SSUnknownSQLState, "%s", engine.Message)
	}
	return err
}
