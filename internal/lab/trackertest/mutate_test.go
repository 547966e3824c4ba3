package trackertest_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// token cuts a text roughly into the pieces that a mutation moves about: strings,
// names, comments' ends, words, numbers, white space, single signs.
var token = regexp.MustCompile("(?s)'[^']*'|\"[^\"]*\"|`[^`]*`|/\\*[!M]*[0-9]*|\\*/|--|:=|@@?|[A-Za-z0-9_$]+|\\s+|.")

var (
	literal = regexp.MustCompile(`^([0-9]+|'.*')$`)
	space   = regexp.MustCompile(`^\s+$`)
)

// What mutations put in. Half of these are meant to stay good SQL: a text that the
// server refuses proves nothing.
var (
	// for a literal
	expressions = []string{
		"@x", "@x := 1", "(@x := 1)", "@'x' := 2", "@`x` := 3", "@@sql_mode", "@@session.time_zone", "@@global.time_zone", "GET_LOCK('a', 0)", "get_lock ('a',0)",
		"RELEASE_ALL_LOCKS()", "LAST_INSERT_ID(5)", "LAST_INSERT_ID ( 5 )", "(SELECT 1)", "(SELECT a FROM t LIMIT 1)",
		"f(1)", "corpus.f(1)", "/*! @x := */ 1", "/*!50000 @x := */ 1", "/*M! @x := */ 1", "/*M!100000 @x := */ 1", "/*!99999 @x := */ 1", "/* @x := */ 1", "-- @x :=\n1",
		"'it''s' '@x'", "\"a\"\"b\"", "'a\\'b'", "_utf8'@x'", "N'a'", "x'41'", "0x41", "1.5e3", "-1", ".5", "NULL", "DEFAULT", "TRUE", "{d '2020-01-01'}", "CAST('x' AS SIGNED)",
	}
	// for white space
	spaces = []string{"/**/", "/* @x := 1 */", "\t", "\n", "\v", "\f", "\r\n", "-- x\n", "--\n", "#x\n", " /* ' */ ", " /*!*/ ", " /*! */ ", " /*!50000 */ ", "/*M!*/", " -- '\n"}
	// at the end
	tails = []string{
		";", " ;", " -- x", " /* x", " # '", "; SET @x = 1", ";SET @x = 1", " -- \n; SET @x = 1", "/*! ; SET @x = 1 */", " INTO @x", " LIMIT 1 INTO @x", " FOR UPDATE", " LOCK IN SHARE MODE",
		" AND CHAIN", " RELEASE", ", @x = 1", ", time_zone = '+01:00'", ", @@session.time_zone = '+01:00'", ", GLOBAL sql_mode = ''", ", autocommit = 0", " UNION SELECT @x := 1",
		" UNION SELECT GET_LOCK('a', 0)", " WITH READ LOCK", " FOR EXPORT", " WHERE @x := 1",
	}
	// at the beginning
	heads = []string{
		"/*! */", "/* x */", "-- x\n", "#\n", "(", "EXPLAIN ", "DESCRIBE ", "WITH x AS (SELECT 1) ",
		"PREPARE p FROM ", "SELECT 1; ", "; ", "DO ", "CREATE TEMPORARY TABLE z AS ", "CREATE TABLE z AS ", "INSERT INTO counter (n) ", "x: ", "\xef\xbb\xbf",
	}
	// anywhere
	spices = []string{
		"/*", "*/", "/*!", "/*!50000", "/*M!", "/*+", "--", "#", "\\", "'", "\"", "`", ";", "@", "@@", ":=", "(", ")", ",", ".", "\x00", "\u00a0",
		"/*!80000", "/*!90705 ", "/*!99999", "/*!0", "$$", "$a$", "->", "N'", "_utf8'", "x'", "b'", "0x", "@`", "@@`", ".", "1e", "{d '", "\\N",
		" SQL_CALC_FOUND_ROWS ", " TEMPORARY ", " SESSION ", " GLOBAL ", " LOCAL ", " DISTINCT ", " NULL ", " READ ", " WORK ", " STATEMENT ",
	}
)

// mutate returns the text changed at one to three places, by what seed says. Seed
// 0 changes nothing.
func mutate(text string, seed uint64, tokens []string) string {
	if seed == 0 {
		return text
	}
	r := rand.New(rand.NewPCG(seed, uint64(len(text))))
	pieces := token.FindAllString(text, -1)
	for range 1 + r.IntN(3) {
		pieces = mutateOnce(r, pieces, tokens)
	}
	return strings.Join(pieces, "")
}

func mutateOnce(r *rand.Rand, pieces, tokens []string) []string {
	at := r.IntN(len(pieces) + 1)
	end := min(len(pieces), at+r.IntN(3))
	from := r.IntN(len(tokens))
	switch r.IntN(12) {
	case 0, 1, 2:
		return replaceOne(r, pieces, literal, slices.Concat(expressions, own().expressions))
	case 3:
		return replaceOne(r, pieces, space, spaces)
	case 4, 5:
		return append(slices.Clone(pieces), oneOf(r, tails, own().tails))
	case 6:
		return slices.Insert(slices.Clone(pieces), 0, oneOf(r, heads, own().heads))
	case 7:
		return slices.Insert(slices.Clone(pieces), at, spices[r.IntN(len(spices))])
	case 8: // hide some pieces in a comment that is code, or show them
		return slices.Insert(slices.Insert(slices.Clone(pieces), end, " */"), at, "/*! ")
	case 9: // cut out
		return slices.Delete(slices.Clone(pieces), at, end)
	case 10: // twice
		return slices.Insert(slices.Clone(pieces), end, slices.Clone(pieces[at:end])...)
	default: // from another text
		return slices.Insert(slices.Clone(pieces), at, slices.Clone(tokens[from:min(len(tokens), from+1+r.IntN(5))])...)
	}
}

func oneOf(r *rand.Rand, lists ...[]string) string {
	all := slices.Concat(lists...)
	return all[r.IntN(len(all))]
}

// replaceOne replaces one of the pieces of a kind.
func replaceOne(r *rand.Rand, pieces []string, kind *regexp.Regexp, by []string) []string {
	var places []int
	for i, p := range pieces {
		if kind.MatchString(p) {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		return pieces
	}
	out := slices.Clone(pieces)
	out[places[r.IntN(len(places))]] = by[r.IntN(len(by))]
	return out
}
