package main

import (
	"context"
	"errors"
	"time"

	"github.com/weirpool/weir"
)

func closing() chapter {
	return chapter{
		title: "Graceful close",
		about: `"payments" is closed while one caller is in the middle of a query; then a pool is closed whose borrower ` +
			`never comes back.`,
		tell: tellClosing,
		end:  "Close lets work end, reports what it had to cut, and leaves nothing behind.",
	}
}

func tellClosing(ctx context.Context, s *story) error {
	if err := s.closeGently(ctx); err != nil {
		return err
	}
	if err := s.closeByForce(ctx); err != nil {
		return err
	}
	s.say("All pools at the end; wait and use are means:")
	for _, l := range s.pools.table() {
		s.line("   " + l)
	}
	return s.judgeBooks(ctx)
}

func (s *story) closeGently(ctx context.Context) error {
	work := s.pace.of(700 * time.Millisecond)
	borrowed, err := s.payments.Acquire(ctx)
	if err != nil {
		return err
	}
	answered := make(chan error, 1)
	go func() {
		err := s.guests.query(ctx, borrowed.Value(), work)
		borrowed.Finish(err)
		answered <- err
	}()
	late := make(chan error, 1)
	go func() {
		err := until(ctx, "the pool is closing", func() (bool, error) { return s.payments.Stats().Closed, nil })
		if err == nil {
			_, err = s.payments.Acquire(ctx)
		}
		late <- err
	}()
	begun := time.Now()
	limit, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err = s.payments.Close(limit)
	took := time.Since(begun)
	s.promise(err == nil && took >= work/2,
		"Close waited %v for the lease that was out, and returned without an error%s", short(took), because(err))
	err = <-answered
	s.promise(err == nil, "the query of %v was answered to its end%s", work, because(err))
	err = <-late
	s.promise(errors.Is(err, weir.ErrClosed), "who came meanwhile was told at once: %v", err)
	return nil
}

func (s *story) closeByForce(ctx context.Context) error {
	pool, err := s.pools.open(ctx, "batch", weir.WithMaxOpen(2), weir.WithMinIdle(1))
	if err != nil {
		return err
	}
	stuck, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, s.pace.of(500*time.Millisecond))
	defer cancel()
	err = pool.Close(limit)
	if forced, ok := errors.AsType[*weir.CloseError](err); ok {
		s.quote(err.Error())
		s.promise(forced.Forced == 1 && forced.Running == 0 && len(forced.Holders) == 1,
			"%d connection was closed by force, its borrower is named, %d calls still run", forced.Forced, forced.Running)
	} else {
		s.promise(false, "a *CloseError was to come, got %v", err)
	}
	s.promise(!stuck.Valid(), "the borrower's lease says that it is not valid any more")
	stuck.Release()
	s.promise(pool.Stats().Misuses == 1, "its late Release does no harm and is counted: %d misuse", pool.Stats().Misuses)
	return nil
}

// judgeBooks checks that every connection that was opened was closed, by the pools' figures and by the servers' own.
func (s *story) judgeBooks(ctx context.Context) error {
	var opened, closed, left uint64
	for _, pool := range s.pools.opened {
		st := pool.stats()
		opened, closed, left = opened+st.Opened, closed+retired(st), left+uint64(st.Open+st.Opening)+st.CloseFails
	}
	s.promise(opened == closed && left == 0, "%d connections were opened, %d closed, %d are left", opened, closed, left)
	ids := s.guests.list()
	var counts []headcount
	err := until(ctx, "the servers have no connection any more", func() (_ bool, err error) {
		counts, err = s.ground.census(ctx, ids)
		return total(counts) == 0, err
	})
	for _, c := range counts {
		s.promise(err == nil && c.connections == 0, "%d of them are still open, says %s", c.connections, c.server)
	}
	return err
}
