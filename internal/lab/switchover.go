package lab

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Timings says when a change of roles took effect.
type Timings struct {
	// Writable is when the new primary began to accept writes. After a
	// [Cluster.Rejoin] it is zero.
	Writable time.Time
	// Gap is how long no node accepted writes.
	Gap time.Duration
	// Total is how long it took until all replicas followed the new primary.
	Total time.Duration
}

// Switchover hands the primary's role to the replica to, as one plans it: the
// primary becomes read-only, the replica catches up and is promoted, and all
// others follow it. Connections to the old primary stay open and get error 1290
// on writes. When the replica cannot catch up, the old primary stays what it was.
func (c *Cluster) Switchover(ctx context.Context, to *Server) (Timings, error) {
	c.change.Lock()
	defer c.change.Unlock()
	old := c.Primary()
	if err := c.checkReplica(to); err != nil {
		return Timings{}, err
	}
	begun := time.Now()
	if err := old.SetReadOnly(ctx, true); err != nil {
		return Timings{}, err
	}
	position, err := binlogPosition(ctx, old)
	if err == nil {
		err = awaitGTID(ctx, to, position)
	}
	if err != nil {
		return Timings{}, errors.Join(err, old.SetReadOnly(context.WithoutCancel(ctx), false))
	}
	return c.install(ctx, to, begun)
}

// Failover kills the primary and gives its role to the replica to, which first
// applies all it has received; the others follow it. What only another replica
// has received is lost. The killed node stays down until [Cluster.Rejoin].
func (c *Cluster) Failover(ctx context.Context, to *Server) (Timings, error) {
	c.change.Lock()
	defer c.change.Unlock()
	if err := c.checkReplica(to); err != nil {
		return Timings{}, err
	}
	begun := time.Now()
	if err := c.Primary().Kill9(); err != nil {
		return Timings{}, err
	}
	if err := receiveNoMore(ctx, to); err != nil {
		return Timings{}, err
	}
	return c.install(ctx, to, begun)
}

// Rejoin makes node, running or not, a replica of the primary. It comes back
// with its old data. When those hold what the primary never received, they are
// thrown away and the node is built anew from the primary's binary log.
func (c *Cluster) Rejoin(ctx context.Context, node *Server) (Timings, error) {
	c.change.Lock()
	defer c.change.Unlock()
	if err := c.checkReplica(node); err != nil {
		return Timings{}, err
	}
	begun := time.Now()
	node.startReadOnly(true) // before it starts: nobody may write to two primaries
	if !node.Running() {
		if err := node.Restart(ctx); err != nil {
			return Timings{}, err
		}
	}
	if err := node.SetReadOnly(ctx, true); err != nil {
		return Timings{}, err
	}
	err := c.repoint(ctx, []*Server{node})
	return Timings{Total: time.Since(begun)}, err
}

// install promotes the node and makes all others that run follow it.
func (c *Cluster) install(ctx context.Context, to *Server, begun time.Time) (Timings, error) {
	if err := promote(ctx, to); err != nil {
		return Timings{}, err
	}
	writable := time.Now()
	c.primary.Store(to)
	others := slices.DeleteFunc(c.Replicas(), func(s *Server) bool { return !s.Running() })
	err := c.repoint(ctx, others)
	return Timings{Writable: writable, Gap: writable.Sub(begun), Total: time.Since(begun)}, err
}

func (c *Cluster) repoint(ctx context.Context, replicas []*Server) error {
	for _, node := range replicas {
		err := follow(ctx, node, c.Primary())
		if errors.Is(err, errDiverged) {
			if err = node.reset(ctx); err == nil {
				err = follow(ctx, node, c.Primary())
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) checkReplica(node *Server) error {
	if node == nil || !slices.Contains(c.Replicas(), node) {
		return errors.New("lab: the node is not a replica of this cluster")
	}
	return nil
}
