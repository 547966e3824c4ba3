package mysqlpool_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

func TestHandshakeStatementsAreWhatRan(t *testing.T) {
	for name, c := range map[string]struct {
		server mysqltest.Config
		opts   []mysqlpool.Option
		cfg    func(*mysql.Config)
		want   []string
	}{
		"plain": {want: []string{
			"/* Health Check */ SELECT @@version, @@autocommit, @@max_connections, @@wait_timeout",
		}},
		"MySQL, role and set-up": {
			opts: []mysqlpool.Option{mysqlpool.WithServiceName("payments"), mysqlpool.WithRole(mysqlpool.Primary), mysqlpool.WithSessionSetup("SET time_zone = '+00:00'")},
			want: []string{
				"SET time_zone = '+00:00'",
				"/* payments Health Check */ SELECT @@version, @@autocommit, @@max_connections, @@wait_timeout, @@innodb_read_only, @@read_only, @@super_read_only",
			}},
		"MariaDB has no super_read_only": {
			server: mysqltest.Config{Version: "10.11.6-MariaDB"},
			opts:   []mysqlpool.Option{mysqlpool.WithRole(mysqlpool.Primary)},
			want: []string{
				"/* Health Check */ SELECT @@version, @@autocommit, @@max_connections, @@wait_timeout, @@innodb_read_only, @@read_only",
			}},
		"own query beside the role's": {
			opts: []mysqlpool.Option{mysqlpool.WithRole(mysqlpool.Primary), mysqlpool.WithValidationQuery("SELECT 1 FROM dual")},
			want: []string{
				"/* Health Check */ SELECT @@version, @@autocommit, @@max_connections, @@wait_timeout, @@innodb_read_only, @@read_only, @@super_read_only",
				"SELECT 1 FROM dual",
			}},
		"the driver's own": {
			cfg: func(cfg *mysql.Config) {
				cfg.MaxAllowedPacket = 0
				cfg.Params = map[string]string{"sql_mode": "'ANSI'"}
				if err := cfg.Apply(mysql.Charset("utf8mb4", "utf8mb4_bin")); err != nil {
					panic(err)
				}
			},
			want: []string{
				"SELECT @@max_allowed_packet",
				"SET NAMES utf8mb4 COLLATE utf8mb4_bin",
				"SET sql_mode = 'ANSI'",
				"/* Health Check */ SELECT @@version, @@autocommit, @@max_connections, @@wait_timeout",
			}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, c.server, func(t *testing.T, s *mysqltest.Server) {
				s.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
					switch {
					case strings.Contains(q.Text, "max_allowed_packet"):
						return mysqltest.Rows([]string{"@@max_allowed_packet"}, []any{"16777216"}), true
					case q.Text == "SELECT 1 FROM dual":
						return mysqltest.Rows([]string{"1"}, []any{1}), true
					}
					return mysqltest.Reply{}, false
				})
				cfg := configOf(s)
				if c.cfg != nil {
					c.cfg(cfg)
				}
				p, err := mysqlpool.NewConfig(t.Context(), cfg, append(c.opts, quiet())...)
				if err != nil {
					t.Fatal(err)
				}
				ran := s.Queries()
				closePool(t, p)
				if d := cmp.Diff(c.want, ran); d != "" {
					t.Errorf("what ran on a new connection (-want +got):\n%s", d)
				}
				if d := cmp.Diff(ran, p.HandshakeStatements()); d != "" {
					t.Errorf("HandshakeStatements (-ran +said):\n%s", d)
				}
			})
		})
	}
}

func TestUnknownRoleVariablesAreLeftOut(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		s.FailQueries(func(text string) bool { return strings.Contains(text, "super_read_only") }, mysqltest.NewError(1193))
		p := newPool(t, s, mysqlpool.WithRole(mysqlpool.Primary))
		defer closePool(t, p)
		learns := "/* Health Check */ SELECT @@version, @@autocommit, @@max_connections, @@wait_timeout, @@innodb_read_only, @@read_only"
		if d := cmp.Diff([]string{learns}, p.HandshakeStatements()); d != "" {
			t.Errorf("HandshakeStatements (-want +got):\n%s", d)
		}
		want := "/* Health Check */ SELECT 1, @@innodb_read_only, @@read_only"
		before := len(s.Queries())
		time.Sleep(time.Second)
		if err := p.Do(t.Context(), selectOne); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{want, "SELECT 1"}, s.Queries()[before:]); d != "" {
			t.Errorf("a later check asks again what it knows (-want +got):\n%s", d)
		}
	})
}

func TestServerWithoutRoleVariablesIsRefusedWhereARoleIsWanted(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		s.FailQueries(func(text string) bool { return strings.Contains(text, "read_only") }, mysqltest.NewError(1193))
		_, err := mysqlpool.NewConfig(t.Context(), configOf(s), quiet(), mysqlpool.WithRole(mysqlpool.Replica))
		if err == nil || !strings.Contains(err.Error(), "knows none of innodb_read_only, read_only, super_read_only") {
			t.Errorf("error = %v", err)
		}
	})
}

// Whatever the start policy: trying again does not cure a wrong password.
func TestDeniedLoginFailsNewAtOnce(t *testing.T) {
	for _, number := range []uint16{1044, 1045, 1049, 1129} {
		for name, opts := range map[string][]mysqlpool.Option{
			"default":         nil,
			"no minimum idle": {weir.WithMinIdle(0)},
			"willing to wait": {weir.WithStartWait(time.Minute), weir.WithMinIdle(3)},
		} {
			t.Run(name, func(t *testing.T) {
				inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
					s.FailConnects(mysqltest.NewError(number))
					start := time.Now()
					_, err := mysqlpool.NewConfig(t.Context(), configOf(s), append(opts, quiet())...)
					wantNumber(t, err, number)
					if !errors.Is(err, weir.ErrPermanent) {
						t.Errorf("%v does not match ErrPermanent", err)
					}
					if took := time.Since(start); took != 0 {
						t.Errorf("New failed after %v, want at once", took)
					}
				})
			})
		}
	}
}

func TestFullServerAtTheStartIsWaitedForIfAllowed(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		s.FailNextConnect(3, mysqltest.NewError(1040))
		if _, err := mysqlpool.NewConfig(t.Context(), configOf(s), quiet()); err == nil {
			t.Error("by default New succeeded on a full server")
		} else {
			wantNumber(t, err, 1040)
		}
		s.FailNextConnect(3, mysqltest.NewError(1040))
		closePool(t, newPool(t, s, weir.WithStartWait(time.Second)))
		s.FailNextConnect(3, mysqltest.NewError(1040))
		closePool(t, newPool(t, s, weir.WithStartWait(time.Second), weir.WithMinIdle(0)))
		s.FailConnects(mysqltest.NewError(1040))
		start := time.Now()
		_, err := mysqlpool.NewConfig(t.Context(), configOf(s), quiet(), weir.WithStartWait(time.Second), weir.WithMinIdle(0))
		wantNumber(t, err, 1040)
		if took := time.Since(start); took != time.Second {
			t.Errorf("New gave up after %v, want 1s", took)
		}
	})
}

func TestAutocommitOffIsRefusedUnlessToldOtherwise(t *testing.T) {
	inBubble(t, mysqltest.Config{AutocommitOff: true}, func(t *testing.T, s *mysqltest.Server) {
		_, err := mysqlpool.NewConfig(t.Context(), configOf(s), quiet(), weir.WithStartWait(time.Minute))
		if err == nil || !strings.Contains(err.Error(), "autocommit is off") {
			t.Errorf("error = %v, want one about autocommit", err)
		}
		closePool(t, newPool(t, s, mysqlpool.WithAutocommitUnchecked()))
	})
}

func TestFailedSessionSetupKeepsTheConnectionOut(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		s.FailQueries(func(text string) bool { return strings.HasPrefix(text, "SET time_zone") }, mysqltest.NewError(1298))
		_, err := mysqlpool.NewConfig(t.Context(), configOf(s), quiet(), mysqlpool.WithSessionSetup("SET time_zone = 'Mars'"))
		wantNumber(t, err, 1298)
		if err != nil && !strings.Contains(err.Error(), `session set-up "SET time_zone = 'Mars'"`) {
			t.Errorf("error %q does not name the statement", err)
		}
	})
}

// The DSN's own timeout does not cover the handshake; the pool's deadline covers everything.
func TestOpenIsBoundedAsAWhole(t *testing.T) {
	for name, hang := range map[string]func(*mysqltest.Server){
		"dial":      func(s *mysqltest.Server) { s.HangDial(true) },
		"handshake": func(s *mysqltest.Server) { s.Hang() },
		"set-up": func(s *mysqltest.Server) {
			s.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
				return mysqltest.Reply{Delay: time.Hour}, strings.HasPrefix(q.Text, "SET")
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
				hang(s)
				start := time.Now()
				_, err := mysqlpool.NewConfig(t.Context(), configOf(s), quiet(), weir.WithOpenTimeout(2*time.Second), mysqlpool.WithSessionSetup("SET x = 1"))
				if err == nil {
					t.Fatal("New succeeded")
				}
				if took := time.Since(start); took != 2*time.Second {
					t.Errorf("New gave up after %v, want 2s: %v", took, err)
				}
				s.HangDial(false)
				s.Resume()
				s.DropAll()
			})
		})
	}
}

func TestBackgroundStartReturnsAtOnceAndRecovers(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		s.FailConnects(mysqltest.NewError(1053))
		p := newPool(t, s, weir.WithStartBackground(), weir.WithMinIdle(2))
		defer closePool(t, p)
		time.Sleep(time.Second)
		s.FailConnects(mysqltest.Error{})
		time.Sleep(10 * time.Second)
		if got := p.Stats().Idle; got != 2 {
			t.Errorf("idle = %d, want 2", got)
		}
	})
}

func TestWarningsCompareThePoolWithTheServer(t *testing.T) {
	for name, c := range map[string]struct {
		opts []mysqlpool.Option
		want []string
	}{
		"all well": {nil, nil},
		"too many connections": {
			[]mysqlpool.Option{weir.WithMaxOpen(40), mysqlpool.WithInstances(4, 10)},
			[]string{"MaxOpen 40 x 4 instances + 10 reserved = 170 connections, but the server's max_connections is 151"}},
		"idle for too long": {
			[]mysqlpool.Option{weir.WithoutCheck(weir.WhileIdle), weir.WithIdleTimeout(weir.NoLimit), weir.WithMaxLifetime(time.Hour)},
			[]string{"IdleTimeout 2562047h47m16.854775807s and MaxLifetime 1h0m0s reach the server's wait_timeout, 1m0s: it will close idle connections first"}},
		"MinIdle outlives IdleTimeout": {
			[]mysqlpool.Option{weir.WithMinIdle(2), weir.WithoutCheck(weir.WhileIdle), weir.WithIdleTimeout(30 * time.Second), weir.WithMaxLifetime(time.Hour)},
			[]string{"IdleTimeout 30s and MaxLifetime 1h0m0s reach the server's wait_timeout, 1m0s: it will close idle connections first"}},
		"IdleTimeout reaches all of them": {
			[]mysqlpool.Option{weir.WithMinIdle(0), weir.WithoutCheck(weir.WhileIdle), weir.WithIdleTimeout(30 * time.Second), weir.WithMaxLifetime(time.Hour)}, nil},
		"checks keep them alive": {[]mysqlpool.Option{weir.WithIdleTimeout(weir.NoLimit), weir.WithMaxLifetime(time.Hour)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mysqltest.Config{WaitTimeout: time.Minute}, func(t *testing.T, s *mysqltest.Server) {
				s.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
					if !strings.Contains(q.Text, "@@max_connections") {
						return mysqltest.Reply{}, false
					}
					return mysqltest.Rows([]string{"v", "a", "m", "w"}, []any{"8.0.36", 1, 151, 60}), true
				})
				log := &notebook{}
				p := newPool(t, s, append(c.opts, weir.WithLogger(newLogger(log)))...)
				defer closePool(t, p)
				if d := cmp.Diff(c.want, p.Warnings()); d != "" {
					t.Errorf("warnings (-want +got):\n%s", d)
				}
				for _, w := range c.want {
					if !log.has(w) {
						t.Errorf("%q was not logged", w)
					}
				}
			})
		})
	}
}

// In real time and over TCP: database/sql waits for the statement with a mutex, which would stop a bubble's clock.
func TestForcedCloseCutsTheStatementThatRuns(t *testing.T) {
	s := mysqltest.NewServer(mysqltest.Config{})
	defer s.Close()
	addr, err := s.ListenLoopback()
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	s.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
		if q.Text != "SELECT SLEEP(3600)" {
			return mysqltest.Reply{}, false
		}
		close(started)
		return mysqltest.Reply{Delay: time.Hour}, true
	})
	p, err := mysqlpool.New(t.Context(), "app@tcp("+addr+")/shop", quiet())
	if err != nil {
		t.Fatal(err)
	}
	lease, err := p.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := lease.Value().ExecContext(context.Background(), "SELECT SLEEP(3600)")
		ended <- err
	}()
	<-started
	now, cancel := context.WithCancel(t.Context())
	cancel()
	err = p.Close(now)
	if e, ok := errors.AsType[*weir.CloseError](err); !ok || e.Forced != 1 || e.Running != 0 {
		t.Errorf("Close = %v, want one lease taken back and nothing running", err)
	}
	if err := <-ended; !errors.Is(err, mysql.ErrInvalidConn) {
		t.Errorf("the statement ended with %v", err)
	}
}

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	refusing := mysql.NewConfig()
	refusing.RejectReadOnly = true
	for name, c := range map[string]struct {
		open func() (*mysqlpool.Pool, error)
		want string
	}{
		"DSN":             {func() (*mysqlpool.Pool, error) { return mysqlpool.New(t.Context(), "no dsn") }, "invalid DSN"},
		"nil config":      {func() (*mysqlpool.Pool, error) { return mysqlpool.NewConfig(t.Context(), nil) }, "configuration is nil"},
		"nil DB":          {func() (*mysqlpool.Pool, error) { return mysqlpool.Wrap(t.Context(), nil) }, "db is nil"},
		"rejectReadOnly":  {func() (*mysqlpool.Pool, error) { return mysqlpool.NewConfig(t.Context(), refusing) }, "rejectReadOnly: true: limit is false"},
		"nil context":     {func() (*mysqlpool.Pool, error) { return mysqlpool.New(nil, "/x") }, "context is nil"}, //lint:ignore SA1012 that is the test
		"nobody listens":  {func() (*mysqlpool.Pool, error) { return mysqlpool.New(t.Context(), "tcp(127.0.0.1:1)/x", quiet()) }, "connection refused"},
		"unknown network": {func() (*mysqlpool.Pool, error) { return mysqlpool.New(t.Context(), "pigeon(coop)/x", quiet()) }, "pigeon"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.open()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestCheckConnLivenessOffIsSaid(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		cfg := configOf(s)
		cfg.CheckConnLiveness = false
		log := &notebook{}
		p, err := mysqlpool.NewConfig(t.Context(), cfg, weir.WithLogger(newLogger(log)))
		if err != nil {
			t.Fatal(err)
		}
		closePool(t, p)
		if !log.has("checkConnLiveness is off") {
			t.Error("nothing was logged")
		}
	})
}

func TestPoolIsNamedAfterItsServerUnlessTold(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		p, q := newPool(t, s), newPool(t, s, weir.WithName("billing"))
		defer closePool(t, p)
		defer closePool(t, q)
		got := []string{p.Settings().Name, q.Settings().Name}
		if want := []string{"db.test:3306/shop", "billing"}; !slices.Equal(got, want) {
			t.Errorf("names = %q, want %q", got, want)
		}
	})
}

var _ interface {
	Acquire(context.Context) (weir.Lease[*sql.Conn], error)
} = (*mysqlpool.Pool)(nil)
