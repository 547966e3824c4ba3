package mysqlpool

import (
	"database/sql/driver"
	"encoding/json"
)

// The kinds of arguments, as far as MySQL decides the types of a statement's parameters by them. From 8.0.22 on it gives each parameter
// a type when it prepares a statement, changes that when the statement is executed with an argument whose type does not suit, and
// converts the arguments of all later executions to it. Two executions whose arguments are of the same kinds leave the same types.
//
// NULL is a kind of its own: it leaves the type that the text implies, and where another argument makes the server choose the types
// anew it leaves another one than a string does. A string is accepted as it is, but for one that is a number where the server expects
// an integer: it may turn the parameter into a decimal. Which numbers do that depends on their form and on the version.
const (
	kindNull byte = iota + 1
	kindInt
	kindUint
	kindFloat
	kindBool
	kindText             // a string, bytes or a time: no number, or an integer of up to maxDigits digits
	kindNegative         // a string that is a number below 0
	kindFraction         // a string that is a number with a decimal point
	kindNegativeFraction // a string that is both
	kindOdd              // a string that is any other number: nobody knows what it leaves
)

// maxDigits is how many digits certainly fit an integer.
const maxDigits = 18

// appendKinds appends the kinds of the arguments. It reports whether a statement that is executed with them is fit for others with
// arguments of these kinds.
func appendKinds(kinds []byte, args []driver.NamedValue) (all []byte, known bool) {
	known = true
	for i := range args {
		k := kindOf(args[i].Value)
		known = known && k != kindOdd
		kinds = append(kinds, k)
	}
	return kinds, known
}

// kindOf is the kind of a value that go-sql-driver has converted.
func kindOf(v driver.Value) byte {
	switch v := v.(type) {
	case nil:
		return kindNull
	case int64:
		return kindInt
	case uint64:
		return kindUint
	case float64:
		return kindFloat
	case bool:
		return kindBool
	case string:
		return kindOfText(v)
	case []byte:
		return kindOfBytes(v)
	case json.RawMessage:
		return kindOfBytes(v)
	}
	return kindText // a time; the driver refuses all others
}

func kindOfBytes(v []byte) byte {
	if v == nil {
		return kindNull
	}
	return kindOfText(v)
}

func kindOfText[T string | []byte](s T) byte {
	at := skipSpace(s, 0)
	negative := at < len(s) && s[at] == '-'
	if negative || at < len(s) && s[at] == '+' {
		at++
	}
	first := at
	at = skipDigits(s, at)
	whole, digits := at-first, at-first
	fraction := at < len(s) && s[at] == '.'
	if fraction {
		begin := at + 1
		at = skipDigits(s, begin)
		digits += at - begin
	}
	if digits == 0 {
		return kindText
	}
	exponent := at < len(s) && (s[at] == 'e' || s[at] == 'E')
	if exponent {
		at++
		if at < len(s) && (s[at] == '-' || s[at] == '+') {
			at++
		}
		at = skipDigits(s, at)
	}
	nearZero := negative && (whole == 0 || s[first] == '0') // it may be rounded to 0, which is not negative
	switch {
	case skipSpace(s, at) < len(s):
		return kindText // it only begins like a number
	case exponent, digits > maxDigits, nearZero:
		return kindOdd
	case negative && fraction:
		return kindNegativeFraction
	case negative:
		return kindNegative
	case fraction:
		return kindFraction
	}
	return kindText
}

func skipSpace[T string | []byte](s T, at int) int {
	for at < len(s) && (s[at] == ' ' || '\t' <= s[at] && s[at] <= '\r') {
		at++
	}
	return at
}

func skipDigits[T string | []byte](s T, at int) int {
	for at < len(s) && '0' <= s[at] && s[at] <= '9' {
		at++
	}
	return at
}
