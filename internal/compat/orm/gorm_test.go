package orm_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

func TestGORM(t *testing.T) { exercise(t, newGORM(gorm.Config{})) }

func TestGORMPrepared(t *testing.T) {
	exercise(t, newGORM(gorm.Config{PrepareStmt: true, SkipDefaultTransaction: true}))
}

func newGORM(cfg gorm.Config) maker {
	return func(_ context.Context, db *sql.DB) (mapper, error) {
		cfg := cfg
		cfg.Logger = logger.Discard
		g, err := gorm.Open(mysql.New(mysql.Config{Conn: db}), &cfg)
		return byGORM{g}, err
	}
}

// byGORM uses GORM's migrator, associations, preloading and nested transactions.
type byGORM struct{ db *gorm.DB }

func (g byGORM) migrate(ctx context.Context) error {
	return g.db.WithContext(ctx).AutoMigrate(&author{}, &book{})
}

func (g byGORM) insert(ctx context.Context, a *author) error {
	return g.db.WithContext(ctx).Create(a).Error
}

func (g byGORM) find(ctx context.Context, name string) (a author, err error) {
	err = g.db.WithContext(ctx).Preload("Books", func(db *gorm.DB) *gorm.DB { return db.Order("id") }).First(&a, "name = ?", name).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = sql.ErrNoRows
	}
	return a, err
}

func (g byGORM) written(ctx context.Context) (all []written, err error) {
	err = g.db.WithContext(ctx).Model(&book{}).Select("authors.name AS author, books.title").
		Joins("JOIN authors ON authors.id = books.author_id").Order("books.id").Scan(&all).Error
	return all, err
}

func (g byGORM) walk(ctx context.Context, f func(string) error) error {
	rows, err := g.db.WithContext(ctx).Model(&author{}).Order("id").Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a author
		if err := g.db.ScanRows(rows, &a); err != nil {
			return err
		}
		if err := f(a.Name); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (g byGORM) sell(ctx context.Context, id int64) error {
	return g.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var b book
		if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&b, id).Error; err != nil {
			return err
		}
		return tx.Model(&b).Update("sold", b.Sold+1).Error
	})
}

func (g byGORM) rename(ctx context.Context, suffix string, end error) error {
	return g.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		err := tx.Model(&author{}).Where("TRUE").Update("name", gorm.Expr("CONCAT(name, ?)", suffix)).Error
		return errors.Join(err, end)
	})
}

func (g byGORM) nest(ctx context.Context, keep, undo string) error {
	back := errors.New("back to the savepoint")
	return g.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&author{Name: keep}).Error; err != nil {
			return err
		}
		err := tx.Transaction(func(tx *gorm.DB) error {
			if err := tx.Create(&author{Name: undo}).Error; err != nil {
				return err
			}
			return back
		})
		if errors.Is(err, back) {
			return nil
		}
		return err
	})
}

func (g byGORM) totals(ctx context.Context, above float64) (sum totals, err error) {
	err = g.db.WithContext(ctx).Raw(sumBooks, above).Scan(&sum).Error
	return sum, err
}

func (g byGORM) remove(ctx context.Context, id int64) (int64, error) {
	deleted := g.db.WithContext(ctx).Delete(&book{}, id)
	return deleted.RowsAffected, deleted.Error
}

func (g byGORM) sleep(ctx context.Context, seconds int) error {
	var interrupted int
	return g.db.WithContext(ctx).Raw(sleepFor, seconds).Scan(&interrupted).Error
}

func (g byGORM) upsert(ctx context.Context, name string) (int64, error) {
	a := author{Name: name}
	there := clause.OnConflict{DoUpdates: clause.Assignments(map[string]any{"id": gorm.Expr("LAST_INSERT_ID(id)")})}
	err := g.db.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		if err := db.Clauses(there).Create(&a).Error; err != nil || labtest.Kind() == lab.MariaDB {
			return err // MariaDB returns the id as a row
		}
		// MySQL has no RETURNING, and GORM does not look at the id of an answer that no row was changed.
		return db.Raw("SELECT LAST_INSERT_ID()").Scan(&a.ID).Error
	})
	return a.ID, err
}
