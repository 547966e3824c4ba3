// Package parser has only tests: what TiDB's parser, which builds a whole tree, makes of the texts that package sqltext classifies by
// their words. Where TiDB can parse a text the two must agree, or the difference is named with its reason.
//
// TiDB knows MySQL's dialect and little of MariaDB's. It says nothing about which variables may be replayed, and knows no function by
// what it does, so there its opinion leaves room.
package parser
