package trackertest_test

import (
	"context"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/internal/sqltext"
)

// A family is what the oracle must know of one of the two servers: how to ask it,
// and what it does of its own accord.
type family struct {
	args      []string // of its command line
	modes     sqltext.Modes
	track     map[string]string // that make it report everything
	schema    []string          // to be run behind corpus.Schema
	grants    []string          // of roles to the user who runs the statements
	variables string            // names of all session variables
	session   string            // names and values of a session's variables, asked by the session itself
	globals   string            // names and values of all global variables, as a SET takes them
	accounts  string            // a query for statements that remove the accounts made by statements
	others    []string          // queries for statements that remove what else is made, before the schemas are removed
	sequences string            // names of all sequences, empty where there are none
	inside    []ask             // what else a session is asked
	outside   []ask             // of a session, by its number, for its administrator
	written   string            // how often rows were written in all, empty where inside tells

	past          func(ctx context.Context, s *subject) (string, error)         // FOUND_ROWS() and @@warning_count
	inTransaction func(ctx context.Context, s *subject) (string, error)         // "1" if so
	touched       func(ctx context.Context, w *world, s *subject) (bool, error) // whether data, schema or accounts may have changed
	rollBackXA    func(ctx context.Context, w *world) error

	restless  map[string]bool     // variables that change by themselves, or with each statement, or differ between connections
	coupled   map[string][]string // variables that change with a variable
	explained []explanation
	reports   []announcement    // what only this family tells, or keeps to itself
	denied    []denied          // statements that show that this family's peculiarities are seen
	untried   map[string]string // beginnings of texts that cannot be tried, with the reason

	heads, tails, expressions []string // what mutations put into texts, besides what both know
}

// ask is a query for names and values, and a word that stands before the names.
type ask struct{ kind, query string }

// explanation names a surprise that is none, by a part of the text in lower case
// and of the surprise.
type explanation struct{ text, surprise, reason string }

// own returns the family of the server that this process tries.
func own() *family {
	if labtest.Kind() == lab.MySQL {
		return &mySQL
	}
	return &mariaDB
}

// classify reads a text as this family's servers do.
func classify(text string, m sqltext.Modes) sqltext.Statement {
	return sqltext.Classify(text, m|own().modes)
}
