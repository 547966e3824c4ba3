package main

import (
	"context"
	"time"

	"github.com/weirpool/weir"
)

const (
	paymentsOpen = 8
	paymentsIdle = 4
	paymentsWait = 2 * time.Second
)

func warmStart() chapter {
	return chapter{
		title: "Warm start",
		about: `The pool "payments" is made: at most 8 connections, 4 of them always ready. The call returns when ` +
			`these are open and checked.`,
		tell: tellWarmStart,
		end:  "The first caller waits for nobody's handshake.",
	}
}

func tellWarmStart(ctx context.Context, s *story) error {
	begun := time.Now()
	pool, err := s.pools.open(ctx, "payments",
		weir.WithMaxOpen(paymentsOpen), weir.WithMinIdle(paymentsIdle), weir.WithMaxWait(paymentsWait))
	if err != nil {
		return err
	}
	took := time.Since(begun)
	s.payments = pool
	st := pool.Stats()
	s.say("What runs on each new connection before it is lent:")
	for _, statement := range pool.HandshakeStatements() {
		s.quote(statement)
	}
	s.promise(st.Idle == paymentsIdle && st.Opened == paymentsIdle,
		"%d connections are idle after %v, %d were asked for", st.Idle, short(took), st.MinIdle)
	told := 0
	err = until(ctx, "the observer has heard of each", func() (bool, error) {
		told = len(s.pools.journal.of("payments", weir.EventOpened))
		return told >= paymentsIdle, nil
	})
	if err != nil {
		return err
	}
	s.promise(st.Checks[weir.OnOpen] == paymentsIdle && told == paymentsIdle,
		"%d checks passed, %d events \"opened\", %v for each open", st.Checks[weir.OnOpen], told, short(st.OpenTime.Mean()))
	warnings := pool.Warnings()
	logged := 0
	for _, w := range warnings {
		s.quote(w)
		if s.pools.logs.find("level=WARN", w) != "" {
			logged++
		}
	}
	s.promise(logged == len(warnings),
		"%d warnings from the comparison with the server's own limits, %d of them in the log", len(warnings), logged)
	return nil
}
