package orm_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/jmoiron/sqlx"
)

func TestSqlx(t *testing.T) {
	exercise(t, func(_ context.Context, db *sql.DB) (mapper, error) { return byX{sqlx.NewDb(db, "mysql")}, nil })
}

// byX uses sqlx's named arguments, structs and prepared statements.
type byX struct{ db *sqlx.DB }

func (x byX) within(ctx context.Context, f func(*sqlx.Tx) error) error {
	tx, err := x.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (x byX) migrate(ctx context.Context) error {
	_, err1 := x.db.ExecContext(ctx, makeAuthors)
	_, err2 := x.db.ExecContext(ctx, makeBooks)
	return errors.Join(err1, err2)
}

func (x byX) insert(ctx context.Context, a *author) error {
	return x.within(ctx, func(tx *sqlx.Tx) error {
		result, err := tx.NamedExecContext(ctx, "INSERT INTO authors (name) VALUES (:name)", a)
		if err != nil {
			return err
		}
		if a.ID, err = result.LastInsertId(); err != nil {
			return err
		}
		for i := range a.Books {
			b := &a.Books[i]
			b.AuthorID = a.ID
			result, err := tx.NamedExecContext(ctx, `INSERT INTO books (author_id, title, sold, price, published, note, cover)
				VALUES (:author_id, :title, :sold, :price, :published, :note, :cover)`, b)
			if err != nil {
				return err
			}
			if b.ID, err = result.LastInsertId(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (x byX) find(ctx context.Context, name string) (author, error) {
	var a author
	if err := x.db.GetContext(ctx, &a, "SELECT * FROM authors WHERE name = ?", name); err != nil {
		return author{}, err
	}
	query, args, err := sqlx.In("SELECT * FROM books WHERE author_id IN (?) ORDER BY id", []int64{a.ID})
	if err != nil {
		return author{}, err
	}
	err = x.db.SelectContext(ctx, &a.Books, x.db.Rebind(query), args...)
	return a, err
}

func (x byX) written(ctx context.Context) (all []written, err error) {
	err = x.db.SelectContext(ctx, &all, joinBooks)
	return all, err
}

func (x byX) walk(ctx context.Context, f func(string) error) error {
	rows, err := x.db.QueryxContext(ctx, walkAuthors)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a author
		if err := rows.StructScan(&a); err != nil {
			return err
		}
		if err := f(a.Name); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (x byX) sell(ctx context.Context, id int64) error {
	return x.within(ctx, func(tx *sqlx.Tx) error {
		var sold uint64
		if err := tx.GetContext(ctx, &sold, lockBook, id); err != nil {
			return err
		}
		_, err := tx.NamedExecContext(ctx, "UPDATE books SET sold = :sold WHERE id = :id", map[string]any{"sold": sold + 1, "id": id})
		return err
	})
}

func (x byX) rename(ctx context.Context, suffix string, end error) error {
	return x.within(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, renameAll, suffix)
		return errors.Join(err, end)
	})
}

func (x byX) nest(ctx context.Context, keep, undo string) error {
	return x.within(ctx, func(tx *sqlx.Tx) error {
		_, err1 := tx.ExecContext(ctx, insertAuthor, keep)
		_, err2 := tx.ExecContext(ctx, "SAVEPOINT here")
		_, err3 := tx.ExecContext(ctx, insertAuthor, undo)
		_, err4 := tx.ExecContext(ctx, "ROLLBACK TO here")
		return errors.Join(err1, err2, err3, err4)
	})
}

func (x byX) totals(ctx context.Context, above float64) (sum totals, err error) {
	stmt, err := x.db.PreparexContext(ctx, sumBooks)
	if err != nil {
		return totals{}, err
	}
	err = stmt.GetContext(ctx, &sum, above)
	return sum, errors.Join(err, stmt.Close())
}

func (x byX) remove(ctx context.Context, id int64) (int64, error) {
	stmt, err := x.db.PrepareNamedContext(ctx, "DELETE FROM books WHERE id = :id")
	if err != nil {
		return 0, err
	}
	defer stmt.Close()
	result, err := stmt.ExecContext(ctx, map[string]any{"id": id})
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (x byX) sleep(ctx context.Context, seconds int) error {
	var interrupted bool
	return x.db.GetContext(ctx, &interrupted, sleepFor, seconds)
}

func (x byX) upsert(ctx context.Context, name string) (int64, error) {
	result, err := x.db.ExecContext(ctx, upsertAuthor, name)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}
