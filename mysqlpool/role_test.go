package mysqlpool_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

var mariaDB = mysqltest.Config{Version: "10.11.6-MariaDB"}

func TestRoleIsReadFromEveryVariable(t *testing.T) {
	for name, c := range map[string]struct {
		server mysqltest.Config
		role   mysqlpool.Role
	}{
		"MySQL primary":      {mysqltest.Config{}, mysqlpool.Primary},
		"MySQL replica":      {mysqltest.Config{ReadOnly: true}, mysqlpool.Replica},
		"MySQL, super":       {mysqltest.Config{SuperReadOnly: true}, mysqlpool.Replica},
		"Aurora writer":      {mysqltest.Config{Aurora: true}, mysqlpool.Primary},
		"Aurora reader":      {mysqltest.Config{Aurora: true, InnodbReadOnly: true}, mysqlpool.Replica},
		"MariaDB primary":    {mariaDB, mysqlpool.Primary},
		"MariaDB replica":    {mysqltest.Config{Version: mariaDB.Version, ReadOnly: true}, mysqlpool.Replica},
		"MariaDB, read only": {mysqltest.Config{Version: mariaDB.Version, InnodbReadOnly: true}, mysqlpool.Replica},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, c.server, func(t *testing.T, s *mysqltest.Server) {
				closePool(t, newPool(t, s, mysqlpool.WithRole(c.role)))
				closePool(t, newPool(t, s, mysqlpool.WithRole(mysqlpool.Any)))
				other := mysqlpool.Primary + mysqlpool.Replica - c.role
				_, err := mysqlpool.NewConfig(t.Context(), configOf(s), quiet(), mysqlpool.WithRole(other))
				e, ok := errors.AsType[*mysqlpool.RoleError](err)
				if !ok || e.Want != other || !errors.Is(err, weir.ErrWrongRole) {
					t.Errorf("wanting %v: %v", other, err)
				}
			})
		})
	}
}

// MariaDB has turned read_only into a word.
func TestRoleIsReadFromWordsToo(t *testing.T) {
	for word, role := range map[string]mysqlpool.Role{"OFF": mysqlpool.Primary, "ON": mysqlpool.Replica, "NO_LOCK": mysqlpool.Replica} {
		t.Run(word, func(t *testing.T) {
			inBubble(t, mariaDB, func(t *testing.T, s *mysqltest.Server) {
				s.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
					role := strings.HasSuffix(q.Text, ", @@innodb_read_only, @@read_only")
					return mysqltest.Rows([]string{"v", "a", "m", "w", "i", "r"}, []any{mariaDB.Version, 1, 151, 28800, 0, word}), role
				})
				closePool(t, newPool(t, s, mysqlpool.WithRole(role)))
			})
		})
	}
}

// A demotion is noticed by the first check after it; every connection goes, and callers wait for a primary.
func TestDemotionIsNoticedByChecks(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		w := &watcher{}
		p := newPool(t, s, mysqlpool.WithRole(mysqlpool.Primary), weir.WithMinIdle(5), weir.WithObserver(w))
		defer closePool(t, p)
		time.Sleep(70 * time.Second) // the last idle check is longer ago than the window
		s.SetReadOnly(true)
		err := p.Do(t.Context(), insert)
		e, ok := errors.AsType[*weir.ExhaustedError](err)
		if !ok || !errors.Is(err, weir.ErrWrongRole) {
			t.Fatalf("error = %v, want an exhausted one that tells of the role", err)
		}
		if _, ok := errors.AsType[*mysqlpool.RoleError](e.LastOpenError); !ok || e.Waited != time.Second {
			t.Errorf("waited %v, last open error %v", e.Waited, e.LastOpenError)
		}
		if got := p.Stats(); got.Generation != 1 || got.Retired[weir.RetiredRole] != 5 {
			t.Errorf("generation %d, %d retired for their role, want 1 and 5", got.Generation, got.Retired[weir.RetiredRole])
		}
		if n := w.count(func(e weir.Event) bool { return e.Kind == weir.EventDemoted }); n != 1 {
			t.Errorf("%d demotions told, want one", n)
		}
		s.SetReadOnly(false)
		start := time.Now()
		if err := p.Do(t.Context(), insert); err != nil {
			t.Errorf("after the promotion: %v", err)
		}
		if waited := time.Since(start); waited > 250*time.Millisecond {
			t.Errorf("the first caller after the promotion waited %v", waited)
		}
		if st := s.Stats(); st.WritesRefused != 0 || st.WritesAccepted != 1 {
			t.Errorf("writes refused, accepted = %d, %d, want 0, 1", st.WritesRefused, st.WritesAccepted)
		}
	})
}

// Inside the check window it is the refused write that tells; the others are asked, and confirm it.
func TestDemotionIsNoticedByARefusedWrite(t *testing.T) {
	for _, number := range []uint16{1290, 1836, 1036, 1792} {
		inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
			p := newPool(t, s, mysqlpool.WithRole(mysqlpool.Primary), weir.WithMinIdle(3))
			defer closePool(t, p)
			s.SetReadOnly(true)
			s.SetWriteError(mysqltest.NewError(number))
			wantNumber(t, p.Do(t.Context(), insert), number)
			synctest.Wait()
			s.SetReadOnly(false)
			if got := p.Stats(); got.Generation != 1 || got.Retired[weir.RetiredRole] != 3 {
				t.Errorf("%d: generation %d, %d retired for their role, want 1 and 3", number, got.Generation, got.Retired[weir.RetiredRole])
			}
			if err := p.Do(t.Context(), insert); err != nil {
				t.Errorf("%d: the next write: %v", number, err)
			}
			if st := s.Stats(); st.WritesRefused != 1 || st.WritesAccepted != 1 {
				t.Errorf("%d: writes refused, accepted = %d, %d: nothing may be repeated", number, st.WritesRefused, st.WritesAccepted)
			}
		})
	}
}

// Until a check has confirmed the role nobody is lent a connection that was there before the refused write.
func TestNobodyWritesToADemotedServerAfterTheFirstRefusal(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s, mysqlpool.WithRole(mysqlpool.Primary), weir.WithMinIdle(5), weir.WithMaxWait(100*time.Millisecond))
		defer closePool(t, p)
		s.SetReadOnly(true)
		wantNumber(t, p.Do(t.Context(), insert), 1290)
		for range 20 {
			if err := p.Do(t.Context(), insert); !errors.Is(err, weir.ErrWrongRole) {
				t.Errorf("error = %v, want one about the role", err)
			}
		}
		if got := s.Stats().WritesRefused; got != 1 {
			t.Errorf("%d writes reached the demoted server, want the first only", got)
		}
	})
}

// 1290 has other meanings: then it costs the connection it came from, and not the pool.
func TestRefusalThatIsNoDemotionCostsOneConnection(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		s.FailQueries(func(text string) bool { return text == "SELECT 1 INTO OUTFILE '/tmp/x'" }, mysqltest.NewError(1290))
		p := newPool(t, s, mysqlpool.WithRole(mysqlpool.Primary), weir.WithMinIdle(8))
		defer closePool(t, p)
		for range 20 {
			wantNumber(t, p.Do(t.Context(), func(ctx context.Context, conn *sql.Conn) error {
				_, err := conn.ExecContext(ctx, "SELECT 1 INTO OUTFILE '/tmp/x'")
				return err
			}), 1290)
		}
		synctest.Wait()
		if got := p.Stats(); got.Generation != 0 || got.Retired[weir.RetiredRole] != 20 {
			t.Errorf("generation %d, %d retired, want 0 and one for each statement", got.Generation, got.Retired[weir.RetiredRole])
		}
	})
}

func TestRefusedWriteIsTheApplicationsErrorWhereNoPrimaryIsWanted(t *testing.T) {
	for _, role := range []mysqlpool.Role{mysqlpool.Any, mysqlpool.Replica} {
		inBubble(t, mysqltest.Config{ReadOnly: true}, func(t *testing.T, s *mysqltest.Server) {
			p := newPool(t, s, mysqlpool.WithRole(role))
			defer closePool(t, p)
			wantNumber(t, p.Do(t.Context(), insert), 1290)
			if got := p.Stats(); got.Generation != 0 || got.Idle != 1 {
				t.Errorf("%v: generation %d, idle %d: the connection was blamed", role, got.Generation, got.Idle)
			}
		})
	}
}

func TestReadOnlyTransactionsOfTheApplicationAreNoDemotion(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s, mysqlpool.WithRole(mysqlpool.Primary))
		defer closePool(t, p)
		err := p.Do(t.Context(), func(ctx context.Context, conn *sql.Conn) error {
			tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
			if err != nil {
				return err
			}
			defer tx.Rollback()
			_, err = tx.ExecContext(ctx, "INSERT INTO payments VALUES (1)")
			return mysqlpool.InReadOnlyTx(err)
		})
		wantNumber(t, err, 1792)
		if got := p.Stats().Generation; got != 0 {
			t.Errorf("generation = %d, want 0", got)
		}
	})
}

// Replicas are wanted, one is promoted: its connections go.
func TestPromotionRetiresAReplicasConnections(t *testing.T) {
	inBubble(t, mysqltest.Config{ReadOnly: true}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s, mysqlpool.WithRole(mysqlpool.Replica), weir.WithMinIdle(3))
		defer closePool(t, p)
		s.SetReadOnly(false)
		time.Sleep(time.Minute)
		if got := p.Stats(); got.Idle != 0 || got.Retired[weir.RetiredRole] != 3 {
			t.Errorf("idle %d, %d retired for their role, want 0 and 3", got.Idle, got.Retired[weir.RetiredRole])
		}
	})
}

// The name moves to another server: the next dial goes there.
func TestNamesAreResolvedAtEveryDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, promoted := mysqltest.NewServer(mysqltest.Config{}), mysqltest.NewServer(mysqltest.Config{})
		defer old.Close()
		defer promoted.Close()
		leads := old
		p, err := mysqlpool.NewConfig(t.Context(), withDial(configOf(old), func() *mysqltest.Server { return leads }), quiet(),
			mysqlpool.WithRole(mysqlpool.Primary), weir.WithMinIdle(3))
		if err != nil {
			t.Fatal(err)
		}
		defer closePool(t, p)
		old.SetReadOnly(true)
		leads = promoted
		time.Sleep(time.Second)
		for range 10 {
			if err := p.Do(t.Context(), insert); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if got := promoted.Stats().WritesAccepted; got != 10 {
			t.Errorf("the new primary accepted %d writes, want 10", got)
		}
		if got := old.Stats().Open; got != 0 {
			t.Errorf("%d connections still lead to the old primary", got)
		}
	})
}
