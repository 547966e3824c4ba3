package embedded

import (
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/go-mysql-server/sql/types"
)

// identity is what a server says about itself in variables that do not change.
type identity struct {
	name           string
	maxConnections int
}

// defineVariables makes the variables that differ between servers belong to the session: the engine's registry is
// one for the whole process, so a global value could not tell two servers apart.
func defineVariables() {
	sql.SystemVariables.AddSystemVariables([]sql.SystemVariable{
		sessionVariable("read_only", types.NewSystemBoolType("read_only"), int8(0)),
		sessionVariable("super_read_only", types.NewSystemBoolType("super_read_only"), int8(0)),
		sessionVariable("innodb_read_only", types.NewSystemBoolType("innodb_read_only"), int8(0)),
		sessionVariable("hostname", types.NewSystemStringType("hostname"), ""),
		sessionVariable("max_connections",
			types.NewSystemIntType("max_connections", 1, maxMaxConnections, false), int64(DefaultMaxConnections)),
	})
}

func sessionVariable(name string, kind sql.Type, value any) sql.SystemVariable {
	return &sql.MysqlSystemVariable{
		Name:    name,
		Scope:   sql.GetMysqlScope(sql.SystemVariableScope_Session),
		Dynamic: true,
		Type:    kind,
		Default: value,
	}
}

func (id identity) show(session sql.Session) error {
	ctx := sql.NewEmptyContext()
	if err := session.SetSessionVariable(ctx, "hostname", id.name); err != nil {
		return err
	}
	return session.SetSessionVariable(ctx, "max_connections", int64(id.maxConnections))
}

func showRole(session sql.Session, role Role) error {
	value := int8(0)
	if role == Replica {
		value = 1
	}
	ctx := sql.NewEmptyContext()
	for _, name := range []string{"read_only", "super_read_only", "innodb_read_only"} {
		if err := session.SetSessionVariable(ctx, name, value); err != nil {
			return err
		}
	}
	return nil
}
