package mysqlpool

import (
	"sync/atomic"
	"time"
)

// A look at a socket takes less than a microsecond, or it lasts. A timer for each would cost more than the look, so there is one for
// all: it goes round while looks are taken, and cuts the connections on which one has lasted for two rounds.

// roundEvery is such that two rounds, the least that a look is left, make probeLimit.
const roundEvery = probeLimit / 2

// cutShort stands in a connection's looking when the look was ended by cutting the connection.
const cutShort = -1

// rounds keep time for looks that are being taken. A look that is has, in its connection's looking, the number of the round after
// which it began, plus one; none is 0.
type rounds struct {
	n     atomic.Int64
	awake atomic.Bool
	timer *time.Timer
}

func newRounds(goRound func()) *rounds {
	r := &rounds{timer: time.AfterFunc(roundEvery, goRound)}
	r.timer.Stop() // until the first look
	return r
}

// begin notes the beginning of a look.
func (r *rounds) begin(looking *atomic.Int64) {
	looking.Store(r.n.Load() + 1)
	r.wake()
}

func (r *rounds) wake() {
	if !r.awake.Load() && r.awake.CompareAndSwap(false, true) {
		r.timer.Reset(roundEvery)
	}
}

// goRound is called by the timer. When no look is being taken it sleeps until the next one.
func (b *backend) goRound() {
	now := b.rounds.n.Add(1)
	b.rounds.awake.Store(false)
	late, lasting := b.looks(now - 2) // after that, so that no look goes by unseen
	for _, c := range late {
		c.socket.cut()
	}
	if lasting {
		b.rounds.wake()
	}
}

// looks returns the connections on which a look has lasted since that round, which it marks as cut short, and whether others are
// being looked at.
func (b *backend) looks(since int64) (late []*connection, lasting bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		switch began := c.looking.Load(); {
		case began == 0 || began == cutShort:
		case began <= since && c.looking.CompareAndSwap(began, cutShort):
			late = append(late, c)
		default:
			lasting = true
		}
	}
	return late, lasting
}
