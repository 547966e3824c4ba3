package mysqltest_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirpool/weir/internal/mysqltest"
)

func TestAnHourOfIdlenessInABubble(t *testing.T) {
	bubble(t, mysqltest.Config{WaitTimeout: 30 * time.Minute}, func(t *testing.T, f fixture) {
		db := f.db(t)
		defer db.Close()
		db.SetMaxIdleConns(2)
		exec(t, db, "DO 1")
		start := time.Now()
		<-time.After(time.Hour)
		synctest.Wait()
		if s := f.Stats(); s.Open != 0 || s.Connects != 1 {
			t.Errorf("after an hour: %+v", s)
		}
		// The liveness check finds the goodbye on the idle connection, so the caller sees no error.
		exec(t, db, "DO 2")
		if s := f.Stats(); s.Open != 1 || s.Connects != 2 {
			t.Errorf("after the hour: %+v", s)
		}
		if got := f.Log()[1].At.Sub(start); got != time.Hour {
			t.Errorf("second statement after %v", got)
		}
		if diff := cmp.Diff([]string{"DO 1", "DO 2"}, f.Queries()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestIdleTimeoutOfDatabaseSQLQuits(t *testing.T) {
	bubble(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		db := f.db(t)
		defer db.Close()
		db.SetConnMaxIdleTime(10 * time.Minute)
		exec(t, db, "DO 1")
		<-time.After(time.Hour)
		synctest.Wait()
		if s := f.Stats(); s.Open != 0 || s.Quits != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestLogKeepsTheLastThousand(t *testing.T) {
	bubble(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		conn, done := f.conn(t)
		defer done()
		exec(t, conn, "first")
		for range 1000 {
			if err := conn.PingContext(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if log := f.Log(); len(log) != 1000 || log[0].Name != "ping" || f.Stats().Queries != 1 {
			t.Errorf("%d entries, first %+v", len(log), log[0])
		}
	})
}

func TestBooksBalanceUnderFaults(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		f.SetMaxConns(6)
		db := f.db(t)
		db.SetMaxOpenConns(8)
		db.SetMaxIdleConns(4)
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				for range 50 {
					db.ExecContext(t.Context(), "INSERT INTO t VALUES (?)", 1)
				}
			})
		}
		for range 20 {
			exec := func(query string) { db.ExecContext(t.Context(), query) }
			f.FailNextConnect(1, mysqltest.NewError(mysqltest.CodeAccessDenied))
			f.ResetAll()
			exec("DO 1")
			f.SetReadOnly(true)
			f.DropAll()
			exec("DO 2")
			f.SetReadOnly(false)
		}
		wg.Wait()
		db.Close()
		eventually(t, "all closed", func() bool { return f.Stats().Open == 0 && f.Stats().Dialing == 0 })
		s := f.Stats()
		if s.Dials != s.Connects+s.Refused+s.GivenUp {
			t.Errorf("dials do not add up: %+v", s)
		}
		if s.MaxOpen > 6 || s.WritesAccepted == 0 || s.Refused == 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		s := mysqltest.NewServer(mysqltest.Config{})
		address, err := s.ListenLoopback()
		if err != nil {
			t.Fatal(err)
		}
		f := fixture{s, driverConfig()}
		f.config.Net, f.config.Addr = "tcp", address
		conn, done := f.conn(t)
		go conn.ExecContext(t.Context(), "SELECT SLEEP(3600)")
		eventually(t, "asleep", func() bool { return s.Stats().Queries == 1 })
		s.Close()
		s.Close()
		wantRefused(t, f)
		done()
	}
	eventually(t, "goroutines ended", func() bool { return runtime.NumGoroutine() <= before })
}

func wantRefused(t *testing.T, f fixture) {
	t.Helper()
	if err := f.connect(t.Context()); err == nil {
		t.Error("a closed server was reached")
	}
	if _, err := f.Dial(t.Context(), "mem", "db:3306"); err == nil {
		t.Error("a closed server was dialled")
	}
	if _, err := f.ListenLoopback(); err == nil {
		t.Error("a closed server listens")
	}
	if err := errors.Join(f.Refuse(true), f.Refuse(false)); err != nil {
		t.Errorf("refuse on a closed server: %v", err)
	}
}
