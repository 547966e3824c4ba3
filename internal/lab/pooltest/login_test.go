package pooltest_test

import (
	"context"
	"database/sql"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// logins counts how caching_sha2_password lets connections in: by the password itself, which takes two round trips more, or by what the server
// remembers of it.
type logins struct{ full, fast atomic.Int64 }

// config is a configuration whose connections are counted.
func (l *logins) config(t *testing.T, dsn string) *mysql.Config {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	must(t, err)
	cfg.Logger = &mysql.NopLogger{}
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, addr)
		return &login{Conn: conn, of: l}, err
	}
	return cfg
}

// A login is a connection that counts how it was let in.
type login struct {
	net.Conn
	of   *logins
	told bool
}

// Read looks for the packet of two bytes by which the server says how it goes on: 1 and 3 or 4, after a header that ends in a number.
func (l *login) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	for at := 0; at+6 <= n && !l.told; at++ {
		if p[at] == 2 && p[at+1] == 0 && p[at+2] == 0 && p[at+4] == 1 {
			l.told = true
			switch p[at+5] {
			case 3:
				l.of.fast.Add(1)
			case 4:
				l.of.full.Add(1)
			default:
				l.told = false
			}
		}
	}
	return n, err
}

// The first login of an account since the server's start is a full one: without TLS the driver asks for the server's public key. Later ones
// are fast, until the server forgets, at a restart or FLUSH PRIVILEGES.
func TestFullAndFastLogins(t *testing.T) {
	labtest.Only(t, lab.MySQL, "MariaDB 10.11 has no caching_sha2_password")
	ctx := within(t, 90*time.Second)
	srv := start(t, lab.Config{})
	l := &logins{}
	pool, err := mysqlpool.NewConfig(ctx, l.config(t, srv.DSN("app", "app")), quiet([]mysqlpool.Option{weir.WithMaxOpen(8), weir.WithMinIdle(8), weir.WithMaxWait(20 * time.Second)})...)
	must(t, err)
	defer closePool(t, pool)
	wantLogins := func(what string, full bool) {
		t.Helper()
		if f := l.full.Swap(0); full != (f > 0) {
			t.Errorf("%s: %d full logins, want some: %t", what, f, full)
		}
		if f := l.fast.Swap(0); !full && f == 0 {
			t.Errorf("%s: no fast login", what)
		}
	}
	holdAll(ctx, t, pool)
	wantLogins("at the start", true)
	renew := func() {
		pool.EvictAll()
		holdAll(ctx, t, pool)
	}
	renew()
	wantLogins("later", false)
	exec(ctx, t, srv.Admin(), "FLUSH PRIVILEGES")
	renew()
	wantLogins("when the server has forgotten", true)
	if s := pool.Stats(); s.OpenFails != 0 {
		t.Errorf("%d opens failed, the last with %v", s.OpenFails, s.LastOpenError)
	}

	callers := gather(ctx, pool, 16, selectOne)
	callers.await(ctx, t, "the callers are at work", 160, borrow.ok)
	must(t, srv.Restart(ctx))
	up := time.Now()
	callers.await(ctx, t, "the callers are at work again", 160, goodAfter(up))
	for _, b := range callers.home() {
		if b.begun.After(up) && !b.ok() {
			t.Errorf("a caller who came %v after the restart got %v", b.begun.Sub(up), b.err())
		}
	}
	wantLogins("after a restart", true)
	renew()
	wantLogins("in the end", false)
}

// Under TLS the password itself is sent. Where the server requires TLS nothing else is let in, and pools with TLS notice nothing.
func TestPoolsWithTLS(t *testing.T) {
	labtest.Only(t, lab.MySQL, "the lab's MariaDB has no certificate")
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	must(t, srv.SetGlobal(ctx, "require_secure_transport", 1))
	for _, params := range []string{"?tls=skip-verify", "?tls=preferred", "?tls=skip-verify&compress=true"} {
		t.Run(params, func(t *testing.T) {
			// FLUSH PRIVILEGES makes the first login a full one, by whoever is let in.
			pool := open(t, srv.DSN("app", "app")+params, weir.WithMaxOpen(4), weir.WithMinIdle(4), weir.WithMaxWait(20*time.Second))
			exec(ctx, t, labtest.Stock(t, srv.DSN("admin", "app")+params), "FLUSH PRIVILEGES")
			pool.EvictAll()
			holdAll(ctx, t, pool)
			must(t, pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
				var name, cipher string
				err := conn.QueryRowContext(ctx, "SHOW SESSION STATUS LIKE 'Ssl_cipher'").Scan(&name, &cipher)
				if cipher == "" {
					t.Error("a connection without TLS")
				}
				return err
			}))
			db, err := mysqlpool.Open(ctx, srv.DSN("app", "app")+params, quiet(nil)...)
			must(t, err)
			defer func() { must(t, db.Close()) }()
			short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
			if _, err := db.ExecContext(short, "DO SLEEP(60)"); err == nil { // killed over a connection with TLS
				t.Error("the statement was not ended")
			}
			c, _ := mysqlpool.ConnectorOf(db)
			until(ctx, t, "it has ended", func() bool { return c.Stats().InUse == 0 })
			if s := c.Sessions(); s.Kills == 0 || s.Cuts != 0 {
				t.Errorf("kills = %d, cuts = %d, want at least one and 0", s.Kills, s.Cuts)
			}
			if s := pool.Stats(); s.OpenFails != 0 {
				t.Errorf("%d opens failed, the last with %v", s.OpenFails, s.LastOpenError)
			}
		})
	}
	// Whoever comes without is told at once, and for good.
	_, err := mysqlpool.New(ctx, srv.DSN("app", "app"), quiet([]mysqlpool.Option{weir.WithStartWait(time.Hour)})...)
	if number(err) != 3159 || mysqlpool.Classify(err) != mysqlpool.Denied {
		t.Errorf("got %v, want 3159, denied", err)
	}
}
