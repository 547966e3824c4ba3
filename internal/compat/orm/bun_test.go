package orm_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
)

func TestBun(t *testing.T) {
	exercise(t, func(_ context.Context, db *sql.DB) (mapper, error) {
		return byBun{bun.NewDB(db, mysqldialect.New())}, nil
	})
}

// byBun uses bun's query builder. Bun puts the arguments into the text itself.
type byBun struct{ db *bun.DB }

func (b byBun) migrate(ctx context.Context) error {
	_, err1 := b.db.NewCreateTable().Model((*author)(nil)).IfNotExists().Exec(ctx)
	_, err2 := b.db.NewCreateTable().Model((*book)(nil)).IfNotExists().ForeignKey("(author_id) REFERENCES authors (id)").Exec(ctx)
	return errors.Join(err1, err2)
}

func (b byBun) insert(ctx context.Context, a *author) error {
	return b.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewInsert().Model(a).Exec(ctx); err != nil {
			return err
		}
		for i := range a.Books {
			a.Books[i].AuthorID = a.ID
			if _, err := tx.NewInsert().Model(&a.Books[i]).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b byBun) find(ctx context.Context, name string) (a author, err error) {
	err = b.db.NewSelect().Model(&a).Where("name = ?", name).
		Relation("Books", func(q *bun.SelectQuery) *bun.SelectQuery { return q.Order("book.id") }).Scan(ctx)
	return a, err
}

func (b byBun) written(ctx context.Context) (all []written, err error) {
	err = b.db.NewSelect().Model((*book)(nil)).ColumnExpr("a.name AS author, book.title").
		Join("JOIN authors AS a ON a.id = book.author_id").Order("book.id").Scan(ctx, &all)
	return all, err
}

func (b byBun) walk(ctx context.Context, f func(string) error) error {
	rows, err := b.db.NewSelect().Model((*author)(nil)).Order("id").Rows(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a author
		if err := b.db.ScanRow(ctx, rows, &a); err != nil {
			return err
		}
		if err := f(a.Name); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (b byBun) sell(ctx context.Context, id int64) error {
	return b.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		sold := book{ID: id}
		if err := tx.NewSelect().Model(&sold).WherePK().For("UPDATE").Scan(ctx); err != nil {
			return err
		}
		sold.Sold++
		_, err := tx.NewUpdate().Model(&sold).Column("sold").WherePK().Exec(ctx)
		return err
	})
}

func (b byBun) rename(ctx context.Context, suffix string, end error) error {
	return b.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*author)(nil)).Set("name = CONCAT(name, ?)", suffix).Where("TRUE").Exec(ctx)
		return errors.Join(err, end)
	})
}

func (b byBun) nest(ctx context.Context, keep, undo string) error {
	insert := func(ctx context.Context, tx bun.Tx, name string) error {
		_, err := tx.NewInsert().Model(&author{Name: name}).Exec(ctx)
		return err
	}
	back := errors.New("back to the savepoint")
	return b.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if err := insert(ctx, tx, keep); err != nil {
			return err
		}
		err := tx.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			return errors.Join(insert(ctx, tx, undo), back)
		})
		if err != nil && err.Error() == back.Error() {
			return nil
		}
		return err
	})
}

func (b byBun) totals(ctx context.Context, above float64) (sum totals, err error) {
	err = b.db.NewRaw(sumBooks, above).Scan(ctx, &sum.Books, &sum.Sold, &sum.Price)
	return sum, err
}

func (b byBun) remove(ctx context.Context, id int64) (int64, error) {
	result, err := b.db.NewDelete().Model(&book{ID: id}).WherePK().Exec(ctx)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (b byBun) sleep(ctx context.Context, seconds int) error {
	var interrupted bool
	return b.db.NewRaw(sleepFor, seconds).Scan(ctx, &interrupted)
}

func (b byBun) upsert(ctx context.Context, name string) (int64, error) {
	a := author{Name: name}
	_, err := b.db.NewInsert().Model(&a).On("DUPLICATE KEY UPDATE").Set("id = LAST_INSERT_ID(id)").Exec(ctx)
	return a.ID, err
}
