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

// A mariaPair is two MariaDB servers on loopback, one replicating the other, and a name service of the demo's own.
type mariaPair struct {
	cluster  *lab.Cluster
	resolver *lab.Resolver
	cfg      *mysql.Config
	names    map[string]string // the addresses by server_id
}

// appUser is the lab's user without special rights, whose password is its name.
const appUser = "app"

func startMariaDB(ctx context.Context) (_ ground, err error) {
	cluster, err := lab.StartPair(ctx, lab.MariaDB)
	if err != nil {
		return nil, err
	}
	m := &mariaPair{cluster: cluster, names: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	primary := cluster.Primary()
	if m.resolver, err = lab.NewResolver(map[string]string{endpoint: primary.Host()}); err != nil {
		return nil, err
	}
	if m.cfg, err = mysql.ParseDSN(primary.DSN(appUser, "app")); err != nil {
		return nil, err
	}
	m.cfg.Addr = net.JoinHostPort(endpoint, strconv.Itoa(primary.Port()))
	for _, n := range cluster.Nodes() {
		var id string
		if err := n.Admin().QueryRowContext(ctx, "SELECT @@server_id").Scan(&id); err != nil {
			return nil, err
		}
		m.names[id] = n.Addr()
	}
	_, err = primary.Admin().ExecContext(ctx,
		"CREATE TABLE app.payments (id INT AUTO_INCREMENT PRIMARY KEY, note VARCHAR(100) NOT NULL, amount INT NOT NULL)")
	return m, errors.Join(err, cluster.Sync(ctx))
}

func (m *mariaPair) introduction() string {
	return fmt.Sprintf("on a pair of MariaDB servers: %s, the primary, and %s, which replicates it",
		m.cluster.Primary().Addr(), m.cluster.Replicas()[0].Addr())
}

func (m *mariaPair) open(ctx context.Context, opts ...weir.Option) (*mysqlpool.Pool, error) {
	return openConfig(ctx, m.cfg, m.primary(opts))
}

func (m *mariaPair) openSessions(ctx context.Context, opts ...weir.Option) (*mysqlpool.Connector, error) {
	return connectConfig(ctx, m.cfg, m.primary(opts))
}

func (m *mariaPair) primary(opts []weir.Option) []weir.Option {
	return append(opts, mysqlpool.WithRole(mysqlpool.Primary), mysqlpool.WithResolver(m.resolver.Resolver()))
}

func (m *mariaPair) census(ctx context.Context, _ []uint64) ([]headcount, error) {
	var out []headcount
	for _, n := range m.cluster.Nodes() {
		open, err := n.Processes(ctx, appUser)
		if err != nil {
			return nil, err
		}
		out = append(out, headcount{n.Addr(), open})
	}
	return out, nil
}

func (m *mariaPair) killAll(ctx context.Context) (int, error) {
	primary := m.cluster.Primary()
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
func (m *mariaPair) switchover(ctx context.Context, _ time.Duration) (promotion, error) {
	old, next := m.cluster.Primary(), m.cluster.Replicas()[0]
	timings, err := m.cluster.Switchover(ctx, next)
	if err != nil {
		return promotion{}, err
	}
	if err := m.resolver.Set(endpoint, next.Host()); err != nil {
		return promotion{}, err
	}
	return promotion{from: old.Addr(), to: next.Addr(), writable: timings.Writable, moved: time.Now()}, nil
}

func (m *mariaPair) self() string { return "@@server_id" }

func (m *mariaPair) rows(ctx context.Context) ([]row, error) {
	if err := m.cluster.Sync(ctx); err != nil {
		return nil, err
	}
	rows, err := readRows(ctx, m.cluster.Primary().Admin(), "SELECT note FROM app.payments ORDER BY id")
	for i := range rows {
		rows[i].server = m.names[rows[i].server]
	}
	return rows, err
}

func (m *mariaPair) close() error {
	var err error
	if m.resolver != nil {
		err = m.resolver.Close()
	}
	return errors.Join(err, m.cluster.Close())
}
