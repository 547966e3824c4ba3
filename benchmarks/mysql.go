package benchmarks

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// mysqlMax is how many connections each pool has, all of them open before the load begins.
const mysqlMax = 16

// mysqlLeast is twice the time for which weir takes a check for good, so that checks fall due in it.
const mysqlLeast = time.Second

// A mysqlVariant is one load. Without a limit database/sql waits for ever; weir keeps to its own default of a second in any
// case, which costs it nothing.
type mysqlVariant struct {
	goroutines int
	limit      time.Duration
}

func (v mysqlVariant) name(q mysqlQuery) string {
	name := fmt.Sprintf("query=%s/goroutines=%d", q.name, v.goroutines)
	if v.limit > 0 {
		name += fmt.Sprintf("/limit=%v", v.limit)
	}
	return name
}

func mysqlVariants() []mysqlVariant {
	return []mysqlVariant{{goroutines: 8}, {goroutines: 64}, {goroutines: 256}, {goroutines: 256, limit: time.Second}}
}

// mysqlCases are W10: calls to a real MariaDB over loopback, on 16 connections.
func mysqlCases(s *mysqlServer) []Case {
	var cases []Case
	for _, q := range mysqlQueries() {
		for _, v := range mysqlVariants() {
			for _, c := range mysqlContenders() {
				cases = append(cases, Case{
					Workload: "W10MySQL", Variant: v.name(q), Contender: "pool=" + c.name, Least: mysqlLeast,
					Run: func(b *testing.B) { runMySQL(b, s, c, v, q) },
				})
			}
		}
	}
	return cases
}

func runMySQL(b *testing.B, s *mysqlServer, c mysqlContender, v mysqlVariant, q mysqlQuery) {
	cfg, err := s.config()
	if err != nil {
		b.Fatal(err)
	}
	pool, err := c.open(cfg, v.limit)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	calls, err := loadMySQL(pool, v.goroutines, b.N, q, b.ResetTimer)
	b.StopTimer()
	if c, ok := pool.(interface{ checks() uint64 }); ok {
		b.ReportMetric(float64(c.checks()), "checks")
	}
	if err := errors.Join(err, pool.close()); err != nil {
		b.Fatal(err)
	}
	calls.report(b, !c.waitUnseen)
}

// A mysqlPool lends connections to a server.
type mysqlPool interface {
	// call borrows a connection, gives it to use and takes it back.
	call(use mysqlUse) error
	close() error
}

// A mysqlContender opens one kind of pool. Its connections are open when open returns. The limit bounds a wait, 0: not at all.
type mysqlContender struct {
	name       string
	open       func(cfg *mysql.Config, limit time.Duration) (mysqlPool, error)
	waitUnseen bool // use begins before there is a connection
}

// mysqlContenders go the same way through a *sql.Conn, so that what differs is the pool; beside that both have a way of
// fewer words. Checks are on as a user gets them who sets nothing.
func mysqlContenders() []mysqlContender {
	return []mysqlContender{
		{name: "weir", open: func(cfg *mysql.Config, limit time.Duration) (mysqlPool, error) {
			return openMySQLWeir(cfg, limit)
		}},
		{name: "weir Do", open: openMySQLDo},
		{name: "weir without checks", open: openMySQLBare},
		{name: "database/sql", open: openMySQLConns},
		{name: "database/sql without checks", open: func(cfg *mysql.Config, limit time.Duration) (mysqlPool, error) {
			cfg.CheckConnLiveness = false
			return openMySQLConns(cfg, limit)
		}},
		{name: "database/sql QueryRow", waitUnseen: true, open: openMySQLDirect},
	}
}

// mysqlLeases is weir.
type mysqlLeases struct {
	pool *weir.Pool[*sql.Conn]
	end  func(context.Context) error
}

func (p mysqlLeases) call(use mysqlUse) error {
	ctx := context.Background()
	lease, err := p.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer lease.Release()
	return use(ctx, lease.Value())
}

// checks is how many times a connection was checked because a caller wanted it.
func (p mysqlLeases) checks() uint64 { return p.pool.Stats().Checks[weir.OnAcquire] }

func (p mysqlLeases) close() error { return p.end(context.Background()) }

// mysqlDo is weir, by the call that also judges the error.
type mysqlDo struct{ mysqlLeases }

func (p mysqlDo) call(use mysqlUse) error {
	return p.pool.Do(context.Background(), func(ctx context.Context, conn *sql.Conn) error { return use(ctx, conn) })
}

func mysqlOptions(limit time.Duration) weir.Option {
	opts := []weir.Option{weir.WithMaxOpen(mysqlMax), weir.WithMinIdle(mysqlMax), weir.WithLogger(slog.New(slog.DiscardHandler))}
	if limit > 0 {
		opts = append(opts, weir.WithMaxWait(limit))
	}
	return weir.Options(opts...)
}

func openMySQLWeir(cfg *mysql.Config, limit time.Duration) (mysqlLeases, error) {
	pool, err := mysqlpool.NewConfig(context.Background(), cfg, mysqlOptions(limit))
	if err != nil {
		return mysqlLeases{}, err
	}
	return mysqlLeases{pool.Pool, pool.Close}, nil
}

func openMySQLDo(cfg *mysql.Config, limit time.Duration) (mysqlPool, error) {
	p, err := openMySQLWeir(cfg, limit)
	return mysqlDo{p}, err
}

// openMySQLBare makes the pool that mysqlpool would make if it neither asked the server nor looked at the socket; its users
// cannot switch off the look. It stands for what all of mysqlpool's checks cost together.
func openMySQLBare(cfg *mysql.Config, limit time.Duration) (mysqlPool, error) {
	cfg.CheckConnLiveness = false
	db, err := openMySQLDB(cfg)
	if err != nil {
		return nil, err
	}
	pool, err := weir.New(context.Background(), weir.Factory[*sql.Conn]{
		Open:     func(ctx context.Context) (*sql.Conn, error) { return db.Conn(ctx) },
		Close:    closeMySQLConn,
		Classify: mysqlpool.Verdict,
	}, mysqlOptions(limit), weir.WithLeakThreshold(time.Minute)) // as in mysqlpool
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return mysqlLeases{pool, func(ctx context.Context) error { return errors.Join(pool.Close(ctx), db.Close()) }}, nil
}

// closeMySQLConn makes the *sql.DB close the connection instead of keeping it.
func closeMySQLConn(conn *sql.Conn) error {
	err := conn.Raw(func(any) error { return driver.ErrBadConn })
	if errors.Is(err, driver.ErrBadConn) {
		return nil
	}
	return err
}

// mysqlConns is database/sql's own pool. The limit is on the wait alone, as weir's is.
type mysqlConns struct {
	db    *sql.DB
	limit time.Duration
}

func (p mysqlConns) call(use mysqlUse) error {
	conn, err := p.acquire()
	if err != nil {
		return err
	}
	defer conn.Close()
	return use(context.Background(), conn)
}

func (p mysqlConns) acquire() (*sql.Conn, error) {
	if p.limit == 0 {
		return p.db.Conn(context.Background())
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.limit)
	defer cancel()
	return p.db.Conn(ctx)
}

func (p mysqlConns) close() error { return p.db.Close() }

// mysqlDirect is database/sql with its shortest call. The limit is on the whole call: there is no other.
type mysqlDirect struct{ mysqlConns }

func (p mysqlDirect) call(use mysqlUse) error {
	if p.limit == 0 {
		return use(context.Background(), p.db)
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.limit)
	defer cancel()
	return use(ctx, p.db)
}

func openMySQLConns(cfg *mysql.Config, limit time.Duration) (mysqlPool, error) {
	db, err := openFullMySQLDB(cfg)
	if err != nil {
		return nil, err
	}
	return mysqlConns{db, limit}, nil
}

func openMySQLDirect(cfg *mysql.Config, limit time.Duration) (mysqlPool, error) {
	db, err := openFullMySQLDB(cfg)
	if err != nil {
		return nil, err
	}
	return mysqlDirect{mysqlConns{db, limit}}, nil
}

// openFullMySQLDB has database/sql open all the connections it may have.
func openFullMySQLDB(cfg *mysql.Config) (*sql.DB, error) {
	db, err := openMySQLDB(cfg)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(mysqlMax)
	db.SetMaxIdleConns(mysqlMax) // the default, 2, would measure opening
	for range mysqlMax {
		conn, err := db.Conn(context.Background())
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		defer conn.Close() // not sooner: the next one is to be another
	}
	return db, nil
}

func openMySQLDB(cfg *mysql.Config) (*sql.DB, error) {
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("benchmarks: %w", err)
	}
	return sql.OpenDB(connector), nil
}
