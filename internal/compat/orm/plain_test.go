package orm_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
)

const (
	makeAuthors = `CREATE TABLE IF NOT EXISTS authors (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(100) NOT NULL UNIQUE)`
	makeBooks   = `CREATE TABLE IF NOT EXISTS books (id BIGINT PRIMARY KEY AUTO_INCREMENT, author_id BIGINT NOT NULL, title VARCHAR(200) NOT NULL,
		sold BIGINT UNSIGNED NOT NULL, price DOUBLE NOT NULL, published DATETIME(6) NOT NULL, note VARCHAR(200), cover BLOB,
		FOREIGN KEY (author_id) REFERENCES authors (id))`
	insertAuthor = `INSERT INTO authors (name) VALUES (?)`
	upsertAuthor = `INSERT INTO authors (name) VALUES (?) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)`
	insertBook   = `INSERT INTO books (author_id, title, sold, price, published, note, cover) VALUES (?, ?, ?, ?, ?, ?, ?)`
	findAuthor   = `SELECT id, name FROM authors WHERE name = ?`
	deleteBook   = `DELETE FROM books WHERE id = ?`
	findBooks    = `SELECT id, author_id, title, sold, price, published, note, cover FROM books WHERE author_id = ? ORDER BY id`
	joinBooks    = `SELECT a.name AS author, b.title AS title FROM authors a JOIN books b ON b.author_id = a.id ORDER BY b.id`
	sumBooks     = `SELECT COUNT(*) AS books, COALESCE(SUM(sold), 0) AS sold, COALESCE(SUM(price), 0) AS price FROM books WHERE price > ?`
	walkAuthors  = `SELECT name FROM authors ORDER BY id`
	lockBook     = `SELECT sold FROM books WHERE id = ? FOR UPDATE`
	setSold      = `UPDATE books SET sold = ? WHERE id = ?`
	renameAll    = `UPDATE authors SET name = CONCAT(name, ?)`
	sleepFor     = `SELECT SLEEP(?)`
)

func TestPlain(t *testing.T) {
	exercise(t, func(_ context.Context, db *sql.DB) (mapper, error) { return &plain{db: db}, nil })
}

func TestPlainPrepared(t *testing.T) {
	exercise(t, func(_ context.Context, db *sql.DB) (mapper, error) {
		return &plain{db: db, prepare: true}, nil
	})
}

// plain is database/sql with nothing on top.
type plain struct {
	db      *sql.DB
	prepare bool
	stmts   map[string]*sql.Stmt // filled by migrate, if anything is to be prepared
}

// A runner is a database or a transaction.
type runner interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// stmt is the prepared statement of the text, in the transaction if there is one. It is nil if the text is not prepared.
func (p *plain) stmt(ctx context.Context, on runner, query string) *sql.Stmt {
	s := p.stmts[query]
	if tx, ok := on.(*sql.Tx); ok && s != nil {
		s = tx.StmtContext(ctx, s)
	}
	return s
}

func (p *plain) exec(ctx context.Context, on runner, query string, args ...any) (sql.Result, error) {
	if s := p.stmt(ctx, on, query); s != nil {
		return s.ExecContext(ctx, args...)
	}
	return on.ExecContext(ctx, query, args...)
}

func (p *plain) query(ctx context.Context, on runner, query string, args ...any) (*sql.Rows, error) {
	if s := p.stmt(ctx, on, query); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return on.QueryContext(ctx, query, args...)
}

// one scans the only row.
func (p *plain) one(ctx context.Context, on runner, query string, arg any, to ...any) error {
	if s := p.stmt(ctx, on, query); s != nil {
		return s.QueryRowContext(ctx, arg).Scan(to...)
	}
	return on.QueryRowContext(ctx, query, arg).Scan(to...)
}

// each calls scan for each row.
func (p *plain) each(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := p.query(ctx, p.db, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// within runs f in a transaction, which is committed if f returns no error.
func (p *plain) within(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (p *plain) migrate(ctx context.Context) error {
	_, err1 := p.db.ExecContext(ctx, makeAuthors)
	_, err2 := p.db.ExecContext(ctx, makeBooks)
	if err := errors.Join(err1, err2); err != nil || !p.prepare {
		return err
	}
	p.stmts = map[string]*sql.Stmt{}
	for _, query := range []string{
		insertAuthor, upsertAuthor, insertBook, findAuthor, findBooks, joinBooks, sumBooks, walkAuthors, lockBook, setSold, renameAll, deleteBook, sleepFor,
	} {
		var err error
		if p.stmts[query], err = p.db.PrepareContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

func (p *plain) insert(ctx context.Context, a *author) error {
	return p.within(ctx, func(tx *sql.Tx) (err error) {
		if a.ID, err = p.insertOne(ctx, tx, insertAuthor, a.Name); err != nil {
			return err
		}
		for i := range a.Books {
			b := &a.Books[i]
			b.AuthorID = a.ID
			if b.ID, err = p.insertOne(ctx, tx, insertBook, b.AuthorID, b.Title, b.Sold, b.Price, b.Published, b.Note, b.Cover); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *plain) insertOne(ctx context.Context, on runner, query string, args ...any) (int64, error) {
	result, err := p.exec(ctx, on, query, args...)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func (p *plain) find(ctx context.Context, name string) (author, error) {
	var a author
	if err := p.one(ctx, p.db, findAuthor, name, &a.ID, &a.Name); err != nil {
		return author{}, err
	}
	err := p.each(ctx, findBooks, []any{a.ID}, func(rows *sql.Rows) error {
		var b book
		err := rows.Scan(&b.ID, &b.AuthorID, &b.Title, &b.Sold, &b.Price, &b.Published, &b.Note, &b.Cover)
		a.Books = append(a.Books, b)
		return err
	})
	return a, err
}

func (p *plain) written(ctx context.Context) (all []written, err error) {
	err = p.each(ctx, joinBooks, nil, func(rows *sql.Rows) error {
		var w written
		err := rows.Scan(&w.Author, &w.Title)
		all = append(all, w)
		return err
	})
	return all, err
}

func (p *plain) walk(ctx context.Context, f func(string) error) error {
	return p.each(ctx, walkAuthors, nil, func(rows *sql.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		return f(name)
	})
}

func (p *plain) sell(ctx context.Context, id int64) error {
	return p.within(ctx, func(tx *sql.Tx) error {
		var sold uint64
		if err := p.one(ctx, tx, lockBook, id, &sold); err != nil {
			return err
		}
		_, err := p.exec(ctx, tx, setSold, sold+1, id)
		return err
	})
}

func (p *plain) rename(ctx context.Context, suffix string, end error) error {
	return p.within(ctx, func(tx *sql.Tx) error {
		_, err := p.exec(ctx, tx, renameAll, suffix)
		return errors.Join(err, end)
	})
}

func (p *plain) nest(ctx context.Context, keep, undo string) error {
	return p.within(ctx, func(tx *sql.Tx) error {
		_, err1 := p.exec(ctx, tx, insertAuthor, keep)
		_, err2 := tx.ExecContext(ctx, "SAVEPOINT here")
		_, err3 := p.exec(ctx, tx, insertAuthor, undo)
		_, err4 := tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT here")
		return errors.Join(err1, err2, err3, err4)
	})
}

func (p *plain) totals(ctx context.Context, above float64) (sum totals, err error) {
	err = p.one(ctx, p.db, sumBooks, above, &sum.Books, &sum.Sold, &sum.Price)
	return sum, err
}

func (p *plain) remove(ctx context.Context, id int64) (int64, error) {
	result, err := p.exec(ctx, p.db, deleteBook, id)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (p *plain) sleep(ctx context.Context, seconds int) error {
	var interrupted bool
	return p.one(ctx, p.db, sleepFor, seconds, &interrupted)
}

func (p *plain) upsert(ctx context.Context, name string) (int64, error) {
	return p.insertOne(ctx, p.db, upsertAuthor, name)
}
