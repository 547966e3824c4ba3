package benchmarks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir/internal/lab"
)

// lookupText is the statement of nearly all measures of sessions.
const lookupText = "SELECT id, name, v FROM bench WHERE id = ?"

// A benchRow is a row of the table bench, which has mysqlRows of them: ids from 1, named rowName, with mysqlValue.
type benchRow struct {
	id   int64
	name string
	v    int64
}

func rowName(id int) string { return "row " + strconv.Itoa(id) }

// check finds the answer that was meant for somebody else.
func (r benchRow) check(id int) error {
	want := benchRow{id: int64(id), name: rowName(id), v: int64(mysqlValue(id))}
	if r != want {
		return fmt.Errorf("benchmarks: the server answered %v, want %v", r, want)
	}
	return nil
}

// fillBench needs the table that fillMySQL makes.
func fillBench(ctx context.Context, admin *sql.DB) error {
	for _, text := range []string{
		"CREATE TABLE app.bench (id INT PRIMARY KEY, name VARCHAR(32) NOT NULL, v INT NOT NULL)",
		"INSERT INTO app.bench SELECT id, CONCAT('row ', id), v FROM app.t",
	} {
		if _, err := admin.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("benchmarks: filling the table: %w", err)
		}
	}
	return nil
}

// A sessionServer is the server that all cases share for which it need not be new, with the table bench.
type sessionServer struct {
	mysql  *mysqlServer
	filled sync.Once
	err    error // of the filling
}

// started returns the server. Without its programs the error says what to install.
func (s *sessionServer) started() (*lab.Server, error) {
	server, err := s.mysql.started()
	if err != nil {
		return nil, err
	}
	s.filled.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), mysqlStart)
		defer cancel()
		s.err = fillBench(ctx, server.Admin())
	})
	return server, s.err
}

// config leads to the server, with the driver's defaults.
func (s *sessionServer) config() (*mysql.Config, error) {
	server, err := s.started()
	if err != nil {
		return nil, err
	}
	return configOf(server)
}

func configOf(server *lab.Server) (*mysql.Config, error) {
	cfg, err := mysql.ParseDSN(server.DSN("app", "app"))
	if err != nil {
		return nil, fmt.Errorf("benchmarks: %w", err)
	}
	cfg.Logger = &mysql.NopLogger{}
	return cfg, nil
}

// freshServer starts a server that nobody has used, with the table read into its memory. The caller closes it.
func freshServer(kind lab.Kind, maxConnections int) (*lab.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), mysqlStart)
	defer cancel()
	server, err := lab.Start(ctx, lab.Config{Kind: kind, MaxConnections: maxConnections})
	if err != nil {
		return nil, fmt.Errorf("benchmarks: %w", err)
	}
	if err := prepareFresh(ctx, server); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return server, nil
}

func prepareFresh(ctx context.Context, server *lab.Server) error {
	if err := fillMySQL(ctx, server.Admin()); err != nil {
		return fmt.Errorf("benchmarks: filling the table: %w", err)
	}
	if err := fillBench(ctx, server.Admin()); err != nil {
		return err
	}
	var sum int64
	return server.Admin().QueryRowContext(ctx, "SELECT SUM(LENGTH(name) + v) FROM app.bench").Scan(&sum)
}

// globalStatus asks for one of the server's counters.
func globalStatus(server *lab.Server, name string) (float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var value float64
	err := server.Admin().QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE '"+name+"'").Scan(&name, &value)
	if err != nil {
		return 0, fmt.Errorf("benchmarks: status %s: %w", name, err)
	}
	return value, nil
}
