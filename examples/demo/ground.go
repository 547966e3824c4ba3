package main

import (
	"context"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// A ground is what the story is played on: servers, and the way to them.
type ground interface {
	// introduction says in a few words what the ground is.
	introduction() string
	// open makes a pool whose connections lead to whoever is the primary at the moment.
	open(ctx context.Context, opts ...weir.Option) (*mysqlpool.Pool, error)
	// openSessions does the same with sessions over the pool.
	openSessions(ctx context.Context, opts ...weir.Option) (*mysqlpool.Connector, error)
	// census asks each server how many of its connections are the demo's; ids are the connections that were used.
	census(ctx context.Context, ids []uint64) ([]headcount, error)
	close() error
}

// A pair is a ground of the demo's own, a primary and a replica, where harm may be done.
type pair interface {
	ground
	// killAll kills the demo's connections to the primary and returns how many there were once they are gone.
	killAll(ctx context.Context) (int, error)
	// switchover makes the replica the primary and the endpoint's name lead to it. For at least gap nobody is.
	switchover(ctx context.Context, gap time.Duration) (promotion, error)
	// self is the expression by which a server names itself in a row.
	self() string
	// rows are the payments on the primary, in the order of their numbers, when the replica has them too.
	rows(ctx context.Context) ([]row, error)
}

// endpoint is the name that leads to the primary. No server is called so.
const endpoint = "db.demo.internal"

// A headcount is how many connections a server has.
type headcount struct {
	server      string
	connections int
}

func total(counts []headcount) int {
	n := 0
	for _, c := range counts {
		n += c.connections
	}
	return n
}

// A promotion tells of a change of roles.
type promotion struct {
	from, to string
	writable time.Time // when the new primary began to accept writes
	moved    time.Time // when the name began to lead to it
}

// A row is one payment as the servers have it.
type row struct {
	server string // the one that accepted it, as it called itself then
	mark   string // the writer's name for it
}

// openConfig makes a pool on cfg. The driver's own complaints are left out: its errors say the same.
func openConfig(ctx context.Context, cfg *mysql.Config, opts []weir.Option) (*mysqlpool.Pool, error) {
	cfg = cfg.Clone()
	cfg.Logger = &mysql.NopLogger{}
	return mysqlpool.NewConfig(ctx, cfg, opts...)
}

func connectConfig(ctx context.Context, cfg *mysql.Config, opts []weir.Option) (*mysqlpool.Connector, error) {
	cfg = cfg.Clone()
	cfg.Logger = &mysql.NopLogger{}
	return mysqlpool.NewConnector(ctx, cfg, opts...)
}
