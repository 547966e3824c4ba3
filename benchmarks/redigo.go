package benchmarks

import (
	"context"
	"time"

	"github.com/gomodule/redigo/redis"
)

type redigoPool struct {
	pool    *redis.Pool
	maxWait time.Duration
}

func openRedigo(c Config) (Pool, error) {
	p := &redigoPool{pool: &redis.Pool{
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			r, err := c.Open(ctx)
			if err != nil {
				return nil, err
			}
			return redisConn{r}, nil
		},
		MaxActive: c.Max,
		MaxIdle:   c.Max,
		Wait:      true,
	}}
	if err := fill(p, c.Idle); err != nil {
		p.Close()
		return nil, err
	}
	p.maxWait = c.MaxWait
	return p, nil
}

func (p *redigoPool) Use(ctx context.Context, work func()) error {
	conn, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	work()
	return conn.Close()
}

func (p *redigoPool) acquire(ctx context.Context) (redis.Conn, error) {
	if p.maxWait == 0 {
		return p.pool.GetContext(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, p.maxWait)
	defer cancel()
	return p.pool.GetContext(ctx)
}

func (p *redigoPool) Close() { p.pool.Close() }

// A redisConn has no wire. Giving a connection back flushes it with an empty Do, so that must succeed.
type redisConn struct{ *Resource }

func (redisConn) Close() error                   { return nil }
func (redisConn) Err() error                     { return nil }
func (redisConn) Do(string, ...any) (any, error) { return nil, nil }
func (redisConn) Send(string, ...any) error      { return nil }
func (redisConn) Flush() error                   { return nil }
func (redisConn) Receive() (any, error)          { return nil, nil }
