package lab

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"strconv"

	"github.com/go-sql-driver/mysql"
)

// DSN is a go-sql-driver data source name for user on the database db, with the
// password the user has now and the driver's defaults. The users are app and
// admin, the database is app.
func (s *Server) DSN(user, db string) string {
	return s.driverConfig(s.Addr(), user, db).FormatDSN()
}

func (s *Server) driverConfig(addr, user, db string) *mysql.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd = user, s.passwords[user]
	cfg.Net, cfg.Addr = "tcp", addr
	cfg.DBName = db
	return cfg
}

// Admin returns the lab's own connection pool, which the server must not be
// asked to close. It enters by a second port of the server: it counts in
// nobody's max_connections and comes in when they are used up. It keeps no idle
// connection, because it lives through the server's restarts.
func (s *Server) Admin() *sql.DB { return s.admin }

func (s *Server) openAdmin() error {
	addr := net.JoinHostPort(s.cfg.Host, strconv.Itoa(s.extraPort))
	cfg := s.driverConfig(addr, "admin", "")
	cfg.InterpolateParams = true
	cfg.TLS = s.ClientTLS()
	cfg.Logger = &mysql.NopLogger{} // a server that is not up yet is no news
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	s.admin = sql.OpenDB(connector)
	s.admin.SetMaxIdleConns(-1)
	return nil
}

// SetPassword changes a user's password, on this server alone. Open connections
// stay. Changing admin's would lock the lab out and is refused.
func (s *Server) SetPassword(ctx context.Context, user, password string) error {
	if user == "admin" {
		return fmt.Errorf("lab: set password: admin's cannot be changed")
	}
	conn, err := s.admin.Conn(ctx)
	if err != nil {
		return fmt.Errorf("lab: set password: %w", err)
	}
	defer conn.Close()
	// A transaction of a replica's own in its binary log would make it diverge.
	if _, err := conn.ExecContext(ctx, "SET SESSION sql_log_bin=0"); err != nil {
		return fmt.Errorf("lab: set password: %w", err)
	}
	if _, err := conn.ExecContext(ctx, "ALTER USER ?@'%' IDENTIFIED BY ?", user, password); err != nil {
		return fmt.Errorf("lab: set password: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passwords[user] = password
	return nil
}
