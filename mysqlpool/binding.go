package mysqlpool

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A binding is what a statement takes over when it is prepared, as it is on the server: the default database, and assignments for the
// rest.
type binding struct {
	schema string
	set    []string
}

// bound is the binding of a state.
func (b *backend) bound(s *state) binding {
	schema := s.defaultSchema()
	if schema == "" {
		schema = b.birth.schema
	}
	set := slices.Concat(b.birth.charset, b.spelled(s.charsets()), []string{"sql_mode = " + b.mode(s)})
	return binding{schema, set}
}

// boundNow asks the server. Bytes come as they are, whatever the character set of results is.
func (b *backend) boundNow(ctx context.Context) (binding, error) {
	row, err := b.ask(ctx, "SELECT BINARY DATABASE(), BINARY @@sql_mode, BINARY @@character_set_client, BINARY @@character_set_results, "+
		"BINARY @@collation_connection LIMIT 1")
	if err == nil && len(row) != 5 {
		err = fmt.Errorf("mysqlpool: asking for settings: %d columns", len(row))
	}
	if err != nil {
		return binding{}, err
	}
	charset := charsetOf(b.birth.charset[0], row[2:])
	if !slices.Equal(charset, b.birth.charset) {
		client, collation := row[2].String, row[4].String
		charset = charsetOf("NAMES "+client, row[2:])
		if strings.HasPrefix(collation, client+"_") {
			charset[0] += " COLLATE " + collation
		}
	}
	return binding{row[0].String, append(slices.Clip(charset), "sql_mode = "+quoteString(row[1].String))}, nil
}

// bind leads from one binding to another.
func (b *backend) bind(ctx context.Context, from, to binding) error {
	if from.schema != to.schema {
		if err := b.run(ctx, "USE "+quoteName(to.schema)); err != nil {
			return err
		}
	}
	if slices.Equal(from.set, to.set) {
		return nil
	}
	return b.run(ctx, "SET "+strings.Join(to.set, ", "))
}

// prepareStrange prepares a text where nobody knows the settings any more, under those that it was prepared by name under. The backend
// gets back what it had.
func (b *backend) prepareStrange(ctx context.Context, c *call, key statementKey) (*statement, error) {
	cannot := fmt.Errorf("mysqlpool: %q was prepared under other settings, which cannot be had on the pinned backend: prepare it again", b.shown(c.text))
	if key.bound != c.bind.prepares() { // it was prepared by name after that
		return nil, cannot
	}
	now, err := b.boundNow(ctx)
	if err != nil {
		return nil, err
	}
	then := b.bound(c.bind)
	switch {
	case then.schema == "":
		then.schema = now.schema // what was prepared without a default database names its own
	case now.schema == "":
		return nil, cannot // nothing takes it away again
	}
	s := (*statement)(nil)
	if err = b.bind(ctx, now, then); err == nil {
		s, err = b.prepare(ctx, key)
	}
	if back := b.bind(ctx, then, now); back != nil {
		b.spoilt = true
		return nil, back
	}
	return s, err
}
