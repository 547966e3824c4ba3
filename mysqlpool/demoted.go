package mysqlpool

import (
	"context"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// demotedHold is how long a session may go on holding a backend whose server has refused to write, for a transaction or a pin. Then the
// backend is taken from it.
const demotedHold = 5 * time.Second

// boundDemoted sees to it that the held backend, if its server seems demoted, is not held for ever.
func (s *session) boundDemoted() {
	b := s.b
	if b == nil || s.con.verdict(s.worst) != weir.Demoted {
		return
	}
	b.use.Lock()
	defer b.use.Unlock()
	if b.demoted != nil || b.closed {
		return
	}
	pool := s.con.pool
	b.demoted = time.AfterFunc(demotedHold, func() {
		pool.Reclaim(func(other *backend) bool { return other == b })
	})
}

var asCommit = sqltext.Statement{Kind: sqltext.Commit}

// leaveDemoted is called before a BEGIN on a held backend. If its server seems demoted it ends the transaction that is open there as
// the BEGIN would, by a COMMIT, so that the next one begins on another backend. Where the COMMIT fails so does the BEGIN.
func (s *session) leaveDemoted(ctx context.Context) error {
	if s.pinned != nil || s.inTx || s.con.verdict(s.worst) != weir.Demoted {
		return nil
	}
	err := s.perform(ctx, &call{do: execs, text: "COMMIT", st: &asCommit})
	if err != nil && s.b != nil {
		s.perform(ctx, &call{do: execs, text: "ROLLBACK"}) // if it fails, too, there is nothing left to roll back
	}
	return err
}

// pastLoss lets a session go on that has lost its transaction: the server has rolled that back. A ROLLBACK is what was done, a COMMIT
// fails, and a BEGIN begins anew.
func (s *session) pastLoss(c *call) (over bool, err error) {
	switch {
	case c.st.Kind == sqltext.Begin:
		s.lost = nil
	case c.ends == commits:
		err, s.lost = s.lost, nil
		return true, err
	case c.ends == rollsBack && c.do == execs && !c.st.Chains:
		s.lost, c.result = nil, noResult{}
		return true, nil
	}
	return false, nil
}
