package sqltext_test

import (
	"testing"

	"github.com/weirpool/weir/internal/sqltext"
)

func TestModesOf(t *testing.T) {
	const both = sqltext.AnsiQuotes | sqltext.NoBackslashEscapes
	for mode, want := range map[string]sqltext.Modes{
		"":                                       0,
		"''":                                     0,
		"STRICT_TRANS_TABLES,NO_ZERO_DATE":       0,
		"ANSI_QUOTES":                            sqltext.AnsiQuotes,
		"'ansi_quotes'":                          sqltext.AnsiQuotes,
		`"ANSI_QUOTES"`:                          sqltext.AnsiQuotes,
		"ANSI":                                   sqltext.AnsiQuotes,
		"DB2":                                    sqltext.AnsiQuotes,
		"MAXDB":                                  sqltext.AnsiQuotes,
		"MSSQL":                                  sqltext.AnsiQuotes,
		"ORACLE":                                 sqltext.AnsiQuotes,
		"POSTGRESQL":                             sqltext.AnsiQuotes,
		"'no_backslash_escapes'":                 sqltext.NoBackslashEscapes,
		"NO_BACKSLASH_ESCAPES,ANSI_QUOTES":       both,
		"'ANSI, NO_BACKSLASH_ESCAPES ,NO_DEFER'": both,
		"NO_ANSI_QUOTES":                         0,
		"'":                                      0,
	} {
		if got := sqltext.ModesOf(mode); got != want {
			t.Errorf("ModesOf(%q): got %b, want %b", mode, got, want)
		}
	}
}
