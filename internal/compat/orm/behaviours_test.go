package orm_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/lab"
)

var behaviours = []behaviour{
	{"migrates twice to the same tables", migratesTwice},
	{"inserts get their ids", insertsGetIDs},
	{"an upsert gets the id that is there", upsertGetsID},
	{"reads back what was written", readsBack},
	{"reads a join", readsJoin},
	{"updates in a transaction", updatesInTransaction},
	{"rolls back", rollsBack},
	{"goes back to a savepoint", goesBackToSavepoint},
	{"runs raw SQL", runsRawSQL},
	{"deletes and counts", deletesAndCounts},
	{"says that there is none", saysNone},
	{"says what is there twice", saysDuplicate},
	{"runs statements while rows are open", statementsInRows},
	{"ends a statement with its context", endsWithContext},
	{"serves eight goroutines", servesEight},
}

const duplicateEntry = 1062

func migratesTwice(ctx context.Context, t *testing.T, p place) any {
	p.insertAll(ctx, t, "A")
	must(t, p.migrate(ctx))
	wantEqual(t, "names", []string{"A"}, p.names(ctx, t))
	rows, err := p.db.QueryContext(ctx, `SELECT table_name, column_name, column_type, is_nullable, COALESCE(column_default, '-'), column_key, extra
		FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position`)
	must(t, err)
	defer rows.Close()
	var columns [][7]string
	for rows.Next() {
		var c [7]string
		must(t, rows.Scan(&c[0], &c[1], &c[2], &c[3], &c[4], &c[5], &c[6]))
		columns = append(columns, c)
	}
	must(t, rows.Err())
	if len(columns) != 10 {
		t.Errorf("the tables have %d columns, want 10", len(columns))
	}
	return columns
}

func insertsGetIDs(ctx context.Context, t *testing.T, p place) any {
	all := p.insertAll(ctx, t, "A", "B", "C")
	for i, a := range all {
		want := []int64{int64(i + 1), int64(2*i + 1), int64(2*i + 2), int64(i + 1)}
		wantEqual(t, a.Name, want, []int64{a.ID, a.Books[0].ID, a.Books[1].ID, a.Books[1].AuthorID})
	}
	return all
}

func upsertGetsID(ctx context.Context, t *testing.T, p place) any {
	p.insertAll(ctx, t, "A", "B")
	for _, name := range []string{"B", "A", "B"} {
		id, err := p.upsert(ctx, name)
		must(t, err)
		wantEqual(t, "id of "+name, int64(name[0]-'A'+1), id)
	}
	_, err := p.upsert(ctx, "C")
	must(t, err)
	return p.names(ctx, t)
}

func readsBack(ctx context.Context, t *testing.T, p place) any {
	want := stanislaw()
	must(t, p.insert(ctx, &want))
	p.insertAll(ctx, t, "A")
	got, err := p.find(ctx, want.Name)
	must(t, err)
	wantEqual(t, "author", want, got)
	return got
}

func readsJoin(ctx context.Context, t *testing.T, p place) any {
	p.insertAll(ctx, t, "A", "B")
	got, err := p.written(ctx)
	must(t, err)
	wantEqual(t, "rows", []written{{"A", "A 1"}, {"A", "A 2"}, {"B", "B 1"}, {"B", "B 2"}}, got)
	return got
}

func updatesInTransaction(ctx context.Context, t *testing.T, p place) any {
	a := p.insertAll(ctx, t, "A")[0]
	for range 3 {
		must(t, p.sell(ctx, a.Books[1].ID))
	}
	must(t, p.rename(ctx, "!", nil))
	got, err := p.find(ctx, "A!")
	must(t, err)
	wantEqual(t, "sold", []uint64{0, 3}, []uint64{got.Books[0].Sold, got.Books[1].Sold})
	return got
}

func rollsBack(ctx context.Context, t *testing.T, p place) any {
	p.insertAll(ctx, t, "A", "B")
	end := errors.New("no")
	if err := p.rename(ctx, "!", end); !errors.Is(err, end) {
		t.Errorf("got %v, want %v", err, end)
	}
	wantEqual(t, "names", []string{"A", "B"}, p.names(ctx, t))
	must(t, p.rename(ctx, "?", nil)) // nothing of the transaction is left
	return p.names(ctx, t)
}

func goesBackToSavepoint(ctx context.Context, t *testing.T, p place) any {
	must(t, p.nest(ctx, "kept", "undone"))
	wantEqual(t, "names", []string{"kept"}, p.names(ctx, t))
	return p.insertAll(ctx, t, "next")
}

func runsRawSQL(ctx context.Context, t *testing.T, p place) any {
	p.insertAll(ctx, t, "A", "B")
	got, err := p.totals(ctx, 10)
	must(t, err)
	wantEqual(t, "totals", totals{Books: 2, Price: 40}, got)
	return got
}

func deletesAndCounts(ctx context.Context, t *testing.T, p place) any {
	a := p.insertAll(ctx, t, "A")[0]
	for _, want := range []int64{1, 0} {
		n, err := p.remove(ctx, a.Books[0].ID)
		must(t, err)
		wantEqual(t, "removed", want, n)
	}
	got, err := p.find(ctx, "A")
	must(t, err)
	wantEqual(t, "books left", 1, len(got.Books))
	return got
}

func saysNone(ctx context.Context, t *testing.T, p place) any {
	if _, err := p.find(ctx, "nobody"); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("got %v, want %v", err, sql.ErrNoRows)
	}
	return nil
}

func saysDuplicate(ctx context.Context, t *testing.T, p place) any {
	p.insertAll(ctx, t, "A")
	again := simple("A", "A 3")
	err := p.insert(ctx, &again)
	if said, ok := errors.AsType[*mysql.MySQLError](err); !ok || said.Number != duplicateEntry {
		t.Errorf("got %v, want a MySQLError %d", err, duplicateEntry)
	}
	rows, err := p.written(ctx)
	must(t, err)
	return rows
}

func statementsInRows(ctx context.Context, t *testing.T, p place) any {
	p.insertAll(ctx, t, "A", "B", "C")
	var found []author
	must(t, p.walk(ctx, func(name string) error {
		a, err := p.find(ctx, name)
		found = append(found, a)
		return errors.Join(err, p.sell(ctx, a.Books[0].ID))
	}))
	wantEqual(t, "authors found", 3, len(found))
	sum, err := p.totals(ctx, 0)
	must(t, err)
	wantEqual(t, "sold", uint64(3), sum.Sold)
	return found
}

// endsWithContext cancels a statement which the server is seen to run. Over the pool it ends on the server too, and the connection
// lives on; a stock database closes the connection and leaves the statement to run.
func endsWithContext(ctx context.Context, t *testing.T, p place) any {
	runs := func(want bool) func(context.Context) (bool, error) {
		return func(ctx context.Context) (bool, error) {
			var n int
			err := p.server.Admin().QueryRowContext(ctx,
				"SELECT COUNT(*) FROM information_schema.processlist WHERE db = ? AND state = 'User sleep'", p.name).Scan(&n)
			return (n > 0) == want, err
		}
	}
	sleeping, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- p.sleep(sleeping, 50) }()
	must(t, lab.Until(ctx, "the server sleeps", runs(true)))
	retired := p.retired(t)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if p.pooled {
		must(t, lab.Until(ctx, "the server does not sleep any more", runs(false)))
		wantEqual(t, "backends retired", retired, p.retired(t))
	}
	return p.insertAll(ctx, t, "next")
}

func servesEight(ctx context.Context, t *testing.T, p place) any {
	const goroutines, rounds = 8, 10
	hot := p.insertAll(ctx, t, "hot")[0].Books[0].ID
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for r := range rounds {
				if err := p.round(ctx, fmt.Sprintf("%d-%d", g, r), hot); err != nil {
					t.Errorf("goroutine %d, round %d: %v", g, r, err)
					return
				}
			}
		})
	}
	wg.Wait()
	sum, err := p.totals(ctx, 0)
	must(t, err)
	wantEqual(t, "totals", totals{Books: 2 + 2*goroutines*rounds, Sold: 2 * goroutines * rounds, Price: 30 + 30*goroutines*rounds}, sum)
	names := p.names(ctx, t)
	slices.Sort(names)
	return names
}

// round inserts an author, sells one of its books and one that all sell, and reads the author back.
func (p place) round(ctx context.Context, name string, hot int64) error {
	a := simple(name, name+" 1", name+" 2")
	if err := p.insert(ctx, &a); err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	if err := p.sell(ctx, a.Books[0].ID); err != nil {
		return fmt.Errorf("sell: %w", err)
	}
	a.Books[0].Sold++
	if err := p.sell(ctx, hot); err != nil {
		return fmt.Errorf("sell what all sell: %w", err)
	}
	got, err := p.find(ctx, name)
	if err != nil {
		return fmt.Errorf("find: %w", err)
	}
	if got.ID != a.ID || len(got.Books) != 2 || got.Books[0].ID != a.Books[0].ID || got.Books[0].Sold != 1 || got.Books[1].Title != a.Books[1].Title {
		return fmt.Errorf("found %+v, want %+v", got, a)
	}
	return nil
}
