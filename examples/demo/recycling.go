package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

const ledgerIdle = 4

func recycling() chapter {
	return chapter{
		title: "Recycling",
		about: "A pool whose connections may live for 2 seconds only, no two equally long; 4 of them must always be ready. " +
			"Then EvictAll replaces all at once, under load.",
		tell: tellRecycling,
		end:  "A connection leaves when its successor is there; callers see nothing of it.",
	}
}

func tellRecycling(ctx context.Context, s *story) error {
	pool, err := s.pools.open(ctx, "ledger", weir.WithMaxOpen(2*ledgerIdle), weir.WithMinIdle(ledgerIdle),
		weir.WithMaxLifetime(s.pace.of(2*time.Second)), weir.WithMaxLifetimeJitter(s.pace.of(600*time.Millisecond)),
		weir.WithSweepEvery(s.pace.of(100*time.Millisecond)))
	if err != nil {
		return err
	}
	w := newWatcher(func() int { return pool.Stats().Idle })
	err = s.watch(ctx, s.pace.of(5*time.Second), s.pace.of(time.Second), func() string {
		st := pool.Stats()
		return fmt.Sprintf("%s | opened %2d | retired by age %2d", gauges(st), st.Opened, st.Retired[weir.RetiredLifetime])
	})
	w.stop()
	if err != nil {
		return err
	}
	s.judgeAges(pool.Stats(), w)
	return s.evictAll(ctx, pool)
}

// judgeAges does not blame the pool for a machine that stood still for longer than the pool allows for.
func (s *story) judgeAges(st weir.Stats, w *watcher) {
	s.promise(st.Retired[weir.RetiredLifetime] >= ledgerIdle, "%d connections were retired by age, %s",
		st.Retired[weir.RetiredLifetime], ages(s.pools.journal.of("ledger", weir.EventRetired)))
	stalled := w.gap
	for _, e := range s.pools.journal.of("ledger", weir.EventOpened) {
		stalled = max(stalled, e.Took)
	}
	if allowance := s.pace.of(100 * time.Millisecond); w.least < ledgerIdle && stalled > allowance {
		s.say("%d idle connections at the least, MinIdle is %d: but this machine stood still for %v, and the pool opens "+
			"successors at least a sweep ahead, %v.", w.least, ledgerIdle, short(stalled), short(allowance))
		return
	}
	s.promise(w.least >= ledgerIdle, "%d idle connections at the least, in %d looks; MinIdle is %d", w.least, w.looks, ledgerIdle)
}

func ages(retired []weir.Event) string {
	if len(retired) == 0 {
		return "none of them seen"
	}
	youngest, oldest := retired[0].Took, retired[0].Took
	for _, e := range retired {
		youngest, oldest = min(youngest, e.Took), max(oldest, e.Took)
	}
	return fmt.Sprintf("the youngest %v old, the oldest %v", short(youngest), short(oldest))
}

func (s *story) evictAll(ctx context.Context, pool *mysqlpool.Pool) error {
	load := newCrew(pool, time.Millisecond, func(ctx context.Context, conn *sql.Conn, _, _ int) error {
		return s.guests.query(ctx, conn, 5*time.Millisecond)
	})
	load.start(ctx, ledgerIdle)
	before := pool.Stats()
	pool.EvictAll()
	err := until(ctx, "all are replaced", func() (bool, error) {
		return retired(pool.Stats()) >= retired(before)+uint64(before.Open-before.Closing), nil
	})
	served := load.served.Load()
	if err == nil {
		err = until(ctx, "callers go on", func() (bool, error) { return load.served.Load() > served+ledgerIdle, nil })
	}
	load.stop()
	if err != nil {
		return err
	}
	_, first := load.findings()
	s.promise(load.failed.Load() == 0, "EvictAll: %d connections replaced under %d callers, %d errors seen by them%s",
		pool.Stats().Retired[weir.RetiredEvicted], ledgerIdle, load.failed.Load(), because(first))
	return pool.Close(ctx)
}
