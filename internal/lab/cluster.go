package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// maxNodes keeps a mistyped number from starting a hundred servers.
const maxNodes = 9

// Cluster is a primary and its replicas, joined by GTID replication. A write is
// acknowledged to its client when one replica has it (semi-synchronous, up to
// two seconds), so that a failover of a pair loses no acknowledged row. While a
// replica comes back, MySQL may hold a write for a second.
//
// Each node has an address of its own, 127.0.0.2 and up, and all have the same
// port: a name that moves ([Resolver]) can lead to any of them.
type Cluster struct {
	nodes   []*Server
	primary atomic.Pointer[Server]
	change  sync.Mutex // held through a change of roles, so that they take turns
}

// StartPair starts a primary and one replica.
func StartPair(ctx context.Context, kind Kind) (*Cluster, error) {
	return StartCluster(ctx, 2, Config{Kind: kind})
}

// StartCluster starts n servers, the first as primary and the others as
// replicas that are read-only, and returns when replication runs. Each server is
// as base says; the cluster decides Host and ReadOnly.
func StartCluster(ctx context.Context, n int, base Config) (*Cluster, error) {
	if n < 1 || n > maxNodes {
		return nil, fmt.Errorf("lab: a cluster of %d nodes is outside 1 to %d", n, maxNodes)
	}
	if base.Host != "" || base.ReadOnly {
		return nil, errors.New("lab: a cluster decides Host and ReadOnly itself")
	}
	base, err := base.withDefaults()
	if err != nil {
		return nil, err
	}
	drawn := base.Port == 0
	for range startDraws {
		if drawn {
			if base.Port, err = freePort(ctx, nodeHosts(n)...); err != nil {
				return nil, err
			}
		}
		var c *Cluster
		c, err = startCluster(ctx, n, base)
		if err == nil {
			return c, nil
		}
		if !drawn || !errors.Is(err, errPortTaken) {
			break
		}
	}
	return nil, err
}

func startCluster(ctx context.Context, n int, base Config) (*Cluster, error) {
	c := &Cluster{nodes: make([]*Server, n)}
	errs := make([]error, n)
	var starts sync.WaitGroup
	for i, host := range nodeHosts(n) {
		starts.Go(func() {
			cfg := base
			cfg.Host, cfg.ReadOnly = host, i > 0
			c.nodes[i], errs[i] = startServer(ctx, cfg, i+1, cfg.Kind.family().replication().args)
		})
	}
	starts.Wait()
	err := errors.Join(errs...)
	if err == nil {
		c.primary.Store(c.nodes[0])
		err = c.repoint(ctx, c.nodes[1:])
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func nodeHosts(n int) []string {
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = "127.0.0." + strconv.Itoa(i+2)
	}
	return hosts
}

// Primary is the node that accepts writes, or did so last.
func (c *Cluster) Primary() *Server { return c.primary.Load() }

// Nodes returns all nodes in the order of their addresses.
func (c *Cluster) Nodes() []*Server { return slices.Clone(c.nodes) }

// Replicas returns all nodes but the primary.
func (c *Cluster) Replicas() []*Server {
	primary := c.Primary()
	return slices.DeleteFunc(c.Nodes(), func(s *Server) bool { return s == primary })
}

// Sync waits until every replica has applied everything that the primary had
// committed when Sync was called. A replica that is down makes it fail with ctx.
func (c *Cluster) Sync(ctx context.Context) error {
	beat, err := sendBeat(ctx, c.Primary())
	if err != nil {
		return err
	}
	for _, node := range c.Replicas() {
		if err := awaitBeat(ctx, node, beat); err != nil {
			return err
		}
	}
	return nil
}

// Close kills all nodes and removes their data directories.
func (c *Cluster) Close() error {
	var errs []error
	for _, node := range c.nodes {
		if node != nil {
			errs = append(errs, node.Close())
		}
	}
	return errors.Join(errs...)
}
