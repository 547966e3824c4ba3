package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/examples/internal/embedded"
	"github.com/weirpool/weir/mysqlpool"
)

// An embeddedPair is two servers inside this process that show the same rows.
type embeddedPair struct {
	cfg *mysql.Config

	mu      sync.Mutex // guards the fields below
	primary *embedded.Server
	replica *embedded.Server
}

func startEmbedded(ctx context.Context) (ground, error) {
	data := embedded.NewData()
	primary, err := embedded.Start(ctx, embedded.Config{Name: "db-1", Role: embedded.Primary, Data: data})
	if err != nil {
		return nil, err
	}
	replica, err := embedded.Start(ctx, embedded.Config{Name: "db-2", Role: embedded.Replica, Data: data})
	if err != nil {
		primary.Stop()
		return nil, err
	}
	e := &embeddedPair{primary: primary, replica: replica}
	if e.cfg, err = mysql.ParseDSN(primary.DSN()); err != nil {
		return nil, errors.Join(err, e.close())
	}
	e.cfg.Addr = endpoint + ":3306"
	e.cfg.DialFunc = e.dial
	return e, nil
}

func (e *embeddedPair) introduction() string {
	return "on two embedded MySQL servers: db-1, the primary, and db-2, its replica"
}

func (e *embeddedPair) nodes() (primary, replica *embedded.Server) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.primary, e.replica
}

// dial is the demo's name service: whatever the address says, the primary answers.
func (e *embeddedPair) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	primary, _ := e.nodes()
	return new(net.Dialer).DialContext(ctx, network, primary.Addr())
}

func (e *embeddedPair) open(ctx context.Context, opts ...weir.Option) (*mysqlpool.Pool, error) {
	return openConfig(ctx, e.cfg, append(opts, mysqlpool.WithRole(mysqlpool.Primary)))
}

func (e *embeddedPair) openSessions(ctx context.Context, opts ...weir.Option) (*mysqlpool.Connector, error) {
	return connectConfig(ctx, e.cfg, append(opts, mysqlpool.WithRole(mysqlpool.Primary)))
}

func (e *embeddedPair) census(context.Context, []uint64) ([]headcount, error) {
	var out []headcount
	primary, replica := e.nodes()
	for _, n := range []*embedded.Server{primary, replica} {
		out = append(out, headcount{n.Name(), n.ConnectionCount()})
	}
	return out, nil
}

func (e *embeddedPair) killAll(ctx context.Context) (int, error) {
	primary, _ := e.nodes()
	killed := primary.KillAll()
	return killed, until(ctx, "the killed connections are gone", func() (bool, error) {
		return primary.ConnectionCount() == 0, nil
	})
}

func (e *embeddedPair) switchover(ctx context.Context, gap time.Duration) (promotion, error) {
	old, next := e.nodes()
	old.SetRole(embedded.Replica)
	if err := pause(ctx, gap); err != nil {
		return promotion{}, err
	}
	p := promotion{from: old.Name(), to: next.Name(), writable: time.Now()}
	next.SetRole(embedded.Primary)
	e.mu.Lock()
	e.primary, e.replica = next, old
	e.mu.Unlock()
	p.moved = time.Now()
	return p, nil
}

func (e *embeddedPair) self() string { return "@@hostname" }

// rows asks over a connection outside the pool; the servers share their data, so nothing lags behind.
func (e *embeddedPair) rows(ctx context.Context) ([]row, error) {
	primary, _ := e.nodes()
	db, err := sql.Open("mysql", primary.DSN())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return readRows(ctx, db, "SELECT note FROM payments ORDER BY id")
}

func (e *embeddedPair) close() error {
	primary, replica := e.nodes()
	replica.Stop()
	primary.Stop()
	return nil
}

// readRows takes apart the notes that the writers made of the server's name and their mark.
func readRows(ctx context.Context, db *sql.DB, query string) ([]row, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []row
	for rows.Next() {
		var note string
		if err := rows.Scan(&note); err != nil {
			return nil, err
		}
		server, mark, ok := strings.Cut(note, " ")
		if !ok {
			return nil, fmt.Errorf("a row that the demo did not write: %q", note)
		}
		out = append(out, row{server, mark})
	}
	return out, rows.Err()
}
