package benchmarks

import (
	"context"

	silenceper "github.com/silenceper/pool"
)

// A silenceperPool takes no contexts: neither a wait nor an open can be given up.
//
// Its Get looks for an idle resource without the lock and queues under it. What comes back in between is idle, while the
// caller waits for somebody to give back another; when nobody holds any, for ever. Where callers wait, runs with this peer
// must be able to do without an answer.
type silenceperPool struct {
	pool silenceper.Pool
}

func openSilenceper(c Config) (Pool, error) {
	pool, err := silenceper.NewChannelPool(&silenceper.Config{
		InitialCap: c.Idle,
		MaxCap:     c.Max,
		MaxIdle:    c.Max,
		Factory:    func() (any, error) { return c.Open(context.Background()) },
		Close:      func(any) error { return nil },
	})
	if err != nil {
		return nil, err
	}
	return silenceperPool{pool}, nil
}

func (p silenceperPool) Use(_ context.Context, work func()) error {
	conn, err := p.pool.Get()
	if err != nil {
		return err
	}
	_ = conn.(*Resource)
	work()
	return p.pool.Put(conn)
}

func (p silenceperPool) Close() { p.pool.Release() }
