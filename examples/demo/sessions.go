package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

const (
	manyTenants = 200
	tenantsOpen = 5
)

func sessions() chapter {
	return chapter{
		title: "Sessions over few connections",
		about: fmt.Sprintf("mysqlpool.Open gives a *sql.DB whose connections are sessions. %d of them are held, each with a time zone "+
			"of its own; they share %d real connections.", manyTenants, tenantsOpen),
		tell: tellSessions,
		end:  "A session holds a connection only while it needs one, and never sees what another has set.",
	}
}

// A tenancy is the chapter's pool, and the *sql.DB over it.
type tenancy struct {
	*story
	db        *sql.DB
	connector *mysqlpool.Connector
}

func tellSessions(ctx context.Context, s *story) error {
	connector, err := s.pools.openSessions(ctx, "tenants",
		weir.WithMaxOpen(tenantsOpen), weir.WithMinIdle(1), weir.WithMaxWait(5*time.Second))
	if err != nil {
		return err
	}
	t := &tenancy{s, connector.OpenDB(), connector}
	for _, scene := range []func(context.Context) error{t.keepSettings, t.pinOne, t.prepareOnce} {
		if err := scene(ctx); err != nil {
			return errors.Join(err, t.db.Close())
		}
	}
	return t.db.Close()
}

// keepSettings has all tenants read back what they have set, for a while and at once.
func (t *tenancy) keepSettings(ctx context.Context) error {
	pristine, err := t.zone(ctx, t.db)
	if err != nil {
		return err
	}
	crowd, err := gather(ctx, t)
	if err != nil {
		return err
	}
	crowd.start(ctx)
	most := 0
	err = t.watch(ctx, t.pace.of(3*time.Second), t.pace.of(time.Second), func() string {
		st, sessions := t.connector.Stats(), t.connector.Sessions()
		most = max(most, st.Open+st.Opening)
		return fmt.Sprintf("%d sessions | %s | reads %5d | replays %5d",
			sessions.Sessions, gauges(st), crowd.reads.Load(), sessions.Replays)
	})
	crowd.stop()
	if err != nil {
		return err
	}
	first, reads := crowd.findings(), crowd.reads.Load()
	t.promise(first == nil && reads >= manyTenants, "%d sessions have read their time zone %d times%s", manyTenants, reads, because(first))
	t.promise(crowd.strays.Load() == 0, "%d of the reads found that of another session", crowd.strays.Load())
	t.promise(most <= tenantsOpen, "%d connections open at most, MaxOpen is %d", most, tenantsOpen)
	return t.judgeNext(ctx, crowd, pristine)
}

// judgeNext checks the sessions in and looks at what their next users find.
func (t *tenancy) judgeNext(ctx context.Context, crowd *crowd, pristine string) error {
	if err := crowd.leave(); err != nil {
		return err
	}
	found := 0
	for range manyTenants {
		zone, err := t.zone(ctx, t.db)
		if err != nil {
			return err
		}
		if zone != pristine {
			found++
		}
	}
	t.promise(found == 0, "checked in, checked out again: %d of %d found a time zone of before", found, manyTenants)
	return nil
}

// pinOne sets what no other connection can be given.
func (t *tenancy) pinOne(ctx context.Context) error {
	t.say("One session sets a user variable, which only its connection knows.")
	conn, err := t.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SET @basket = 7"); err != nil {
		return err
	}
	pinned := t.connector.Sessions().Pinned
	if len(pinned) != 1 {
		t.promise(false, "one session was to be pinned, %d are", len(pinned))
		return nil
	}
	t.quote(pinned[0].String())
	t.promise(pinned[0].Reason == mysqlpool.PinUserVariable && strings.HasPrefix(pinned[0].Site, "sessions.go:"),
		"it is pinned, and the figures say why and by which line; %d may be at a time", t.connector.Sessions().MaxPinned)
	var basket sql.NullInt64
	err = errors.Join(t.read(ctx, t.db, "1"), conn.QueryRowContext(ctx, "SELECT @basket").Scan(&basket))
	t.promise(err == nil && basket.Int64 == 7, "the variable is still %d, and others work meanwhile%s", basket.Int64, because(err))
	err = errors.Join(conn.Close(), until(ctx, "the pin has ended", func() (bool, error) { return t.connector.Stats().InUse == 0, nil }))
	n := t.connector.Sessions()
	t.promise(err == nil && len(n.Pinned) == 0 && n.Resets == 1 && n.ResetFails == 0,
		"checked in, the pin has ended: %d connection was reset, %d had to be closed%s", n.Resets, n.ResetFails, because(err))
	return nil
}

// prepareOnce runs one text with many arguments.
func (t *tenancy) prepareOnce(ctx context.Context) error {
	const uses = 100
	t.say("A query with an argument runs %d times.", uses)
	before := t.connector.Sessions().Statements
	for i := range uses {
		if err := t.read(ctx, t.db, "?", i); err != nil {
			return err
		}
	}
	now := t.connector.Sessions().Statements
	prepared := now.Misses - before.Misses + now.OneShots - before.OneShots
	hits := now.Hits - before.Hits
	// Once when nobody knows yet that it will come again, then once on each connection.
	t.promise(prepared <= 1+tenantsOpen && prepared+hits == uses, "it was prepared %d times and found prepared %d times", prepared, hits)
	return nil
}

// A querier is a *sql.DB or a *sql.Conn.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// zone returns the time zone that a session finds itself in.
func (t *tenancy) zone(ctx context.Context, from querier) (string, error) {
	var id uint64
	var zone string
	if err := from.QueryRowContext(ctx, "SELECT CONNECTION_ID(), @@time_zone").Scan(&id, &zone); err != nil {
		return "", err
	}
	t.guests.note(id)
	return zone, nil
}

// read asks for the value of an expression and does not look at it.
func (t *tenancy) read(ctx context.Context, from querier, expression string, args ...any) error {
	var id uint64
	var value any
	if err := from.QueryRowContext(ctx, "SELECT CONNECTION_ID(), "+expression, args...).Scan(&id, &value); err != nil {
		return err
	}
	t.guests.note(id)
	return nil
}
