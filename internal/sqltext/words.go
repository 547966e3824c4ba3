package sqltext

// A word is a keyword that means something to the classifier, or the byte of an operator.
type word uint16

const (
	other  word = 0
	wAdmin word = iota + 0xff // above all bytes
	wAfter
	wAlter
	wAnalyze
	wAnd
	wAs
	wBackup
	wBefore
	wBegin
	wCalcFoundRows
	wCall
	wCase
	wChain
	wChar
	wCharset
	wCheck
	wChecksum
	wCollate
	wCommit
	wCommitted
	wCount
	wCreate
	wDatabase
	wDeallocate
	wDeclare
	wDefault
	wDefiner
	wDelete
	wDiagnostics
	wDo
	wDrop
	wDual
	wElse
	wEnd
	wErrors
	wEvent
	wExists
	wExecute
	wExplain
	wExport
	wFlush
	wFor
	wFrom
	wFunction
	wGet
	wGlobal
	wGrant
	wGrants
	wHandler
	wHaving
	wHelp
	wIf
	wInsert
	wInstance
	wInto
	wIsolation
	wKill
	wLevel
	wLimit
	wLoad
	wLocal
	wLock
	wLoop
	wNames
	wNext
	wNo
	wNot
	wObject
	wOnly
	wOptimize
	wOr
	wPassword
	wPrepare
	wPrevious
	wProcedure
	wQualifier
	wRead
	wRecursive
	wRelease
	wRename
	wRepair
	wRepeat
	wRepeatable
	wReplace
	wResource
	wReturn
	wRevoke
	wRole
	wRollback
	wSavepoint
	wSelect
	wSerializable
	wSession
	wSet
	wShare
	wShow
	wSignal
	wStart
	wStatement
	wTable
	wTables
	wTemporary
	wThen
	wTo
	wTransaction
	wTrigger
	wTruncate
	wUncommitted
	wUnlock
	wUpdate
	wUse
	wUser
	wValue
	wValues
	wWarnings
	wWhere
	wWhile
	wWith
	wWork
	wWrite
	wXA
)

// keywords has every keyword in lower case. Words that are treated alike share a value: wAdmin is the first word of a statement
// that changes the server, wObject is what can be created, altered and dropped, wQualifier may stand before that.
var keywords = map[string]word{
	"after": wAfter, "aggregate": wQualifier, "algorithm": wQualifier, "alter": wAlter, "analyze": wAnalyze,
	"and": wAnd, "as": wAs, "backup": wBackup, "before": wBefore, "begin": wBegin, "cache": wAdmin, "call": wCall, "case": wCase,
	"chain": wChain, "change": wAdmin, "char": wChar, "character": wChar, "charset": wCharset, "check": wCheck,
	"checksum": wChecksum, "clone": wAdmin, "collate": wCollate, "commit": wCommit, "committed": wCommitted, "count": wCount, "create": wCreate,
	"database": wDatabase, "deallocate": wDeallocate, "declare": wDeclare, "default": wDefault, "definer": wDefiner,
	"delete": wDelete, "desc": wExplain, "describe": wExplain, "diagnostics": wDiagnostics, "do": wDo, "drop": wDrop, "dual": wDual,
	"else": wElse, "end": wEnd, "errors": wErrors, "event": wEvent, "execute": wExecute, "exists": wExists, "explain": wExplain,
	"export": wExport, "flush": wFlush, "for": wFor, "from": wFrom, "fulltext": wQualifier, "function": wFunction, "get": wGet,
	"global": wGlobal, "grant": wGrant, "grants": wGrants, "handler": wHandler, "having": wHaving, "help": wHelp, "if": wIf,
	"ignore": wQualifier, "import": wAdmin, "index": wObject, "insert": wInsert, "install": wAdmin,
	"instance": wInstance, "into": wInto, "invoker": wQualifier, "isolation": wIsolation, "key": wObject, "kill": wKill,
	"level": wLevel, "limit": wLimit, "load": wLoad, "local": wLocal, "lock": wLock, "logfile": wObject, "loop": wLoop,
	"merge": wQualifier, "names": wNames, "next": wNext, "no": wNo, "not": wNot, "offline": wQualifier,
	"online": wQualifier, "only": wOnly, "optimise": wOptimize, "optimize": wOptimize, "or": wOr, "password": wPassword,
	"persist": wGlobal, "persist_only": wGlobal, "prepare": wPrepare, "previous": wPrevious, "procedure": wProcedure,
	"purge": wAdmin, "read": wRead, "recursive": wRecursive, "release": wRelease, "rename": wRename, "repair": wRepair,
	"repeat": wRepeat, "repeatable": wRepeatable, "replace": wReplace, "reset": wAdmin, "resignal": wSignal, "resource": wResource,
	"restart": wAdmin, "return": wReturn, "revoke": wRevoke, "role": wRole, "rollback": wRollback,
	"savepoint": wSavepoint, "schema": wDatabase, "security": wQualifier, "select": wSelect, "sequence": wObject,
	"server": wObject, "serializable": wSerializable, "session": wSession, "set": wSet, "share": wShare, "show": wShow, "shutdown": wAdmin,
	"signal": wSignal, "spatial": wQualifier, "sql": wQualifier, "sql_calc_found_rows": wCalcFoundRows, "start": wStart,
	"statement": wStatement, "stop": wAdmin, "table": wTable, "tables": wTables, "tablespace": wObject,
	"temporary": wTemporary, "temptable": wQualifier, "then": wThen, "to": wTo, "transaction": wTransaction,
	"trigger": wTrigger, "truncate": wTruncate, "undefined": wQualifier, "undo": wQualifier, "uninstall": wAdmin,
	"unique": wQualifier, "uncommitted": wUncommitted, "unlock": wUnlock, "update": wUpdate, "use": wUse, "user": wUser, "value": wValue,
	"values": wValues, "vector": wQualifier, "view": wObject, "warnings": wWarnings, "where": wWhere, "while": wWhile, "with": wWith,
	"work": wWork, "write": wWrite, "xa": wXA,
}

const (
	longestKeyword = len("sql_calc_found_rows")
	longestWord    = 40 // of keywords, functions and variables
)

// A spelling is a keyword as the lexer looks for it.
type spelling struct {
	text string
	word word
}

// spellings has the keywords by first letter and length: most names are told apart by that, and the others faster than by a map.
var spellings = func() (by [32][longestKeyword + 1][]spelling) {
	for text, word := range keywords {
		same := &by[text[0]%32][len(text)]
		*same = append(*same, spelling{text, word})
	}
	return by
}()

// keyword returns the keyword that s is in any case, other if it is none.
func keyword(s string) word {
	if len(s) > longestKeyword {
		return other
	}
	for _, k := range spellings[s[0]%32][len(s)] {
		if k.is(s) {
			return k.word
		}
	}
	return other
}

// is reports whether s, of the same length, is k in any case.
func (k spelling) is(s string) bool {
	for i := len(s) - 1; i > 0; i-- { // keywords are letters and underscores
		if c := s[i]; c != k.text[i] && c|0x20 != k.text[i] {
			return false
		}
	}
	return s[0]|0x20 == k.text[0]
}

// lower returns s in lower case, in buf; nothing if s is too long to be known.
func lower(s string, buf *[longestWord]byte) []byte {
	if len(s) > len(buf) {
		return nil
	}
	for i := range len(s) {
		c := s[i]
		if c-'A' <= 'Z'-'A' {
			c |= 0x20
		}
		buf[i] = c
	}
	return buf[:len(s)]
}
