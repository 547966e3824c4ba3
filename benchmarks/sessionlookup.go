package benchmarks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// A lookupVariant is one load of S1Lookup. All connections are open before it begins.
type lookupVariant struct {
	goroutines  int
	connections int
	roundTrip   time.Duration // what the way to the server and back takes beside loopback's
}

func (v lookupVariant) name() string {
	way := "loopback"
	if v.roundTrip > 0 {
		way = "+" + v.roundTrip.String()
	}
	return fmt.Sprintf("way=%s/goroutines=%d", way, v.goroutines)
}

// far says that there is a network between.
func (v lookupVariant) far() bool { return v.roundTrip > 0 }

func lookupVariants() []lookupVariant {
	var all []lookupVariant
	for _, goroutines := range []int{1, 8, 64} {
		all = append(all, lookupVariant{goroutines: goroutines, connections: mysqlMax})
	}
	for _, goroutines := range []int{1, 8, 64} {
		all = append(all, lookupVariant{goroutines: goroutines, connections: 64, roundTrip: time.Millisecond})
	}
	return all
}

// lookupCases is S1: a row by its key with an argument, which database/sql's default prepares, executes and closes each time.
//
//	prepares/op  the server's count of preparations, for each lookup
//	added-ns     what a longer way really added to a round trip
func lookupCases(s *sessionServer) []Case {
	var cases []Case
	for _, v := range lookupVariants() {
		for _, c := range lookupContenders() {
			if v.far() && c.loopbackOnly {
				continue
			}
			cases = append(cases, Case{
				Workload: "S1Lookup", Variant: v.name(), Contender: "pool=" + c.name, Quick: !v.far() && v.goroutines > 1,
				Run: func(b *testing.B) { runLookup(b, s, c, v) },
			})
		}
	}
	return cases
}

func runLookup(b *testing.B, s *sessionServer, c lookupContender, v lookupVariant) {
	server, err := s.started()
	if err != nil {
		b.Fatal(err)
	}
	cfg, err := s.config()
	if err != nil {
		b.Fatal(err)
	}
	w := &way{}
	if v.far() {
		w.lead(cfg)
	}
	pool, err := c.open(cfg, v.connections)
	if err != nil {
		b.Fatal(err)
	}
	w.lengthen(v.roundTrip)
	err = measureLookup(b, server, pool, v.goroutines)
	w.lengthen(0)
	if err := errors.Join(err, pool.close()); err != nil {
		b.Fatal(err)
	}
	if v.far() {
		b.ReportMetric(float64(w.added()), "added-ns")
	}
}

func measureLookup(b *testing.B, server *lab.Server, pool lookupPool, goroutines int) error {
	const prepares = "Com_stmt_prepare"
	before, err := globalStatus(server, prepares)
	if err != nil {
		return err
	}
	b.ReportAllocs()
	load := sessionLoad{asks: pool.share(goroutines), more: counted(b.N), begin: b.ResetTimer}
	took, err := load.run()
	b.StopTimer()
	if err != nil {
		return err
	}
	reportCalls(b, took, b.Elapsed())
	after, err := globalStatus(server, prepares)
	b.ReportMetric((after-before)/float64(b.N), "prepares/op")
	return err
}

// A lookupPool is what goroutines ask.
type lookupPool struct {
	// share returns how each of n goroutines asks.
	share func(n int) []lookup
	close func() error
}

// A lookupContender opens a pool of one kind. Its connections are open when open returns.
type lookupContender struct {
	name         string
	loopbackOnly bool
	open         func(cfg *mysql.Config, connections int) (lookupPool, error)
}

func lookupContenders() []lookupContender {
	return []lookupContender{
		{name: "weir", open: openWeirLookups()},
		{name: "weir without statement cache", loopbackOnly: true, open: openWeirLookups(mysqlpool.WithoutStatementCache())},
		{name: "weir without row buffer", loopbackOnly: true, open: openWeirLookups(mysqlpool.WithoutRowBuffer())},
		{name: "database/sql", open: openStockLookups},
		{name: "database/sql interpolating", open: func(cfg *mysql.Config, connections int) (lookupPool, error) {
			cfg.InterpolateParams = true
			return openStockLookups(cfg, connections)
		}},
		{name: "database/sql held Stmt", open: openHeldStatement},
		{name: "raw driver", open: openRawLookups},
	}
}

// dbLookups has all goroutines ask a *sql.DB.
func dbLookups(db *sql.DB, end func() error) lookupPool {
	return lookupPool{share: func(n int) []lookup { return slices.Repeat([]lookup{lookupOn(db)}, n) }, close: end}
}

// lookupOn asks a *sql.DB or a *sql.Conn.
func lookupOn(on rower) lookup {
	return func(ctx context.Context, id int) (r benchRow, err error) {
		err = on.QueryRowContext(ctx, lookupText, id).Scan(&r.id, &r.name, &r.v)
		return r, err
	}
}

func openStockLookups(cfg *mysql.Config, connections int) (lookupPool, error) {
	db, err := openStock(cfg, connections)
	if err != nil {
		return lookupPool{}, err
	}
	return dbLookups(db, db.Close), nil
}

// openHeldStatement is what an application does that keeps its *sql.Stmt: database/sql prepares it on each connection once.
func openHeldStatement(cfg *mysql.Config, connections int) (lookupPool, error) {
	db, err := openStock(cfg, connections)
	if err != nil {
		return lookupPool{}, err
	}
	stmt, err := db.PrepareContext(context.Background(), lookupText)
	if err != nil {
		return lookupPool{}, errors.Join(err, db.Close())
	}
	ask := func(ctx context.Context, id int) (r benchRow, err error) {
		err = stmt.QueryRowContext(ctx, id).Scan(&r.id, &r.name, &r.v)
		return r, err
	}
	return lookupPool{
		share: func(n int) []lookup { return slices.Repeat([]lookup{ask}, n) },
		close: func() error { return errors.Join(stmt.Close(), db.Close()) },
	}, nil
}

// openStock is database/sql with so many connections, open, and as many idle ones allowed: the default of 2 would measure opening.
func openStock(cfg *mysql.Config, connections int) (*sql.DB, error) {
	db, err := openMySQLDB(cfg)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	conns, err := holdConns(db, connections)
	for _, conn := range conns {
		err = errors.Join(err, conn.Close())
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// holdConns borrows n connections, some at a time. With an error it returns those it has.
func holdConns(db *sql.DB, n int) ([]*sql.Conn, error) {
	const atOnce = 16
	conns, errs := make([]*sql.Conn, n), make([]error, atOnce)
	var openers sync.WaitGroup
	for o := range atOnce {
		openers.Go(func() {
			for i := o; i < n && errs[o] == nil; i += atOnce {
				conns[i], errs[o] = db.Conn(context.Background())
			}
		})
	}
	openers.Wait()
	return slices.DeleteFunc(conns, func(c *sql.Conn) bool { return c == nil }), errors.Join(errs...)
}
