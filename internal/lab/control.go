package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// errNoSuchThread is what KILL answers when the connection went by itself.
const errNoSuchThread = 1094

// SetGlobal sets a global variable. Open sessions keep their own value of a
// variable that sessions have. A number must be given as a number.
func (s *Server) SetGlobal(ctx context.Context, name string, value any) error {
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return fmt.Errorf("lab: %q is not a variable's name", name)
	}
	if _, err := s.admin.ExecContext(ctx, "SET GLOBAL "+name+" = ?", value); err != nil {
		return fmt.Errorf("lab: set %s on %s: %w", name, s.Addr(), err)
	}
	return nil
}

// SetReadOnly sets read_only, for now and for every later start; on a node of a
// MySQL cluster it sets super_read_only, which even admin must obey. It waits for
// writes that are running and not for open transactions, which get error 1290
// on their next write or commit.
func (s *Server) SetReadOnly(ctx context.Context, on bool) error {
	name := "read_only" // off, it switches super_read_only off, too
	if on {
		name = s.refusal()
	}
	if err := s.SetGlobal(ctx, name, on); err != nil {
		return err
	}
	s.startReadOnly(on)
	return nil
}

// refusal is the variable by which the server refuses writes.
func (s *Server) refusal() string {
	if s.alone {
		return "read_only"
	}
	return s.replication().readOnly
}

// startReadOnly says what the next start will say.
func (s *Server) startReadOnly(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readOnly = on
}

// statusVariable reads a global status variable.
func (s *Server) statusVariable(ctx context.Context, name string, value *string) error {
	err := s.admin.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE ?", name).Scan(&name, value)
	if err != nil {
		return fmt.Errorf("lab: %s of %s: %w", name, s.Addr(), err)
	}
	return nil
}

// Processes counts the connections that user has open.
func (s *Server) Processes(ctx context.Context, user string) (int, error) {
	ids, err := s.threads(ctx, user)
	return len(ids), err
}

// KillConnections kills every connection of user and returns how many it
// killed. The server closes them a moment later.
func (s *Server) KillConnections(ctx context.Context, user string) (int, error) {
	ids, err := s.threads(ctx, user)
	if err != nil {
		return 0, err
	}
	killed := 0
	for _, id := range ids {
		_, err := s.admin.ExecContext(ctx, "KILL CONNECTION ?", id)
		if refused, ok := errors.AsType[*mysql.MySQLError](err); ok && refused.Number == errNoSuchThread {
			continue
		}
		if err != nil {
			return killed, fmt.Errorf("lab: kill connection %d of %s: %w", id, s.Addr(), err)
		}
		killed++
	}
	return killed, nil
}

func (s *Server) threads(ctx context.Context, user string) ([]int64, error) {
	rows, err := s.admin.QueryContext(ctx, "SELECT id FROM information_schema.processlist WHERE user = ?", user)
	if err != nil {
		return nil, fmt.Errorf("lab: processes of %s: %w", s.Addr(), err)
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("lab: processes of %s: %w", s.Addr(), err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("lab: processes of %s: %w", s.Addr(), err)
	}
	return ids, nil
}
