package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

const (
	reportsOpen  = 5
	reportRounds = 4
	patience     = 200 * time.Millisecond
)

func givingUp() chapter {
	return chapter{
		title: "Statements given up",
		about: fmt.Sprintf("%d times, %d callers ask for reports that take a minute, and give up after %v.", reportRounds, reportsOpen, patience),
		harm:  "it kills statements, if only its own",
		tell:  tellGivingUp,
		end:   "Who gives up frees the server, too, and the connection stays.",
	}
}

func tellGivingUp(ctx context.Context, s *story) error {
	connector, err := s.pools.openSessions(ctx, "reports",
		weir.WithMaxOpen(reportsOpen), weir.WithMinIdle(reportsOpen),
		mysqlpool.WithKillTimeout(5*time.Second), weir.WithMaxWait(5*time.Second)) // nobody is lent what is being killed
	if err != nil {
		return err
	}
	db := connector.OpenDB()
	if err := s.giveUp(ctx, db, connector); err != nil {
		return errors.Join(err, db.Close())
	}
	return db.Close()
}

func (s *story) giveUp(ctx context.Context, db *sql.DB, connector *mysqlpool.Connector) error {
	var errs []error
	var slowest time.Duration
	for range reportRounds {
		ended, took := askForReports(ctx, db)
		errs, slowest = append(errs, ended...), max(slowest, took)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var running int
	// The pattern does not match the query that it is in.
	err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(60)'").Scan(&running)
	if err != nil {
		return err
	}
	other := slices.IndexFunc(errs, func(err error) bool { return !errors.Is(err, context.DeadlineExceeded) })
	if other >= 0 {
		s.promise(false, "a caller's own deadline was to be its error, got %v", errs[other])
	} else {
		s.promise(true, "%d callers got their own deadline as the error, the slowest after %v", len(errs), short(slowest))
	}
	s.promise(running == 0, "%d of these statements still run, says the server", running)
	st, n := connector.Stats(), connector.Sessions()
	s.promise(n.Kills > 0 && n.Cuts == 0 && st.Opened == reportsOpen && retired(st) == 0,
		"KILL QUERY was sent %d times; %d connections closed, %d are open as before", n.Kills, n.Cuts, st.Open)
	return nil
}

// askForReports has as many callers as there are connections run a statement for longer than they wait. It returns their
// errors and how long the slowest took.
func askForReports(ctx context.Context, db *sql.DB) ([]error, time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begun := time.Now()
	errs := make([]error, reportsOpen)
	var callers sync.WaitGroup
	for i := range errs {
		callers.Go(func() {
			var slept int
			errs[i] = db.QueryRowContext(ctx, "SELECT SLEEP(60)").Scan(&slept)
		})
	}
	callers.Wait()
	return errs, time.Since(begun)
}
