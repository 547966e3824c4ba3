package main

import (
	"context"
	"errors"
	"sync"

	"github.com/weirpool/weir"
)

func killing() chapter {
	return chapter{
		title: "Connections killed behind the pool's back",
		about: `The server kills every connection of the idle pool "payments". The pool is not told. Then 8 callers come at once.`,
		harm:  "it kills connections",
		tell:  tellKilling,
		end:   "Dead connections were found before they were lent, and replaced; no caller noticed.",
	}
}

func tellKilling(ctx context.Context, s *story) error {
	before := s.payments.Stats()
	killed, err := s.ground.(pair).killAll(ctx)
	if err != nil {
		return err
	}
	s.promise(killed == before.Open && killed >= paymentsIdle,
		"%d connections killed by the server, %d were open in the pool", killed, before.Open)

	errs := s.borrowAll(ctx)
	st := s.payments.Stats()
	s.promise(len(errs) == 0, "%d errors seen by %d callers%s", len(errs), paymentsOpen, because(errors.Join(errs...)))
	lending := st.CheckFails[weir.OnAcquire] - before.CheckFails[weir.OnAcquire]
	looking := st.CheckFails[weir.WhileIdle] - before.CheckFails[weir.WhileIdle]
	gone := st.Retired[weir.RetiredError] - before.Retired[weir.RetiredError]
	s.promise(lending > 0 && lending+looking == uint64(killed) && gone == uint64(killed),
		"%d found dead when about to be lent, %d by the idle check that this set off; %d retired, %d opened instead",
		lending, looking, gone, st.Opened-before.Opened)
	line := s.pools.logs.find("check failed", "pool=payments")
	s.quote(line)
	s.promise(line != "", "the log says so")
	return nil
}

// borrowAll has as many callers as the pool may have connections. Each keeps its own until all have one, so that every
// connection must be looked at.
func (s *story) borrowAll(ctx context.Context) (errs []error) {
	var mu sync.Mutex // guards errs
	var callers, served sync.WaitGroup
	served.Add(paymentsOpen)
	for range paymentsOpen {
		callers.Go(func() {
			l, err := s.payments.Acquire(ctx)
			if err == nil {
				err = s.guests.query(ctx, l.Value(), queryTime)
			}
			served.Done()
			served.Wait()
			l.Finish(err)
			if err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	return errs
}
