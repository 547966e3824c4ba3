package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/weirpool/weir"
)

const writers = 6

func demotion() chapter {
	return chapter{
		title: "Demotion of the primary",
		about: "6 writers insert rows. The primary loses its role to the other server; its connections stay open, " +
			"and a moment later the name " + endpoint + " leads to the new primary.",
		harm: "it writes rows and swaps the roles of two servers",
		tell: tellDemotion,
		end:  "The pool noticed by itself and went on with the new primary; nothing was written elsewhere.",
	}
}

func tellDemotion(ctx context.Context, s *story) error {
	servers := s.ground.(pair)
	diary := newDiary()
	before := s.payments.Stats()
	load := newCrew(s.payments, 5*time.Millisecond, func(ctx context.Context, conn *sql.Conn, caller, round int) error {
		mark := fmt.Sprintf("%d-%d", caller, round)
		_, err := conn.ExecContext(ctx, fmt.Sprintf(
			"INSERT INTO payments (note, amount) VALUES (CONCAT(%s, ' %s'), 1)", servers.self(), mark))
		diary.write(mark, time.Now(), err)
		return err
	})
	load.start(ctx, writers)
	change, err := s.demote(ctx, servers, diary)
	load.stop()
	if err != nil {
		return err
	}
	rows, err := servers.rows(ctx)
	if err != nil {
		return err
	}
	found := diary.compare(rows, change)
	s.judgeWriters(load, diary, found)
	s.judgeRecovery(change, found)
	return s.judgePool(ctx, before, change)
}

// demote lets the writers work for a while before and after the change of roles.
func (s *story) demote(ctx context.Context, servers pair, diary *diary) (promotion, error) {
	line := func() string {
		st := s.payments.Stats()
		accepted, refused, _ := diary.counts()
		return fmt.Sprintf("%s | generation %d | accepted %4d | refused %d", gauges(st), st.Generation, accepted, refused)
	}
	if err := s.watch(ctx, s.pace.of(2*time.Second), s.pace.of(time.Second), line); err != nil {
		return promotion{}, err
	}
	var change promotion
	changed := make(chan error, 1)
	go func() {
		var err error
		change, err = servers.switchover(ctx, s.pace.of(600*time.Millisecond))
		changed <- err
	}()
	s.say("Now the roles change.")
	watched := s.watch(ctx, s.pace.of(3*time.Second), s.pace.of(300*time.Millisecond), line)
	return change, errors.Join(<-changed, watched)
}

func (s *story) judgeWriters(load *crew, diary *diary, found findings) {
	accepted, refused, others := diary.counts()
	longest, _ := load.findings()
	s.promise(accepted > 0 && refused <= writers,
		"writes accepted: %d; refused by the old primary: %d, at most one for each writer", accepted, refused)
	s.promise(len(others) == 0 && load.failed.Load() == int64(refused), "%d other errors were seen by the writers%s",
		load.failed.Load()-int64(refused), because(errors.Join(others...)))
	s.promise(longest < paymentsWait, "%v was the longest wait of a writer, MaxWait is %v", short(longest), paymentsWait)
	s.promise(found.lost == 0 && found.twice == 0 && found.ghosts == 0,
		"the data: %d accepted writes are missing, %d are there twice, %d refused ones are there", found.lost, found.twice, found.ghosts)
}

func (s *story) judgeRecovery(change promotion, found findings) {
	s.promise(found.late == 0,
		"the data: %d writes were accepted by %s after the first one on %s", found.late, change.from, change.to)
	s.promise(found.onOld > 0 && found.onNew > 0,
		"the data: %d rows were written on %s, %d on %s", found.onOld, change.from, found.onNew, change.to)
	recovery := found.firstOnNew.Sub(change.writable)
	s.promise(!found.firstOnNew.IsZero() && recovery < paymentsWait,
		"%v from the promotion to the first accepted write; the name moved %v after the promotion",
		short(recovery), short(change.moved.Sub(change.writable)))
}

func (s *story) judgePool(ctx context.Context, before weir.Stats, change promotion) error {
	st := s.payments.Stats()
	events := s.pools.journal.of("payments", weir.EventDemoted)
	for _, e := range events {
		s.quote(fmt.Sprintf("event: %v, because of: %v", e.Kind, e.Err))
	}
	s.promise(st.Generation == before.Generation+uint64(len(events)) && len(events) > 0,
		"the generation went from %d to %d, one step for each such event", before.Generation, st.Generation)
	var counts []headcount
	err := until(ctx, "the pool has left the old primary", func() (_ bool, err error) {
		counts, err = s.ground.census(ctx, nil)
		return connectionsOf(counts, change.from) == 0 && connectionsOf(counts, change.to) == s.payments.Stats().Open, err
	})
	s.promise(err == nil && connectionsOf(counts, change.to) >= paymentsIdle,
		"%d connections are left on %s, %d are on %s; %d were retired for their role",
		connectionsOf(counts, change.from), change.from, connectionsOf(counts, change.to), change.to,
		st.Retired[weir.RetiredRole]-before.Retired[weir.RetiredRole])
	return nil
}

func connectionsOf(counts []headcount, server string) int {
	for _, c := range counts {
		if c.server == server {
			return c.connections
		}
	}
	return -1
}
