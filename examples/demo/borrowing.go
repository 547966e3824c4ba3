package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	manyCallers = 32
	queryTime   = 20 * time.Millisecond
)

func borrowing() chapter {
	return chapter{
		title: "Borrowing under load",
		about: fmt.Sprintf("%d callers share the 8 connections for a few seconds, each query takes %v. Watch the queue.",
			manyCallers, queryTime),
		tell: tellBorrowing,
		end:  "Four times as many callers as connections, and everybody is served in turn.",
	}
}

func tellBorrowing(ctx context.Context, s *story) error {
	before := s.payments.Stats()
	load := newCrew(s.payments, 0, func(ctx context.Context, conn *sql.Conn, _, _ int) error {
		return s.guests.query(ctx, conn, queryTime)
	})
	load.start(ctx, manyCallers)
	most := 0
	err := s.watch(ctx, s.pace.of(6*time.Second), s.pace.of(time.Second), func() string {
		st := s.payments.Stats()
		most = max(most, st.Open+st.Opening)
		return fmt.Sprintf("%s | lent %5d | mean wait %s", gauges(st), st.Acquired-before.Acquired, short(st.Wait.Mean()))
	})
	page, scrapeErr := s.pools.metrics.lines(ctx, `"payments"`)
	load.stop()
	if err != nil {
		return err
	}
	if scrapeErr != nil {
		return scrapeErr
	}
	st := s.payments.Stats()
	longest, first := load.findings()
	lent := st.Acquired - before.Acquired
	s.promise(load.failed.Load() == 0, "%d errors seen by callers%s", load.failed.Load(), because(first))
	s.promise(lent == uint64(load.served.Load()), "%d leases given, %d queries answered", lent, load.served.Load())
	s.promise(most == paymentsOpen, "%d connections open at most, MaxOpen is %d", most, paymentsOpen)
	s.promise(longest < paymentsWait, "%v was the longest wait of any caller, MaxWait is %v", short(longest), paymentsWait)
	s.say("The same, as Prometheus saw it at the end of the load:")
	s.judgePage(page)
	return nil
}

// judgePage shows some of the many lines.
func (s *story) judgePage(page []string) {
	some := []string{"db_client_connection_max", "db_client_connection_pending_requests", "weir_pool_acquired_total"}
	shown := 0
	for _, l := range page {
		name, _, _ := strings.Cut(l, "{")
		if slices.Contains(some, name) {
			s.quote(l)
			shown++
		}
	}
	s.promise(shown == 3, "these %d and %d more lines about this pool are on the metrics page", shown, len(page)-shown)
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ", the first: " + err.Error()
}
