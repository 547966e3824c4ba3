package orm_test

import (
	"context"
	"database/sql"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// TestEntVariables has ent set a user variable before a statement, on a connection that it takes for that, and unset it when the rows
// are closed. That pins the session between the two.
func TestEntVariables(t *testing.T) {
	open := func(_ context.Context, db *sql.DB) (mapper, error) {
		return newEnt(entsql.OpenDB(dialect.MySQL, db)), nil
	}
	compare(t, open, behaviour{"a user variable", func(ctx context.Context, t *testing.T, p place) any {
		drv := p.mapper.(byEnt).drv
		ask := func(ctx context.Context) (tenant string) {
			var rows entsql.Rows
			must(t, drv.Query(ctx, "SELECT COALESCE(@tenant, 'nobody')", []any{}, &rows))
			defer rows.Close()
			if !rows.Next() {
				t.Fatal("no row")
			}
			must(t, rows.Scan(&tenant))
			must(t, rows.Err())
			return tenant
		}
		wantEqual(t, "with a variable", "one", ask(entsql.WithVar(ctx, "@tenant", "one")))
		wantEqual(t, "with another value", "two", ask(entsql.WithVar(ctx, "@tenant", "two")))
		wantEqual(t, "without", "nobody", ask(ctx))
		return p.names(ctx, t)
	}})
}
