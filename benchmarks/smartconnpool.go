package benchmarks

import (
	"context"
	"time"

	"vitess.io/vitess/go/pools/smartconnpool"
)

type smartPool struct {
	pool    *smartconnpool.ConnPool[smartConn]
	maxWait time.Duration
}

func openSmartconnpool(c Config) (Pool, error) {
	pool := smartconnpool.NewPool(&smartconnpool.Config[smartConn]{Capacity: int64(c.Max)})
	pool.Open(func(ctx context.Context) (smartConn, error) {
		r, err := c.Open(ctx)
		return smartConn{r}, err
	}, nil)
	p := &smartPool{pool: pool}
	if err := fill(p, c.Idle); err != nil {
		p.Close()
		return nil, err
	}
	p.maxWait = c.MaxWait
	return p, nil
}

func (p *smartPool) Use(ctx context.Context, work func()) error {
	conn, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	_ = conn.Conn.Resource
	work()
	conn.Recycle()
	return nil
}

func (p *smartPool) acquire(ctx context.Context) (*smartconnpool.Pooled[smartConn], error) {
	if p.maxWait > 0 {
		limited, cancel := context.WithTimeout(ctx, p.maxWait)
		defer cancel()
		ctx = limited
	}
	conn, err := p.pool.Get(ctx, nil)
	if err != nil {
		return nil, ended(ctx, err)
	}
	return conn, nil
}

// Close polls every 10 ms, for 10 s at most, while anything is in use.
func (p *smartPool) Close() { p.pool.Close() }

// A smartConn has no settings, so one of the pool's nine stacks is all that is used.
type smartConn struct{ *Resource }

func (smartConn) ApplySetting(context.Context, *smartconnpool.Setting) error { return nil }
func (smartConn) ResetSetting(context.Context) error                         { return nil }
func (smartConn) Setting() *smartconnpool.Setting                            { return nil }
func (smartConn) IsClosed() bool                                             { return false }
func (smartConn) Close()                                                     {}
