package mysqlpool

import (
	"context"
	"fmt"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// A leftover is a command that its caller has left because its context had ended and the server had not answered. The ending goes on
// behind it. Until it is over the backend stays held, and counted.
type leftover struct {
	work *worker // which has the call until end is over
	end  *ending
}

// leaveBehind says what the caller of the command that was just left gets to know, and what becomes of its session: outside of a
// transaction it goes on with another backend; inside one, or pinned, its next command waits, for as long as its own context lasts.
func (s *session) leaveBehind(c *call) error {
	err := c.ctx.Err()
	if s.b.sent.Load() && c.outlasts() {
		err = s.outcomeUnknown("the context ended before the answer came", err)
	}
	over := c.ends != endsNothing && (c.do == endsTx || !s.inTx && !c.st.Chains)
	if !c.depends || over && s.pinned == nil {
		s.detach()
	}
	if c.do == endsTx {
		s.inTx, s.readOnly = false, false
	}
	return err
}

// detach parts the session from the command that it has left, and from that command's backend, which is cleaned when the ending is over.
func (s *session) detach() {
	con, lease, b, left := s.con, s.lease, s.b, s.left
	st := left.work.job.st // which the worker only reads
	free := s.unpinLater()
	con.background(func() {
		defer free()
		<-left.end.over
		call := left.work.take()
		con.tidy(lease, b, &call)
	})
	s.left, s.inTx, s.readOnly, s.dirty = nil, false, false, false
	s.lease, s.b, s.worst, s.held = weir.Lease[*backend]{}, nil, nil, holdsNot
	n := s.trail.number
	n.handOver()
	n.lost, n.ids = n.lost || st.Leaves.Has(stickyID) || st.Opaque, nil
	s.trail = trail{tenure: s.trail.tenure, mute: true, number: n}
}

// rejoin waits, before the session's next command, until the ending of the one that was left is over, and draws the conclusions that its
// caller did not wait for.
func (s *session) rejoin(ctx context.Context) error {
	left := s.left
	if left == nil {
		return nil
	}
	select {
	case <-left.end.over:
	default:
		select {
		case <-left.end.over:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.left = nil
	c := left.work.take()
	s.con.tellPanic(&c)
	s.conclude(left.end, &c) // its error was told when it was left
	if r := c.rows; r != nil {
		r.Close() // nobody reads them
	}
	return nil
}

// tidy gives back the backend of a command that was left for good, as new as its next user needs it.
func (c *Connector) tidy(lease weir.Lease[*backend], b *backend, left *call) {
	c.tellPanic(left)
	plain := left.st.Kind == sqltext.Read || left.st.Kind == sqltext.Share
	switch {
	case left.streams || !b.alive() || b.tainted || left.st.Taints:
		discard(lease)
	case plain && !left.depends && !left.dirties && !c.blind() && !c.inTransaction(b):
		var worst error
		if left.err != nil && c.verdict(left.err) != weir.Keep {
			worst = left.err
		}
		c.giveBack(lease, b, worst)
	default:
		c.resetAndRelease(lease, b, nil)
	}
}

// tellPanic logs what a caller who has left was not told.
func (c *Connector) tellPanic(left *call) {
	if left.panicked != nil {
		c.made.Logger.Error("mysqlpool: the driver panicked behind a caller whose context had ended", "pool", c.made.Name, "panic", fmt.Sprint(left.panicked))
	}
}
