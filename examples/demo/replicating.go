package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// A realPair is two MariaDB or MySQL servers on loopback, one replicating the other, and a name service of the demo's own.
type realPair struct {
	kind     lab.Kind
	cluster  *lab.Cluster
	resolver *lab.Resolver
	cfg      *mysql.Config
	names    map[string]string // the addresses by server_id
}

// appUser is the lab's user without special rights, whose password is its name.
const appUser = "app"

func startMariaDB(ctx context.Context) (ground, error) { return startReal(ctx, lab.MariaDB) }

func startMySQL(ctx context.Context) (ground, error) { return startReal(ctx, lab.MySQL) }

func startReal(ctx context.Context, kind lab.Kind) (_ ground, err error) {
	cluster, err := lab.StartPair(ctx, kind)
	if err != nil {
		return nil, err
	}
	p := &realPair{kind: kind, cluster: cluster, names: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	primary := cluster.Primary()
	if p.resolver, err = lab.NewResolver(map[string]string{endpoint: primary.Host()}); err != nil {
		return nil, err
	}
	if p.cfg, err = mysql.ParseDSN(primary.DSN(appUser, "app")); err != nil {
		return nil, err
	}
	p.cfg.Addr = net.JoinHostPort(endpoint, strconv.Itoa(primary.Port()))
	for _, n := range cluster.Nodes() {
		var id string
		if err := n.Admin().QueryRowContext(ctx, "SELECT @@server_id").Scan(&id); err != nil {
			return nil, err
		}
		p.names[id] = n.Addr()
	}
	_, err = primary.Admin().ExecContext(ctx,
		"CREATE TABLE app.payments (id INT AUTO_INCREMENT PRIMARY KEY, note VARCHAR(100) NOT NULL, amount INT NOT NULL)")
	return p, errors.Join(err, cluster.Sync(ctx))
}

func (p *realPair) introduction() string {
	return fmt.Sprintf("on a pair of %v servers: %s, the primary, and %s, which replicates it",
		p.kind, p.cluster.Primary().Addr(), p.cluster.Replicas()[0].Addr())
}

func (p *realPair) open(ctx context.Context, opts ...weir.Option) (*mysqlpool.Pool, error) {
	return openConfig(ctx, p.cfg, p.primary(opts))
}

func (p *realPair) openSessions(ctx context.Context, opts ...weir.Option) (*mysqlpool.Connector, error) {
	return connectConfig(ctx, p.cfg, p.primary(opts))
}

func (p *realPair) primary(opts []weir.Option) []weir.Option {
	return append(opts, mysqlpool.WithRole(mysqlpool.Primary), mysqlpool.WithResolver(p.resolver.Resolver()))
}

func (p *realPair) census(ctx context.Context, _ []uint64) ([]headcount, error) {
	var out []headcount
	for _, n := range p.cluster.Nodes() {
		open, err := n.Processes(ctx, appUser)
		if err != nil {
			return nil, err
		}
		out = append(out, headcount{n.Addr(), open})
	}
	return out, nil
}

func (p *realPair) killAll(ctx context.Context) (int, error) {
	primary := p.cluster.Primary()
	killed, err := primary.KillConnections(ctx, appUser)
	if err != nil {
		return 0, err
	}
	return killed, until(ctx, "the killed connections are gone", func() (bool, error) {
		open, err := primary.Processes(ctx, appUser)
		return open == 0, err
	})
}

// switchover has a gap of its own: the new primary first applies what the old one wrote.
func (p *realPair) switchover(ctx context.Context, _ time.Duration) (promotion, error) {
	old, next := p.cluster.Primary(), p.cluster.Replicas()[0]
	timings, err := p.cluster.Switchover(ctx, next)
	if err != nil {
		return promotion{}, err
	}
	if err := p.resolver.Set(endpoint, next.Host()); err != nil {
		return promotion{}, err
	}
	return promotion{from: old.Addr(), to: next.Addr(), writable: timings.Writable, moved: time.Now()}, nil
}

func (p *realPair) self() string { return "@@server_id" }

func (p *realPair) rows(ctx context.Context) ([]row, error) {
	if err := p.cluster.Sync(ctx); err != nil {
		return nil, err
	}
	rows, err := readRows(ctx, p.cluster.Primary().Admin(), "SELECT note FROM app.payments ORDER BY id")
	for i := range rows {
		rows[i].server = p.names[rows[i].server]
	}
	return rows, err
}

func (p *realPair) close() error {
	var err error
	if p.resolver != nil {
		err = p.resolver.Close()
	}
	return errors.Join(err, p.cluster.Close())
}
