package mysqlpool_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

// configOf leads to the scripted server through pipes, so that the driver's timing runs on the bubble's clock.
func configOf(s *mysqltest.Server) *mysql.Config {
	cfg := mysql.NewConfig()
	cfg.User, cfg.DBName = "app", "shop"
	cfg.Net, cfg.Addr = "tcp", "db.test:3306"
	cfg.DialFunc = s.Dial
	cfg.Logger = &mysql.NopLogger{}
	return cfg
}

func quiet() mysqlpool.Option { return weir.WithLogger(slog.New(slog.DiscardHandler)) }

func newLogger(h slog.Handler) *slog.Logger { return slog.New(h) }

// inBubble runs a test against a scripted server, and finds every connection closed at its end.
func inBubble(t *testing.T, c mysqltest.Config, test func(t *testing.T, s *mysqltest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := mysqltest.NewServer(c)
		defer s.Close()
		test(t, s)
		synctest.Wait()
		if n := s.Stats().Open; n != 0 {
			t.Errorf("the server still has %d connections", n)
		}
	})
}

func newPool(t *testing.T, s *mysqltest.Server, opts ...mysqlpool.Option) *mysqlpool.Pool {
	t.Helper()
	p, err := mysqlpool.NewConfig(t.Context(), configOf(s), append([]mysqlpool.Option{quiet()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func closePool(t *testing.T, p *mysqlpool.Pool) {
	t.Helper()
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func selectOne(ctx context.Context, conn *sql.Conn) error {
	var n int
	return conn.QueryRowContext(ctx, "SELECT 1").Scan(&n)
}

func insert(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "INSERT INTO payments VALUES (1)")
	return err
}

// A watcher keeps what a pool says of itself.
type watcher struct {
	mu     sync.Mutex // guards the field below
	events []weir.Event
}

func (w *watcher) Observe(e weir.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

func (w *watcher) count(match func(weir.Event) bool) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, e := range w.events {
		if match(e) {
			n++
		}
	}
	return n
}

// A notebook is a slog.Handler that keeps the messages.
type notebook struct {
	mu    sync.Mutex // guards the field below
	lines []string
}

func (n *notebook) Enabled(context.Context, slog.Level) bool { return true }
func (n *notebook) WithAttrs([]slog.Attr) slog.Handler       { return n }
func (n *notebook) WithGroup(string) slog.Handler            { return n }

func (n *notebook) Handle(_ context.Context, r slog.Record) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, r.Message)
	return nil
}

func (n *notebook) has(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.lines, func(l string) bool { return strings.Contains(l, text) })
}

func wantNumber(t *testing.T, err error, number uint16) {
	t.Helper()
	e, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok || e.Number != number {
		t.Errorf("error = %v, want number %d", err, number)
	}
}
