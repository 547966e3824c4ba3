package benchmarks

import (
	"context"
	"time"

	commons "github.com/jolestar/go-commons-pool/v2"
)

type commonsPool struct {
	pool    *commons.ObjectPool
	maxWait time.Duration
}

func openCommons(c Config) (Pool, error) {
	config := commons.NewDefaultPoolConfig() // last in, first out; blocks when exhausted; no evictor
	config.MaxTotal = c.Max
	config.MaxIdle = c.Max // the default, 8, would measure opening
	pool := commons.NewObjectPool(context.Background(), commons.NewPooledObjectFactorySimple(
		func(ctx context.Context) (any, error) { return c.Open(ctx) }), config)
	p := &commonsPool{pool, c.MaxWait}
	for range c.Idle {
		if err := pool.AddObject(context.Background()); err != nil {
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

func (p *commonsPool) Use(ctx context.Context, work func()) error {
	r, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	work()
	return p.pool.ReturnObject(ctx, r)
}

func (p *commonsPool) acquire(ctx context.Context) (*Resource, error) {
	if p.maxWait > 0 {
		limited, cancel := context.WithTimeout(ctx, p.maxWait)
		defer cancel()
		ctx = limited
	}
	r, err := p.pool.BorrowObject(ctx)
	if err != nil {
		return nil, ended(ctx, err)
	}
	return r.(*Resource), nil
}

func (p *commonsPool) Close() { p.pool.Close(context.Background()) }
