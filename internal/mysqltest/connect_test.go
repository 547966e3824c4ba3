package mysqltest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/mysqltest"
)

func TestLoginChecksPasswordAndDatabase(t *testing.T) {
	config := mysqltest.Config{Password: "secret", Databases: []string{"shop"}}
	over(t, config, func(t *testing.T, f fixture) {
		if err := f.connect(t.Context()); err != nil {
			t.Error(err)
		}
		f.config.DBName = "nowhere"
		wantNumber(t, f.connect(t.Context()), mysqltest.CodeUnknownDatabase)
		f.config.Passwd = "wrong"
		err := f.connect(t.Context())
		wantNumber(t, err, mysqltest.CodeAccessDenied)
		if got, ok := errors.AsType[*mysql.MySQLError](err); ok && string(got.SQLState[:]) != "28000" {
			t.Errorf("state %s, want 28000", got.SQLState)
		}
		if s := f.Stats(); s.Dials != 3 || s.Connects != 1 || s.Refused != 2 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestConnectErrorsComeOneByOneOrForGood(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		codes := []uint16{mysqltest.CodeTooManyConnections, mysqltest.CodeHostBlocked, mysqltest.CodeTooManyUserConnections,
			mysqltest.CodeUserLimitReached, mysqltest.CodeAccessDenied, mysqltest.CodeDatabaseAccessDenied,
			mysqltest.CodeUnknownDatabase, mysqltest.CodeServerShutdown}
		for _, code := range codes {
			f.FailNextConnect(1, mysqltest.NewError(code))
		}
		f.FailConnects(mysqltest.Error{Number: 4242, State: "XX000", Message: "no"})
		for _, code := range append(codes, 4242, 4242) {
			wantNumber(t, f.connect(t.Context()), code)
		}
		f.FailConnects(mysqltest.Error{})
		if err := f.connect(t.Context()); err != nil {
			t.Error(err)
		}
		if s := f.Stats(); s.Refused != len(codes)+2 || s.Connects != 1 || s.Dialing != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestMaxConnsIsAnswered1040(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		f.SetMaxConns(2)
		_, done := f.conn(t)
		defer done()
		second, doneSecond := f.conn(t)
		if got := one[int](t, second, "SELECT @@max_connections"); got != 2 {
			t.Errorf("max_connections %d", got)
		}
		wantNumber(t, f.connect(t.Context()), mysqltest.CodeTooManyConnections)
		doneSecond()
		eventually(t, "one left", func() bool { return f.Stats().Open == 1 })
		if err := f.connect(t.Context()); err != nil {
			t.Error(err)
		}
		if s := f.Stats(); s.MaxOpen != 2 {
			t.Errorf("max open %d, want 2", s.MaxOpen)
		}
	})
}

func TestClosingInMemoryFreesTheConnectionAtOnce(t *testing.T) {
	s := mysqltest.NewServer(mysqltest.Config{})
	defer s.Close()
	s.SetMaxConns(1)
	f := fixture{s, driverConfig()}
	f.config.DialFunc = s.Dial
	for range 500 {
		if err := f.connect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMaxConnsGoesByTheOrderOfGreetings(t *testing.T) {
	bubble(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		f.SetMaxConns(1)
		f.SetConnectDelay(time.Second)
		var conns []net.Conn
		for range 2 {
			nc, err := f.Dial(t.Context(), "mem", "db:3306")
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			conns = append(conns, nc)
			<-time.After(time.Millisecond)
		}
		for i, want := range []byte{10, 0xff} { // a greeting, an error
			var head [5]byte
			if _, err := io.ReadFull(conns[i], head[:]); err != nil || head[4] != want {
				t.Errorf("connection %d began with %#x, %v, want %#x", i, head[4], err, want)
			}
		}
	})
}

func TestRefusalGoesBeforeHangingDials(t *testing.T) {
	bubble(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		f.HangDial(true)
		if err := f.Refuse(true); err != nil {
			t.Fatal(err)
		}
		if err := f.connect(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("error %v, want connection refused", err)
		}
	})
}

func TestThreadIDsAreTheServersOwn(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		first, done := f.conn(t)
		defer done()
		second, doneSecond := f.conn(t)
		defer doneSecond()
		a, b := one[uint32](t, first, "SELECT CONNECTION_ID()"), one[uint32](t, second, "SELECT CONNECTION_ID()")
		if a == b || a == 0 || f.Log()[0].ThreadID != a || f.Log()[1].ThreadID != b {
			t.Errorf("threads %d and %d, log %+v", a, b, f.Log())
		}
	})
}

func TestRefusedDialIsConnectionRefused(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		conn, done := f.conn(t)
		defer done()
		if err := f.Refuse(true); err != nil {
			t.Fatal(err)
		}
		if err := f.connect(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("error %v, want connection refused", err)
		}
		if got := one[int](t, conn, "SELECT 1"); got != 1 {
			t.Error("an open session does not go on")
		}
		if err := f.Refuse(false); err != nil {
			t.Fatal(err)
		}
		if err := f.connect(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestHungDialEndsWithItsContext(t *testing.T) {
	for name, hang := range map[string]func(fixture, bool){
		"HangDial":  func(f fixture, on bool) { f.HangDial(on) },
		"BlackHole": func(f fixture, on bool) { f.BlackHole(on) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
				hang(f, true)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				start := time.Now()
				if err := f.connect(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
					t.Errorf("error %v after %v", err, time.Since(start))
				}
				failed := make(chan error, 1)
				go func() { failed <- f.connect(t.Context()) }()
				synctest.Wait()
				if s := f.Stats(); s.Dialing != 1 || s.GivenUp != 1 {
					t.Errorf("stats %+v", s)
				}
				hang(f, false)
				if err := <-failed; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestCloseEndsHungDials(t *testing.T) {
	bubble(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		f.HangDial(true)
		failed := make(chan error, 1)
		go func() { failed <- f.connect(t.Context()) }()
		synctest.Wait()
		f.Close()
		if err := <-failed; !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("error %v, want connection refused", err)
		}
	})
}

func TestConnectDelayHoldsManyDialsAtOnce(t *testing.T) {
	bubble(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		f.SetConnectDelay(150 * time.Millisecond)
		start := time.Now()
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if err := f.connect(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if s, took := f.Stats(), time.Since(start); s.MaxDialing != 5 || s.Dialing != 0 || took != 150*time.Millisecond {
			t.Errorf("took %v, stats %+v", took, s)
		}
	})
}

func TestClientGivingUpDuringLoginIsCounted(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		f.Hang()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := f.connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		eventually(t, "given up", func() bool { return f.Stats().GivenUp == 1 })
		if s := f.Stats(); s.Dials != 1 || s.Dialing != 0 || s.Connects != 0 || s.Open != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}
