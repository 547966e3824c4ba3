package orm_test

import (
	"context"
	"database/sql"
	"time"

	"github.com/uptrace/bun"
)

// author and book are the tables authors and books; ids count up from 1, and an author's name is unique.
type author struct {
	bun.BaseModel `bun:"table:authors" gorm:"-" db:"-"`

	ID    int64  `bun:"id,pk,autoincrement" db:"id"`
	Name  string `bun:"name,type:varchar(100),notnull,unique" gorm:"size:100;not null;uniqueIndex" db:"name"`
	Books []book `bun:"rel:has-many,join:id=author_id" db:"-"`
}

type book struct {
	bun.BaseModel `bun:"table:books" gorm:"-" db:"-"`

	ID        int64     `bun:"id,pk,autoincrement" db:"id"`
	AuthorID  int64     `bun:"author_id,notnull" gorm:"not null" db:"author_id"`
	Title     string    `bun:"title,type:varchar(200),notnull" gorm:"size:200;not null" db:"title"`
	Sold      uint64    `bun:"sold,type:bigint unsigned,notnull" gorm:"not null" db:"sold"`
	Price     float64   `bun:"price,type:double,notnull" gorm:"not null" db:"price"`
	Published time.Time `bun:"published,type:datetime(6),notnull" gorm:"type:datetime(6);not null" db:"published"`
	Note      *string   `bun:"note,type:varchar(200)" gorm:"size:200" db:"note"`
	Cover     []byte    `bun:"cover,type:blob" gorm:"type:blob" db:"cover"`
}

// written is a row of a join.
type written struct {
	Author string `db:"author"`
	Title  string `db:"title"`
}

// totals are of all books.
type totals struct {
	Books int64   `db:"books"`
	Sold  uint64  `db:"sold"`
	Price float64 `db:"price"`
}

// A mapper keeps authors and books its own way.
type mapper interface {
	// migrate makes the tables unless they are there.
	migrate(context.Context) error
	// insert sets the ids of the author and the books.
	insert(context.Context, *author) error
	// upsert returns the id of the author of that name, who is inserted unless there already.
	upsert(ctx context.Context, name string) (int64, error)
	// find reads an author with all books, by id. Its error matches sql.ErrNoRows if there is none.
	find(ctx context.Context, name string) (author, error)
	// written joins authors with books, by book.
	written(context.Context) ([]written, error)
	// walk calls f for each author while the rows are open.
	walk(ctx context.Context, f func(name string) error) error
	// sell adds one to what was read, in a transaction.
	sell(ctx context.Context, book int64) error
	// rename gives all authors a suffix, in a transaction that ends with the error.
	rename(ctx context.Context, suffix string, end error) error
	// nest inserts two authors in a transaction, the second one behind a savepoint, to which it goes back.
	nest(ctx context.Context, keep, undo string) error
	// totals is raw SQL with an argument: books above a price.
	totals(ctx context.Context, above float64) (totals, error)
	// remove deletes a book and returns how many there were.
	remove(ctx context.Context, book int64) (int64, error)
	// sleep is raw SQL that takes the server that long.
	sleep(ctx context.Context, seconds int) error
}

// A maker makes a mapper on a database.
type maker func(context.Context, *sql.DB) (mapper, error)

// stanislaw is an author whose books are hard to keep: the ends of the types, NULL, quotes and other alphabets.
func stanislaw() author {
	note := `"it's" 100% \ '`
	return author{Name: "Stanisław Lem 🚀", Books: []book{
		{Title: "Солярис", Sold: 1<<64 - 1, Price: 0.1, Published: time.Date(1961, 1, 1, 2, 3, 4, 123456000, time.UTC), Note: &note, Cover: []byte{0, 255, '\'', '\\'}},
		{Title: "Cyberiada", Sold: 0, Price: -123456789.015625, Published: time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)},
	}}
}

func simple(name string, titles ...string) author {
	a := author{Name: name}
	for i, title := range titles {
		a.Books = append(a.Books, book{Title: title, Price: float64(10 * (i + 1)), Published: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)})
	}
	return a
}
