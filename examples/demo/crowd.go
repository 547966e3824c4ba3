package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// A crowd is tenants with a session each, who look again and again whether it is still their own.
type crowd struct {
	t       *tenancy
	members []member

	stopped chan struct{}
	readers sync.WaitGroup
	reads   atomic.Int64
	strays  atomic.Int64 // reads that found another's time zone

	mu    sync.Mutex // guards the field below
	first error
}

type member struct {
	session *sql.Conn
	zone    string
}

// gather checks a session out for each tenant and sets its time zone: a minute more than that of the one before.
func gather(ctx context.Context, t *tenancy) (*crowd, error) {
	c := &crowd{t: t, stopped: make(chan struct{})}
	for i := range manyTenants {
		session, err := t.db.Conn(ctx)
		if err != nil {
			return nil, errors.Join(err, c.leave())
		}
		minutes := 60 + i
		m := member{session, fmt.Sprintf("+%02d:%02d", minutes/60, minutes%60)}
		c.members = append(c.members, m)
		if _, err := session.ExecContext(ctx, "SET time_zone = '"+m.zone+"'"); err != nil {
			return nil, errors.Join(err, c.leave())
		}
	}
	return c, nil
}

func (c *crowd) start(ctx context.Context) {
	for _, m := range c.members {
		c.readers.Go(func() { c.read(ctx, m) })
	}
}

func (c *crowd) read(ctx context.Context, m member) {
	for ctx.Err() == nil {
		zone, err := c.t.zone(ctx, m.session)
		switch {
		case err != nil:
			c.fail(err)
			return
		case zone != m.zone:
			c.strays.Add(1)
		}
		c.reads.Add(1)
		select {
		case <-c.stopped:
			return
		default:
		}
	}
}

func (c *crowd) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == nil {
		c.first = err
	}
}

// stop lets every tenant finish a last read.
func (c *crowd) stop() {
	close(c.stopped)
	c.readers.Wait()
}

// findings are the first error, once the crowd has stopped.
func (c *crowd) findings() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first
}

// leave checks all sessions in.
func (c *crowd) leave() error {
	var errs []error
	for _, m := range c.members {
		errs = append(errs, m.session.Close())
	}
	return errors.Join(errs...)
}
