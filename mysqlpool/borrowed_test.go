package mysqlpool_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

// These tests run in real time: database/sql waits for what a borrower left behind with a mutex, which would stop a bubble's
// clock. soon is when what should come at once counts as missing.
const soon = 10 * time.Second

// leaveOpen begins something on a connection that is not ended with the lease, and returns what ends it.
func leaveOpen(t *testing.T, conn *sql.Conn, what string) (end func() error) {
	t.Helper()
	if what == "transaction" {
		tx, err := conn.BeginTx(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return tx.Rollback
	}
	rows, err := conn.QueryContext(context.Background(), "SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	return rows.Close
}

// closeSoon wants Close to end by itself, and returns its error.
func closeSoon(t *testing.T, p *mysqlpool.Pool) error {
	t.Helper()
	closed := make(chan error, 1)
	go func() { closed <- p.Close(context.Background()) }()
	select {
	case err := <-closed:
		return err
	case <-time.After(soon):
		t.Fatalf("nothing is lent, and Close has not returned for %v", soon)
	}
	return nil
}

// eventually waits until ok says yes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("%s: not for %v", what, soon)
		}
	}
}

func TestRowsAndTransactionsLeftOpenDoNotHoldUpClose(t *testing.T) {
	for _, what := range []string{"rows", "transaction"} {
		for kind, wrap := range map[string]func(driver.Connector) driver.Connector{
			"plain":   plain,
			"wrapped": func(c driver.Connector) driver.Connector { return traced{c, false} },
		} {
			t.Run(what+", driver "+kind, func(t *testing.T) {
				s := mysqltest.NewServer(mysqltest.Config{})
				defer s.Close()
				db := openDB(t, s, wrap)
				defer db.Close()
				p, err := mysqlpool.Wrap(t.Context(), db, quiet(), weir.WithMinIdle(0), weir.WithCloseTimeout(50*time.Millisecond))
				if err != nil {
					t.Fatal(err)
				}
				l, err := p.Acquire(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				end := leaveOpen(t, l.Value(), what)
				l.Discard()
				err = closeSoon(t, p)
				if e, ok := errors.AsType[*weir.CloseError](err); !ok || e.Running != 1 || e.Forced != 0 {
					t.Errorf("Close = %v, want nothing forced and one call still running: database/sql waits", err)
				}
				if kind == "plain" { // then the server need not wait for them
					eventually(t, "the connection is closed", func() bool { return s.Stats().Open == 0 })
				}
				end() // its error depends on the driver
				eventually(t, "the connection is closed", func() bool { return s.Stats().Open == 0 })
				closePool(t, p)
			})
		}
	}
}

func TestStatementOfTheLastBorrowerHoldsNobodyUp(t *testing.T) {
	s := mysqltest.NewServer(mysqltest.Config{})
	defer s.Close()
	started, let := make(chan struct{}), make(chan struct{})
	s.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
		if q.Text != "DO SOMETHING LONG" {
			return mysqltest.Reply{}, false
		}
		close(started)
		<-let
		return mysqltest.OK(), true
	})
	p := newPool(t, s, weir.WithMaxOpen(4))
	l, err := p.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	conn := l.Value()
	go func() {
		defer close(ended)
		conn.ExecContext(context.Background(), "DO SOMETHING LONG")
	}()
	<-started
	l.Release()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	next := make(chan struct{})
	go func() {
		defer close(next)
		l, err := p.Acquire(ctx)
		if err != nil {
			t.Errorf("not served: %v", err)
			return
		}
		if l.Value() == conn {
			t.Error("the connection was lent on under the statement")
		}
		l.Release()
	}()
	select {
	case <-next:
	case <-time.After(soon):
		t.Errorf("Acquire has room for three more, and has not returned for %v", soon)
	}
	close(let)
	<-ended
	<-next
	closePool(t, p)
}
