package orm_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// A place is where a behaviour happens: a mapper on a database of its own.
type place struct {
	mapper
	db     *sql.DB
	name   string // the database's
	server *lab.Server
	pooled bool
}

// A behaviour asserts what must be so on any database, and returns what must be the same on both.
type behaviour struct {
	name string
	run  func(context.Context, *testing.T, place) any
}

// exercise tells all behaviours to a mapper, over a stock database and over weir's.
func exercise(t *testing.T, open maker) {
	t.Helper()
	compare(t, open, behaviours...)
}

// compare tells some behaviours.
func compare(t *testing.T, open maker, behaviours ...behaviour) {
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) {
			told := map[string]any{}
			for _, s := range append([]side{stock}, pooled...) {
				t.Run(s.name, func(t *testing.T) {
					told[s.name] = happen(t, s, open, b)
				})
			}
			for _, s := range pooled {
				if diff := cmp.Diff(told[stock.name], told[s.name]); diff != "" {
					t.Errorf("-stock +%s:\n%s", s.name, diff)
				}
			}
		})
	}
}

func happen(t *testing.T, s side, open maker, b behaviour) any {
	t.Cleanup(func() {
		if t.Failed() {
			happened.badly.Add(1)
		} else {
			happened.well.Add(1)
		}
	})
	ctx := within(t, time.Minute)
	name, dsn := newDatabase(ctx, t)
	db := s.open(ctx, t, dsn)
	m, err := open(ctx, db)
	must(t, err)
	must(t, m.migrate(ctx))
	return b.run(ctx, t, place{mapper: m, db: db, name: name, server: labtest.Shared(t), pooled: s.name != stock.name})
}

// insertAll inserts some authors, with two books each.
func (p place) insertAll(ctx context.Context, t *testing.T, names ...string) []author {
	t.Helper()
	var all []author
	for _, name := range names {
		a := simple(name, name+" 1", name+" 2")
		must(t, p.insert(ctx, &a))
		all = append(all, a)
	}
	return all
}

// names reads those of all authors.
func (p place) names(ctx context.Context, t *testing.T) []string {
	t.Helper()
	var all []string
	must(t, p.walk(ctx, func(name string) error { all = append(all, name); return nil }))
	return all
}

// retired is how many backends the pool has taken out for good; none if there is no pool.
func (p place) retired(t *testing.T) (n uint64) {
	t.Helper()
	if !p.pooled {
		return 0
	}
	connector, ok := mysqlpool.ConnectorOf(p.db)
	if !ok {
		t.Fatal("the database is not over a connector of mysqlpool")
	}
	for _, one := range connector.Stats().Retired {
		n += one
	}
	return n
}

func wantEqual(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: -want +got:\n%s", what, diff)
	}
}
