package main

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

type lease = weir.Lease[*sql.Conn]

func exhaustion() chapter {
	return chapter{
		title: "Exhaustion explained",
		about: "A small pool of 3 connections is emptied by a report and two checkouts that do not end. Then one caller more comes.",
		tell:  tellExhaustion,
		end:   "The error alone tells what happened, for how long, and which lines hold the connections.",
	}
}

// monthlyReport and checkout are the lines that the error will name.
func monthlyReport(ctx context.Context, pool *mysqlpool.Pool) (lease, error) {
	return pool.Acquire(ctx)
}

func checkout(ctx context.Context, pool *mysqlpool.Pool) (lease, error) {
	return pool.Acquire(ctx)
}

func tellExhaustion(ctx context.Context, s *story) error {
	maxWait := s.pace.of(900 * time.Millisecond)
	pool, err := s.pools.open(ctx, "shop", weir.WithMaxOpen(3), weir.WithMinIdle(3), weir.WithMaxWait(maxWait))
	if err != nil {
		return err
	}
	held, err := s.emptyPool(ctx, pool)
	if err != nil {
		return err
	}
	_, refused := pool.Acquire(ctx)
	if exhausted, ok := errors.AsType[*weir.ExhaustedError](refused); ok {
		s.quote(refused.Error())
		s.judgeExhausted(exhausted, maxWait)
	} else {
		s.promise(false, "an *ExhaustedError was to come, got %v", refused)
	}
	s.promise(errors.Is(refused, weir.ErrExhausted) && errors.Is(refused, context.DeadlineExceeded),
		"it matches weir.ErrExhausted and context.DeadlineExceeded")

	s.say("Then a caller comes with 100 ms of its own, and another one while a checkout ends.")
	own, cancel := context.WithTimeout(ctx, s.pace.of(100*time.Millisecond))
	defer cancel()
	_, refused = pool.Acquire(own)
	exhausted, ok := errors.AsType[*weir.ExhaustedError](refused)
	s.promise(ok && exhausted.Limit == weir.LimitContext, "the error of the first says which limit it was: the context's")
	time.AfterFunc(s.pace.of(100*time.Millisecond), held[2].Release)
	next, err := pool.Acquire(ctx)
	s.promise(err == nil, "the second is served by what the checkout gave back%s", because(err))
	next.Release()
	for _, l := range held[:2] {
		l.Release()
	}
	s.promise(pool.Stats().Timeouts == 2, "%d timeouts are in the figures", pool.Stats().Timeouts)
	return pool.Close(ctx)
}

func (s *story) emptyPool(ctx context.Context, pool *mysqlpool.Pool) ([]lease, error) {
	var held []lease
	for _, borrow := range []func(context.Context, *mysqlpool.Pool) (lease, error){monthlyReport, checkout, checkout} {
		l, err := borrow(ctx, pool)
		if err != nil {
			return nil, err
		}
		held = append(held, l)
		if err := errors.Join(s.guests.query(ctx, l.Value(), 0), pause(ctx, s.pace.of(200*time.Millisecond))); err != nil {
			return nil, err
		}
	}
	return held, nil
}

func (s *story) judgeExhausted(e *weir.ExhaustedError, maxWait time.Duration) {
	s.promise(e.Limit == weir.LimitMaxWait && e.Waited >= maxWait && e.Waited < maxWait+200*time.Millisecond,
		"the caller waited %v, MaxWait is %v", e.Waited.Round(time.Millisecond), maxWait)
	s.promise(e.InUse == 3 && e.MaxOpen == 3 && e.Idle+e.Opening == 0, "%d of %d connections were in use", e.InUse, e.MaxOpen)
	named := 0
	for _, h := range e.Holders {
		if strings.HasPrefix(h.Site(), "exhausting.go:") {
			named++
		}
	}
	s.promise(named == 3, "%d holders are named with their lines in this demo's exhausting.go", named)
}
