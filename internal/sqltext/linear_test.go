package sqltext

import (
	"strings"
	"testing"
)

// Time is linear because every token begins where the one before it ended or behind, takes at least a byte, and is made in a pass
// over its own bytes. This holds the first two for texts that are long in one respect.
func TestTokensOnlyEverGoForward(t *testing.T) {
	for _, piece := range []string{"(", ")", "a ", "a.", "@", "@@", "@x", "1.", ".5", "1e", "-", "--", "-- \n", "/", "/*", "/**/", "/*!", "/*!*/",
		"*/", "'", "''", "' ", "`", "``", "\"", "\\", "'\\", "#", "#\n", ";", "/*+ ' */", "/*+`*/", "\xff", "\xc3\xa9", "\x00", "BEGIN ", "END ", "CASE "} {
		for _, head := range []string{"", "SELECT ", "SET ", "CREATE PROCEDURE p() BEGIN ", "WITH ", "/*! ", "'", "EXPLAIN ", "SHOW COUNT "} {
			l := lexer{text: head + strings.Repeat(piece, 2000)}
			at, steps := 0, 0
			for tok := l.next(token{}); tok.kind != end; tok = l.next(tok) {
				if tok.from < at || tok.to <= tok.from && tok.kind != bad || tok.to != l.pos {
					t.Fatalf("%q, then many %q: a token from %d to %d behind %d", head, piece, tok.from, tok.to, at)
				}
				at = tok.to
				if steps++; steps > len(l.text)+1 {
					t.Fatalf("%q, then many %q: more tokens than bytes", head, piece)
				}
			}
			Classify(l.text, 0)
		}
	}
}
