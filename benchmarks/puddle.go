package benchmarks

import (
	"context"
	"time"

	"github.com/jackc/puddle/v2"
)

type puddlePool struct {
	pool    *puddle.Pool[*Resource]
	maxWait time.Duration
}

func openPuddle(c Config) (Pool, error) {
	pool, err := puddle.NewPool(&puddle.Config[*Resource]{
		Constructor: c.Open,
		Destructor:  func(*Resource) {},
		MaxSize:     int32(c.Max),
	})
	if err != nil {
		return nil, err
	}
	for range c.Idle {
		if err := pool.CreateResource(context.Background()); err != nil {
			pool.Close()
			return nil, err
		}
	}
	return &puddlePool{pool, c.MaxWait}, nil
}

func (p *puddlePool) Use(ctx context.Context, work func()) error {
	res, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	_ = res.Value()
	work()
	res.Release()
	return nil
}

func (p *puddlePool) acquire(ctx context.Context) (*puddle.Resource[*Resource], error) {
	if p.maxWait == 0 {
		return p.pool.Acquire(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, p.maxWait)
	defer cancel()
	return p.pool.Acquire(ctx)
}

func (p *puddlePool) Close() { p.pool.Close() }
