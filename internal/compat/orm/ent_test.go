package orm_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/dialect/sql/sqlgraph"
	"entgo.io/ent/schema/field"
)

func TestEnt(t *testing.T) {
	exercise(t, func(_ context.Context, db *sql.DB) (mapper, error) {
		return newEnt(entsql.OpenDB(dialect.MySQL, db)), nil
	})
}

// byEnt uses the layers that ent's generated code calls: the migration, the graph and the builder.
type byEnt struct {
	drv     *entsql.Driver
	b       *entsql.DialectBuilder
	authors *schema.Table
	books   *schema.Table
}

func newEnt(drv *entsql.Driver) byEnt {
	id := func() *schema.Column { return &schema.Column{Name: "id", Type: field.TypeInt64, Increment: true} }
	name := &schema.Column{Name: "name", Type: field.TypeString, Size: 100, Unique: true}
	authors := schema.NewTable("authors").AddPrimary(id()).AddColumn(name)
	of := &schema.Column{Name: "author_id", Type: field.TypeInt64}
	books := schema.NewTable("books").AddPrimary(id()).AddColumn(of).
		AddColumn(&schema.Column{Name: "title", Type: field.TypeString, Size: 200}).
		AddColumn(&schema.Column{Name: "sold", Type: field.TypeUint64}).
		AddColumn(&schema.Column{Name: "price", Type: field.TypeFloat64}).
		AddColumn(&schema.Column{Name: "published", Type: field.TypeTime, SchemaType: map[string]string{dialect.MySQL: "datetime(6)"}}).
		AddColumn(&schema.Column{Name: "note", Type: field.TypeString, Size: 200, Nullable: true}).
		AddColumn(&schema.Column{Name: "cover", Type: field.TypeBytes, Nullable: true}).
		AddForeignKey(&schema.ForeignKey{Symbol: "books_author", Columns: []*schema.Column{of}, RefTable: authors, RefColumns: authors.PrimaryKey})
	return byEnt{drv: drv, b: entsql.Dialect(dialect.MySQL), authors: authors, books: books}
}

func (e byEnt) migrate(ctx context.Context) error {
	migrate, err := schema.NewMigrate(e.drv)
	if err != nil {
		return err
	}
	return migrate.Create(ctx, e.authors, e.books)
}

func idSpec() *sqlgraph.FieldSpec { return sqlgraph.NewFieldSpec("id", field.TypeInt64) }

func authorSpec(name string) *sqlgraph.CreateSpec {
	spec := sqlgraph.NewCreateSpec("authors", idSpec())
	spec.SetField("name", field.TypeString, name)
	return spec
}

func (e byEnt) within(ctx context.Context, f func(dialect.Tx) error) error {
	tx, err := e.drv.Tx(ctx)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (e byEnt) insert(ctx context.Context, a *author) error {
	return e.within(ctx, func(tx dialect.Tx) error {
		spec := authorSpec(a.Name)
		if err := sqlgraph.CreateNode(ctx, inTx{tx}, spec); err != nil {
			return err
		}
		a.ID = spec.ID.Value.(int64)
		batch := &sqlgraph.BatchCreateSpec{}
		for i := range a.Books {
			a.Books[i].AuthorID = a.ID
			batch.Nodes = append(batch.Nodes, bookSpec(a.Books[i]))
		}
		if len(batch.Nodes) == 0 {
			return nil
		}
		if err := sqlgraph.BatchCreate(ctx, inTx{tx}, batch); err != nil {
			return err
		}
		for i := range a.Books {
			a.Books[i].ID = batch.Nodes[i].ID.Value.(int64)
		}
		return nil
	})
}

func bookSpec(b book) *sqlgraph.CreateSpec {
	spec := sqlgraph.NewCreateSpec("books", idSpec())
	spec.SetField("author_id", field.TypeInt64, b.AuthorID)
	spec.SetField("title", field.TypeString, b.Title)
	spec.SetField("sold", field.TypeUint64, b.Sold)
	spec.SetField("price", field.TypeFloat64, b.Price)
	spec.SetField("published", field.TypeTime, b.Published)
	spec.SetField("note", field.TypeString, b.Note)
	spec.SetField("cover", field.TypeBytes, b.Cover)
	return spec
}

// inTx is a driver whose transactions are all that one, as in ent's generated code.
type inTx struct{ dialect.ExecQuerier }

func (t inTx) Tx(context.Context) (dialect.Tx, error) { return dialect.NopTx(t), nil }
func (inTx) Dialect() string                          { return dialect.MySQL }
func (inTx) Close() error                             { return nil }

// rows runs a selection.
func (e byEnt) rows(ctx context.Context, on dialect.ExecQuerier, s *entsql.Selector) (*entsql.Rows, error) {
	query, args := s.Query()
	var rows entsql.Rows
	if err := on.Query(ctx, query, args, &rows); err != nil {
		return nil, err
	}
	return &rows, nil
}

func (e byEnt) find(ctx context.Context, name string) (author, error) {
	var a author
	spec := sqlgraph.NewQuerySpec("authors", []string{"id", "name"}, idSpec())
	spec.Predicate = func(s *entsql.Selector) { s.Where(entsql.EQ(s.C("name"), name)) }
	spec.ScanValues = func([]string) ([]any, error) { return []any{new(int64), new(string)}, nil }
	spec.Assign = func(_ []string, values []any) error {
		a.ID, a.Name = *values[0].(*int64), *values[1].(*string)
		return nil
	}
	if err := sqlgraph.QueryNodes(ctx, e.drv, spec); err != nil {
		return author{}, err
	}
	if a.ID == 0 {
		return author{}, sql.ErrNoRows
	}
	t := e.b.Table("books")
	rows, err := e.rows(ctx, e.drv, e.b.Select("id", "author_id", "title", "sold", "price", "published", "note", "cover").
		From(t).Where(entsql.EQ("author_id", a.ID)).OrderBy("id"))
	if err != nil {
		return author{}, err
	}
	defer rows.Close()
	for rows.Next() {
		var b book
		if err := rows.Scan(&b.ID, &b.AuthorID, &b.Title, &b.Sold, &b.Price, &b.Published, &b.Note, &b.Cover); err != nil {
			return author{}, err
		}
		a.Books = append(a.Books, b)
	}
	return a, rows.Err()
}

func (e byEnt) written(ctx context.Context) (all []written, err error) {
	a, b := e.b.Table("authors").As("a"), e.b.Table("books").As("b")
	rows, err := e.rows(ctx, e.drv, e.b.Select(entsql.As(a.C("name"), "author"), b.C("title")).
		From(b).Join(a).On(a.C("id"), b.C("author_id")).OrderBy(b.C("id")))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	err = entsql.ScanSlice(rows, &all)
	return all, err
}

func (e byEnt) walk(ctx context.Context, f func(string) error) error {
	rows, err := e.rows(ctx, e.drv, e.b.Select("name").From(e.b.Table("authors")).OrderBy("id"))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if err := f(name); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (e byEnt) sell(ctx context.Context, id int64) error {
	return e.within(ctx, func(tx dialect.Tx) error {
		rows, err := e.rows(ctx, tx, e.b.Select("sold").From(e.b.Table("books")).Where(entsql.EQ("id", id)).ForUpdate())
		if err != nil {
			return err
		}
		var sold uint64
		if err := errors.Join(entsql.ScanOne(rows, &sold), rows.Close()); err != nil {
			return err
		}
		spec := sqlgraph.NewUpdateSpec("books", []string{"id"}, idSpec())
		spec.Predicate = func(s *entsql.Selector) { s.Where(entsql.EQ(s.C("id"), id)) }
		spec.SetField("sold", field.TypeUint64, sold+1)
		_, err = sqlgraph.UpdateNodes(ctx, inTx{tx}, spec)
		return err
	})
}

func (e byEnt) rename(ctx context.Context, suffix string, end error) error {
	return e.within(ctx, func(tx dialect.Tx) error {
		query, args := e.b.Update("authors").Set("name", entsql.Expr("CONCAT(name, ?)", suffix)).Query()
		return errors.Join(tx.Exec(ctx, query, args, nil), end)
	})
}

func (e byEnt) nest(ctx context.Context, keep, undo string) error {
	return e.within(ctx, func(tx dialect.Tx) error {
		err1 := sqlgraph.CreateNode(ctx, inTx{tx}, authorSpec(keep))
		err2 := tx.Exec(ctx, "SAVEPOINT here", []any{}, nil)
		err3 := sqlgraph.CreateNode(ctx, inTx{tx}, authorSpec(undo))
		err4 := tx.Exec(ctx, "ROLLBACK TO SAVEPOINT here", []any{}, nil)
		return errors.Join(err1, err2, err3, err4)
	})
}

// raw scans the only row.
func (e byEnt) raw(ctx context.Context, query string, arg any, to ...any) error {
	rows, err := e.drv.QueryContext(ctx, query, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return errors.Join(sql.ErrNoRows, rows.Err())
	}
	return errors.Join(rows.Scan(to...), rows.Err())
}

func (e byEnt) totals(ctx context.Context, above float64) (sum totals, err error) {
	err = e.raw(ctx, sumBooks, above, &sum.Books, &sum.Sold, &sum.Price)
	return sum, err
}

func (e byEnt) remove(ctx context.Context, id int64) (int64, error) {
	spec := sqlgraph.NewDeleteSpec("books", idSpec())
	spec.Predicate = func(s *entsql.Selector) { s.Where(entsql.EQ(s.C("id"), id)) }
	n, err := sqlgraph.DeleteNodes(ctx, e.drv, spec)
	return int64(n), err
}

func (e byEnt) sleep(ctx context.Context, seconds int) error {
	var interrupted bool
	return e.raw(ctx, sleepFor, seconds, &interrupted)
}

func (e byEnt) upsert(ctx context.Context, name string) (int64, error) {
	spec := authorSpec(name)
	spec.OnConflict = []entsql.ConflictOption{entsql.ResolveWithNewValues()}
	if err := sqlgraph.CreateNode(ctx, e.drv, spec); err != nil {
		return 0, err
	}
	return spec.ID.Value.(int64), nil
}
