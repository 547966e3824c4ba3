package parser_test

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"github.com/weirpool/weir/internal/sqltext"
)

// anySticky is no opinion on what is asked of the previous statement.
const anySticky = ^sqltext.Sticky(0)

// An opinion is what TiDB's tree leaves sqltext to choose from.
type opinion struct {
	kinds  []sqltext.Kind
	pins   []sqltext.Pin // the reasons seen; none: any will do
	sticky sqltext.Sticky
	names  []string // the variables of a SET, in order
	schema string   // of a USE
}

func may(kinds ...sqltext.Kind) opinion { return opinion{kinds: kinds} }

func mustPin(reasons ...sqltext.Pin) opinion {
	return opinion{kinds: []sqltext.Kind{sqltext.Pins}, pins: reasons}
}

// opine reads the tree of one text.
func opine(statements []ast.StmtNode) opinion {
	var f facts
	for _, s := range statements {
		s.Accept(&f)
	}
	var o opinion
	switch {
	case len(statements) > 1:
		o = mustPin() // for that or for what is in it
	case len(statements) == 0:
		o = may(sqltext.Pins, sqltext.Read, sqltext.Share) // nothing but a comment
	default:
		o = opineOne(statements[0], f)
	}
	if len(f.pins) > 0 {
		o.kinds, o.pins = []sqltext.Kind{sqltext.Pins}, append(o.pins, f.pins...)
	}
	if o.sticky = f.sticky; len(statements) > 1 {
		o.sticky = anySticky // a later one may ask for what an earlier one leaves
	}
	return o
}

func opineOne(statement ast.StmtNode, f facts) opinion {
	switch s := statement.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt:
		return f.query()
	case *ast.ShowStmt, *ast.HelpStmt, *ast.ExplainForStmt:
		return f.read()
	case *ast.ExplainStmt:
		return opineExplain(s, f)
	case *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt, *ast.LoadDataStmt, *ast.DoStmt:
		return may(sqltext.Share)
	case *ast.BeginStmt:
		return may(sqltext.Begin)
	case *ast.CommitStmt:
		return may(sqltext.Commit)
	case *ast.RollbackStmt:
		if s.SavepointName != "" {
			return may(sqltext.Savepoint)
		}
		return may(sqltext.Rollback)
	case *ast.SavepointStmt, *ast.ReleaseSavepointStmt:
		return may(sqltext.Savepoint)
	case *ast.UseStmt:
		o := may(sqltext.Use)
		o.schema = s.DBName
		return o
	case *ast.SetStmt:
		return opineSet(s)
	}
	return opineRarer(statement)
}

func opineRarer(statement ast.StmtNode) opinion {
	switch s := statement.(type) {
	case *ast.PrepareStmt, *ast.ExecuteStmt, *ast.DeallocateStmt:
		return mustPin(sqltext.TextPrepare)
	case *ast.CallStmt:
		return mustPin(sqltext.Call)
	case *ast.LockTablesStmt, *ast.UnlockTablesStmt:
		return mustPin(sqltext.LockTables)
	case *ast.SetPwdStmt, *ast.SetRoleStmt, *ast.SetDefaultRoleStmt, *ast.SetConfigStmt, *ast.SetSessionStatesStmt, *ast.SetResourceGroupStmt:
		return mustPin(sqltext.UnlistedSet, sqltext.Unknown)
	case *ast.BRIEStmt, *ast.TrafficStmt:
		return may(sqltext.Read, sqltext.Share, sqltext.Pins) // TiDB's own; some of them are a SHOW
	case *ast.FlushStmt:
		if s.Tp == ast.FlushTables && s.ReadLock {
			return mustPin(sqltext.FlushTables)
		}
	case *ast.CreateTableStmt:
		if s.TemporaryKeyword != ast.TemporaryNone {
			return mustPin(sqltext.TemporaryTable)
		}
	case *ast.DropTableStmt:
		if s.TemporaryKeyword != ast.TemporaryNone {
			return mustPin(sqltext.TemporaryTable)
		}
	}
	return may(sqltext.Share)
}

func opineExplain(s *ast.ExplainStmt, f facts) opinion {
	switch s.Stmt.(type) {
	case *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt:
		if s.Analyze {
			return may(sqltext.Share)
		}
	}
	if s.Analyze {
		return f.query()
	}
	return may(sqltext.Read)
}

// opineSet knows what is assigned and whether it is a literal, not which variables may be replayed.
func opineSet(s *ast.SetStmt) opinion {
	o := may(sqltext.Set, sqltext.Pins)
	for _, v := range s.Variables {
		name := strings.ToLower(v.Name)
		o.names = append(o.names, name)
		switch {
		case !v.IsSystem && v.Name != ast.SetNames && v.Name != ast.SetCharset:
			o.pins = append(o.pins, sqltext.UserVariable)
		case v.IsGlobal, v.IsInstance, !literal(v.Value):
			o.pins = append(o.pins, sqltext.UnlistedSet)
		case strings.HasSuffix(name, "_one_shot"):
			o.pins = append(o.pins, sqltext.NextTransaction)
		case name == "autocommit" && isOff(v.Value):
			o.pins = append(o.pins, sqltext.AutocommitOff)
		}
	}
	if len(o.pins) > 0 {
		o.kinds = []sqltext.Kind{sqltext.Pins}
	}
	return o
}

// literal tells whether the value does not depend on when and where it is computed. A bare word such as ON looks like a column.
func literal(value ast.ExprNode) bool {
	switch e := value.(type) {
	case nil, ast.ValueExpr, *ast.DefaultExpr, *ast.ColumnNameExpr:
		return true
	case *ast.UnaryOperationExpr:
		return literal(e.V)
	}
	return false
}

func isOff(value ast.ExprNode) bool {
	switch e := value.(type) {
	case *ast.ColumnNameExpr:
		return e.Name.Name.L == "off" || e.Name.Name.L == "false"
	case ast.ValueExpr:
		return e.GetString() == "off" || e.GetString() == "OFF" || e.GetValue() == int64(0) || e.GetValue() == uint64(0)
	}
	return false
}

// facts are what the nodes of a tree tell wherever they stand.
type facts struct {
	pins   []sqltext.Pin
	sticky sqltext.Sticky
	calls  bool // functions
	locks  bool
	into   bool
	counts bool // a call that counts or takes its time, and must not be repeated
}

// query is for what reads, unless something in it says otherwise.
func (f *facts) query() opinion {
	if f.into || f.locks || f.counts {
		return may(sqltext.Share)
	}
	return f.read()
}

func (f *facts) read() opinion {
	if f.calls {
		return may(sqltext.Read, sqltext.Share)
	}
	return may(sqltext.Read)
}

// Enter implements ast.Visitor.
func (f *facts) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.VariableExpr:
		f.variable(n)
	case *ast.FuncCallExpr:
		f.call(n)
	case *ast.SelectStmt:
		f.locks = f.locks || n.LockInfo != nil && n.LockInfo.LockType != ast.SelectLockNone
		f.into = f.into || n.SelectIntoOpt != nil
		if n.SelectStmtOpts != nil && n.SelectStmtOpts.CalcFoundRows {
			f.pins = append(f.pins, sqltext.CalcFoundRows)
		}
	case *ast.ShowStmt:
		if n.Tp == ast.ShowWarnings || n.Tp == ast.ShowErrors {
			f.sticky |= sqltext.Warnings
		}
	}
	return n, false
}

// Leave implements ast.Visitor.
func (f *facts) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func (f *facts) variable(v *ast.VariableExpr) {
	if !v.IsSystem {
		f.pins = append(f.pins, sqltext.UserVariable)
		return
	}
	switch v.Name {
	case "identity", "last_insert_id":
		f.sticky |= sqltext.Identity
	case "warning_count", "error_count":
		f.sticky |= sqltext.Warnings
	case "last_gtid":
		f.sticky |= sqltext.LastValue
	}
}

func (f *facts) call(c *ast.FuncCallExpr) {
	f.calls = true
	switch name := c.FnName.L; name {
	case "get_lock", "release_lock", "release_all_locks", "service_get_read_locks", "service_get_write_locks", "service_release_locks",
		"version_tokens_lock_shared", "version_tokens_lock_exclusive", "version_tokens_unlock":
		f.pins = append(f.pins, sqltext.GetLock)
	case "last_insert_id":
		if len(c.Args) == 0 {
			f.sticky |= sqltext.LastInsertID
		}
	case "row_count":
		f.sticky |= sqltext.RowCount
	case "found_rows":
		f.sticky |= sqltext.FoundRows
	case "lastval":
		f.sticky |= sqltext.LastValue
	default:
		f.counts = f.counts || slices.Contains([]string{"nextval", "setval", "sleep", "benchmark", "uuid_short"}, name)
	}
}
