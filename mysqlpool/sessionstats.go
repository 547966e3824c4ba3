package mysqlpool

import (
	"sync/atomic"
	"time"
)

// SessionStats is a picture of the sessions of a connector. The counters only grow; they are read one after the other, not at one moment.
type SessionStats struct {
	Sessions  int // driver connections that database/sql has now, idle or in use
	MaxPinned int // how many sessions may be pinned at a time

	InUse       int           // sessions that database/sql has given to somebody and not got back
	MaxSessions int           // how many of them there may be, see [WithMaxSessions]
	Waiting     int           // callers who wait for one of them to be given back
	OldestAge   time.Duration // how long the oldest of them has been in use
	Longest     []Checkout    // the lines that have held them for longest, longest first, at most five

	Refused       uint64 // calls that ended in a SessionLimitError
	Leaks         uint64 // sessions that were in use for longer than LeakThreshold
	LeaksReturned uint64 // of those, the ones that were given back after all

	Pinned []Pin              // the sessions that are pinned now, longest first
	Pins   [PinReasons]uint64 // sessions that were pinned, by [PinReason]

	Replays    uint64 // times that a backend was given another session's state, one or two round trips each
	Resets     uint64 // backends reset at check-in
	ResetFails uint64 // of those, the ones that were closed because it did not work
	Rollbacks  uint64 // transactions that were open at check-in, and rolled back

	Kills uint64 // KILL QUERY sent because a context ended
	Cuts  uint64 // connections closed under a statement because killing was off or did not work in time

	Retries        uint64 // statements run once more on another backend
	OutcomeUnknown uint64 // statements that ended in ErrOutcomeUnknown
	SessionsLost   uint64 // sessions that ended in ErrSessionLost
	StickyLost     uint64 // statements that ended in a StickyError

	RowsBuffered uint64 // results that were read as a whole, so that the backend went back at once
	RowsStreamed uint64 // results that hold their backend until they are closed

	Statements StatementStats
}

// StatementStats tells of the prepared statements of all backends.
type StatementStats struct {
	Cached     int    // prepared and kept now
	Hits       uint64 // uses of a kept one
	Misses     uint64 // prepared and kept
	OneShots   uint64 // prepared, used once and closed
	Evictions  uint64 // given up for others, or because the server had too many
	Reprepares uint64 // prepared once more because the server asked for it
}

// counters are what a connector counts.
type counters struct {
	sessions                                    atomic.Int64
	replays, resets, resetFails, rollbacks      atomic.Uint64
	kills, cuts, retries, unknown, lost, sticky atomic.Uint64
	killFails                                   atomic.Uint64 // in a row
	buffered, streamed                          atomic.Uint64
	cached                                      atomic.Int64
	hits, misses, oneShots, evictions           atomic.Uint64
	reprepares                                  atomic.Uint64
	seen                                        sighting
	squeezes                                    atomic.Uint64 // how often the server had too many statements
	strange                                     atomic.Uint64 // names sessions whose settings nobody knows
}

// Sessions returns a picture of the connector's sessions.
func (c *Connector) Sessions() SessionStats {
	n := &c.counters
	s := SessionStats{
		Sessions: int(n.sessions.Load()), MaxPinned: cap(c.pins.places),
		Replays: n.replays.Load(), Resets: n.resets.Load(), ResetFails: n.resetFails.Load(), Rollbacks: n.rollbacks.Load(),
		Kills: n.kills.Load(), Cuts: n.cuts.Load(),
		Retries: n.retries.Load(), OutcomeUnknown: n.unknown.Load(), SessionsLost: n.lost.Load(), StickyLost: n.sticky.Load(),
		RowsBuffered: n.buffered.Load(), RowsStreamed: n.streamed.Load(),
		Statements: StatementStats{
			Cached: int(n.cached.Load()), Hits: n.hits.Load(), Misses: n.misses.Load(), OneShots: n.oneShots.Load(),
			Evictions: n.evictions.Load(), Reprepares: n.reprepares.Load(),
		},
	}
	c.checkouts.tell(&s)
	s.Pinned = c.pins.list(cap(c.pins.places))
	c.pins.mu.Lock()
	defer c.pins.mu.Unlock()
	s.Pins = c.pins.ever
	return s
}
