package main

import (
	"context"
	"runtime"
	"strings"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

func leaking() chapter {
	return chapter{
		title: "Leaks have a name",
		about: "One caller keeps a connection for longer than the leak threshold; another one forgets to give its own back.",
		tell:  tellLeaking,
		end:   "Each leak is logged once, with the line that borrowed; what was dropped is taken back.",
	}
}

// slowExport and forgetful are the lines that the log will name.
func slowExport(ctx context.Context, pool *mysqlpool.Pool) (lease, error) {
	return pool.Acquire(ctx)
}

func forgetful(ctx context.Context, pool *mysqlpool.Pool) (uint64, error) {
	dropped, err := pool.Acquire(ctx)
	return dropped.ID(), err // without Release
}

func tellLeaking(ctx context.Context, s *story) error {
	// Not hurried by the pace: the garbage collector must come before the threshold, on a busy machine, too.
	const threshold, reclaim = 1500 * time.Millisecond, 2500 * time.Millisecond
	pool, err := s.pools.open(ctx, "jobs", weir.WithMaxOpen(3), weir.WithMinIdle(1),
		weir.WithSweepEvery(s.pace.of(100*time.Millisecond)), weir.WithLeakThreshold(threshold), weir.WithReclaimAfter(reclaim))
	if err != nil {
		return err
	}
	if err := s.keepTooLong(ctx, pool, threshold); err != nil {
		return err
	}
	if err := s.dropLease(ctx, pool); err != nil {
		return err
	}
	st := pool.Stats()
	s.promise(st.Leaks == 2 && st.LeaksReturned == 1, "%d leaks are in the figures, %d of them returned", st.Leaks, st.LeaksReturned)
	return pool.Close(ctx)
}

func (s *story) keepTooLong(ctx context.Context, pool *mysqlpool.Pool, threshold time.Duration) error {
	kept, err := slowExport(ctx, pool)
	if err != nil {
		return err
	}
	defer kept.Discard() // does nothing once it is released
	err = until(ctx, "the leak is reported", func() (bool, error) { return s.pools.logs.find("leak: lease is out") != "", nil })
	if err != nil {
		return err
	}
	events := s.pools.journal.of("jobs", weir.EventLeaked)
	s.quote(s.pools.logs.find("leak: lease is out"))
	s.promise(len(events) == 1 && strings.HasPrefix(events[0].Holder.Site(), "leaking.go:") && events[0].Took >= threshold,
		"named after %v, threshold %v (the time and the whole stack are left out above)", short(events[0].Took), threshold)
	kept.Release()
	line := s.pools.logs.find("returned after all")
	s.quote(line)
	s.promise(line != "" && len(s.pools.journal.of("jobs", weir.EventReturned)) == 1, "and taken off the list when it came back")
	return nil
}

// dropLease waits for the garbage collector, which is how a lease is found that nobody can give back any more.
func (s *story) dropLease(ctx context.Context, pool *mysqlpool.Pool) error {
	id, err := forgetful(ctx, pool)
	if err != nil {
		return err
	}
	err = until(ctx, "the dropped lease is found", func() (bool, error) {
		runtime.GC()
		return len(s.pools.journal.of("jobs", weir.EventLeaked)) == 2, nil
	})
	if err != nil {
		return err
	}
	leak := s.pools.journal.of("jobs", weir.EventLeaked)[1]
	s.quote(s.pools.logs.find("weir: leak:", "pool=jobs"))
	s.promise(leak.Resource == id && strings.Contains(leak.Err.Error(),
		"dropped") && strings.HasPrefix(leak.Holder.Site(), "leaking.go:"),
		"the dropped lease was found after %v: the garbage collector told", short(leak.Took))
	err = until(ctx, "the connection is taken back", func() (bool, error) {
		return pool.Stats().Retired[weir.RetiredLeaked] == 1, nil
	})
	if err != nil {
		return err
	}
	s.promise(pool.Stats().InUse == 0,
		"%d connection taken back by ReclaimAfter, %d in use", pool.Stats().Retired[weir.RetiredLeaked], pool.Stats().InUse)
	return nil
}
