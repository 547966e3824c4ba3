package mysqlpool

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/weirpool/weir/internal/sqltext"
)

// The character sets of a session hang together, and character_set_client has a part that no variable shows: a collation, which
// arguments of prepared statements have. SET NAMES x COLLATE y and the handshake set it to theirs, an assignment to
// character_set_client to the default of the character set.

const (
	setNames        = "names"         // SET NAMES
	setCharacterSet = "character set" // SET CHARACTER SET
)

// namesVariables are what SET NAMES and SET CHARACTER SET set.
var namesVariables = []string{"character_set_client", "character_set_results", "character_set_connection", "collation_connection"}

// twins set each other.
var twins = map[string]string{
	"character_set_connection": "collation_connection", "collation_connection": "character_set_connection",
	"character_set_database": "collation_database", "collation_database": "character_set_database",
	"character_set_server": "collation_server", "collation_server": "character_set_server",
}

// ofCharset reports whether a variable is one of those that hang together: they are repeated in their order.
func ofCharset(name string) bool {
	return name == setNames || name == setCharacterSet || strings.HasPrefix(name, "character_set_") || strings.HasPrefix(name, "collation_")
}

// ofNames reports whether a change is of what SET NAMES sets.
func ofNames(c sqltext.Change) bool {
	return c.Name == setNames || c.Name == setCharacterSet || slices.Contains(namesVariables, c.Name)
}

// otherCharsets are the variables that these changes set and SET NAMES does not. A character set comes before its collation, which
// sets both.
func otherCharsets(changes []sqltext.Change) []string {
	var names []string
	for _, c := range changes {
		if ofNames(c) {
			continue
		}
		names = append(names, c.Name)
		if twin := twins[c.Name]; twin != "" {
			names = append(names, twin)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// addCharset appends c and drops what it overrides.
func addCharset(list []sqltext.Change, c sqltext.Change) []sqltext.Change {
	if c.Name == setNames {
		return append(slices.DeleteFunc(list, ofNames), c)
	}
	list = slices.DeleteFunc(list, func(old sqltext.Change) bool { return old.Name == c.Name || twins[old.Name] == c.Name })
	return append(list, c)
}

// settled are the changes as they can be repeated in any default database: SET CHARACTER SET takes its collation from the one of
// the moment.
func (b *backend) settled(ctx context.Context, changes []sqltext.Change) ([]sqltext.Change, error) {
	if !slices.ContainsFunc(changes, func(c sqltext.Change) bool { return c.Name == setCharacterSet }) {
		return changes, nil
	}
	const collation = "collation_database"
	values, err := b.literals(ctx, []string{collation})
	if err != nil {
		return nil, err
	}
	var out []sqltext.Change
	for _, c := range changes {
		if c.Name != setCharacterSet {
			out = append(out, c)
			continue
		}
		out = append(out, sqltext.Change{Name: "character_set_client", Value: c.Value}, sqltext.Change{Name: "character_set_results", Value: c.Value},
			sqltext.Change{Name: "collation_connection", Value: values[collation]})
	}
	return out, nil
}

// handshakeCollation is what go-sql-driver asks for where the DSN names none.
const handshakeCollation = "utf8mb4_general_ci"

// clientCharset is the assignment that gives a session the character_set_client that it has after a handshake with this collation
// and these statements, as far as their texts tell.
func clientCharset(collation string, statements []string) string {
	if collation == "" {
		collation = handshakeCollation
	}
	charset, _, _ := strings.Cut(collation, "_")
	names := "NAMES " + charset + " COLLATE " + collation
	for _, text := range statements {
		for _, c := range sqltext.Classify(text, 0).Changes {
			if c.Name == setNames || c.Name == setCharacterSet || c.Name == "character_set_client" {
				names = "NAMES " + c.Value
			}
		}
	}
	return names
}

// charsetOf lists the assignments that give a session these values of character_set_client, character_set_results and
// collation_connection, the first by the assignment that set it, if that is so.
func charsetOf(names string, values []sql.NullString) []string {
	client, results := values[0].String, "NULL"
	if values[1].Valid {
		results = quoteString(values[1].String)
	}
	said, _, _ := strings.Cut(strings.TrimPrefix(names, "NAMES "), " ")
	if !sameCharset(strings.Trim(said, "'"), client) {
		names = "character_set_client = " + quoteString(client)
	}
	return []string{names, "character_set_results = " + results, "collation_connection = " + quoteString(values[2].String)}
}

// sameCharset knows that utf8 has another name by now.
func sameCharset(a, b string) bool {
	now := func(name string) string {
		if strings.EqualFold(name, "utf8") {
			return "utf8mb3"
		}
		return strings.ToLower(name)
	}
	return now(a) == now(b)
}
