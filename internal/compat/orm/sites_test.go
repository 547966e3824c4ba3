package orm_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/weirpool/weir/mysqlpool"
)

// TestLinesAreTheProgramsNotTheMappers has a pin and an open transaction made through GORM: both are told with the line below, not with
// one of GORM's.
func TestLinesAreTheProgramsNotTheMappers(t *testing.T) {
	ctx := within(t, time.Minute)
	_, dsn := newDatabase(ctx, t)
	db := openPooled(mysqlpool.TransactionMode)(ctx, t, dsn)
	m, err := newGORM(gorm.Config{})(ctx, db)
	must(t, err)
	c, _ := mysqlpool.ConnectorOf(db)
	err = m.(byGORM).db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec("SET @x = 1").Error; err != nil {
			return err
		}
		for _, p := range c.Sessions().Pinned {
			if !strings.HasPrefix(p.Site, "sites_test.go:") {
				t.Errorf("pinned at %s, want a line of this file", p.Site)
			}
		}
		if n := len(c.Sessions().Pinned); n != 1 {
			t.Errorf("%d sessions are pinned, want 1", n)
		}
		var held []string
		for range 4 { // as many as there are backends
			other, err := db.Conn(mysqlpool.ContextWithMode(ctx, mysqlpool.SessionMode))
			must(t, err)
			defer other.Close()
			short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
			if err := other.PingContext(short); err != nil {
				held = append(held, err.Error())
			}
		}
		if len(held) != 1 || !strings.Contains(held[0], "sites_test.go:") || strings.Contains(held[0], "callbacks.go") {
			t.Errorf("exhausted: %q, want one error that names lines of this file only", held)
		}
		return nil
	})
	must(t, err)
}
