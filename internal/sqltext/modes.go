package sqltext

import "strings"

// Modes tell how a text is read: the parts of sql_mode that change how it is cut into words, and whose server reads it.
type Modes uint8

const (
	// NoBackslashEscapes: a backslash in a string is a backslash.
	NoBackslashEscapes Modes = 1 << iota
	// AnsiQuotes: double quotes enclose names, not strings.
	AnsiQuotes
	// MySQL: the server is one of MySQL's, else it is one of MariaDB's. Each has functions of its own, and by the name of one that is
	// the other's there may be a stored function.
	MySQL
)

// With returns the modes in a value of sql_mode, as [ModesOf] does, for the server that m is for.
func (m Modes) With(sqlMode string) Modes { return ModesOf(sqlMode) | m&MySQL }

// Of returns m for the server that other is for.
func (m Modes) Of(other Modes) Modes { return m&^MySQL | other&MySQL }

// ModesOf returns the modes in a value of sql_mode: of @@sql_mode or of a literal with its quotes. The modes that stand for
// several others (ANSI, DB2, MAXDB, MSSQL, ORACLE, POSTGRESQL) count as ANSI_QUOTES. Names it does not know count as nothing.
func ModesOf(sqlMode string) Modes {
	var m Modes
	eachMode(sqlMode, func(name string) bool {
		switch name {
		case "NO_BACKSLASH_ESCAPES":
			m |= NoBackslashEscapes
		case "ANSI_QUOTES", "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL":
			m |= AnsiQuotes
		}
		return true
	})
	return m
}

// knownModes reports whether every mode in the literal is one under which texts are read as this package reads them. ORACLE
// brings another grammar and MSSQL names in brackets, on MariaDB.
func knownModes(sqlMode string) bool {
	known := true
	eachMode(sqlMode, func(name string) bool {
		switch name {
		case "", "ALLOW_INVALID_DATES", "ANSI", "ANSI_QUOTES", "ERROR_FOR_DIVISION_BY_ZERO", "HIGH_NOT_PRECEDENCE", "IGNORE_SPACE",
			"NO_AUTO_CREATE_USER", "NO_AUTO_VALUE_ON_ZERO", "NO_BACKSLASH_ESCAPES", "NO_DIR_IN_CREATE", "NO_ENGINE_SUBSTITUTION",
			"NO_FIELD_OPTIONS", "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS", "NO_UNSIGNED_SUBTRACTION", "NO_ZERO_DATE", "NO_ZERO_IN_DATE",
			"ONLY_FULL_GROUP_BY", "PAD_CHAR_TO_FULL_LENGTH", "PIPES_AS_CONCAT", "REAL_AS_FLOAT", "STRICT_ALL_TABLES",
			"STRICT_TRANS_TABLES", "TIME_ROUND_FRACTIONAL", "TIME_TRUNCATE_FRACTIONAL", "TRADITIONAL":
		default:
			known = false
		}
		return known
	})
	return known
}

// eachMode gives yield the names of a list of modes, in upper case, until it returns false.
func eachMode(list string, yield func(name string) bool) {
	if n := len(list); n >= 2 && (list[0] == '\'' || list[0] == '"') && list[n-1] == list[0] {
		list = list[1 : n-1]
	}
	for name := range strings.SplitSeq(list, ",") {
		if !yield(strings.ToUpper(strings.TrimSpace(name))) {
			return
		}
	}
}
