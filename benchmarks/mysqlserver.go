package benchmarks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir/internal/lab"
)

// mysqlRows is how many rows the table t has. Row id holds mysqlValue(id).
const mysqlRows = 10_000

func mysqlValue(id int) int { return id * 7 }

// mysqlStart bounds the start of the server and the filling of its table.
const mysqlStart = time.Minute

// A mysqlServer is the server that all cases of a run share. It starts when the first case asks for it, so that a run of other
// workloads needs none.
type mysqlServer struct {
	kind lab.Kind

	mu     sync.Mutex // guards the fields below
	lab    *lab.Server
	err    error // why it did not start; it is not tried again
	closed bool
}

func newMySQLServer(kind lab.Kind) *mysqlServer { return &mysqlServer{kind: kind} }

var errMySQLClosed = errors.New("benchmarks: the server of this run is closed")

// config leads to the server. Without its programs the error says what to install.
func (s *mysqlServer) config() (*mysql.Config, error) {
	server, err := s.started()
	if err != nil {
		return nil, err
	}
	cfg, err := mysql.ParseDSN(server.DSN("app", "app"))
	if err != nil {
		return nil, fmt.Errorf("benchmarks: %w", err)
	}
	cfg.Logger = &mysql.NopLogger{}
	return cfg, nil
}

func (s *mysqlServer) started() (*lab.Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errMySQLClosed
	}
	if s.lab == nil && s.err == nil {
		s.lab, s.err = startMySQL(s.kind)
	}
	return s.lab, s.err
}

// close ends the server if it was started. It may be called again.
func (s *mysqlServer) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.lab == nil {
		return nil
	}
	err := s.lab.Close()
	s.lab = nil
	return err
}

func startMySQL(kind lab.Kind) (*lab.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), mysqlStart)
	defer cancel()
	server, err := lab.Start(ctx, lab.Config{Kind: kind})
	if err != nil {
		return nil, fmt.Errorf("benchmarks: %w", err)
	}
	if err := fillMySQL(ctx, server.Admin()); err != nil {
		return nil, errors.Join(fmt.Errorf("benchmarks: filling the table: %w", err), server.Close())
	}
	return server, nil
}

func fillMySQL(ctx context.Context, admin *sql.DB) error {
	if _, err := admin.ExecContext(ctx, "CREATE TABLE app.t (id INT PRIMARY KEY, v INT NOT NULL)"); err != nil {
		return err
	}
	var insert strings.Builder
	insert.WriteString("INSERT INTO app.t VALUES (1,")
	fmt.Fprint(&insert, mysqlValue(1), ")")
	for id := 2; id <= mysqlRows; id++ {
		fmt.Fprintf(&insert, ",(%d,%d)", id, mysqlValue(id))
	}
	_, err := admin.ExecContext(ctx, insert.String())
	return err
}
