package mysqlpool

import (
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// failed decides what becomes of backend, session and statement after an error.
func (s *session) failed(c *call) (again bool, out error) {
	err := c.err
	if _, asked := s.state.value("transaction_read_only"); s.readOnly || asked {
		err = InReadOnlyTx(err)
	}
	if !s.b.alive() || Verdict(err) == weir.Discard {
		s.dropBackend(err)
		if c.depends && c.pins {
			s.unpin() // there was nothing yet
		}
		return s.afterDeath(c, err)
	}
	if c.do == endsTx {
		s.inTx, s.readOnly = false, false
	}
	if s.con.verdict(err) != weir.Keep {
		s.worst = err
	}
	if c.sent {
		s.trail.st, s.trail.fail = c.st, true
		s.b.tainted = s.b.tainted || c.st.Taints // what came before in the same text may have worked
	}
	halfBegun := c.do == begins && c.opts.Isolation != 0 // SET TRANSACTION may have worked where START TRANSACTION did not
	if c.sent && (c.st.Kind == sqltext.Set || halfBegun) {
		s.dirty = true // some of it may have been set
	}
	if hasNumber(err, tooManyStatements) && c.crowded < maxCrowded {
		c.crowded++
		s.con.makeRoom(c.ctx, s.b, c.crowded)
		return true, err
	}
	s.settle()
	s.boundDemoted()
	if _, sticky := err.(*StickyError); !sticky && c.late {
		if c.sent && c.inParts() {
			return false, s.outcomeUnknown("it was ended, and what it had done before may stay", c.ctx.Err())
		}
		err = c.ctx.Err()
	}
	if c.unsure && c.outlasts() {
		return false, s.outcomeUnknown("it was interrupted, and vtgate does not tell", err)
	}
	return false, unwrapReadOnly(err)
}

// dropBackend discards the held backend, with the error that speaks against it.
func (s *session) dropBackend(err error) {
	if s.con.verdict(err) == weir.Keep {
		discard(s.lease)
	} else if s.lease.Valid() {
		s.lease.Finish(err)
	}
	s.dirty, s.worst, s.held = false, nil, holdsNot
	s.lease, s.b, s.trail.last = weir.Lease[*backend]{}, nil, weir.Lease[*backend]{}
}

func unwrapReadOnly(err error) error {
	if e, ok := err.(*readOnlyTxError); ok {
		return e.error
	}
	return err
}
