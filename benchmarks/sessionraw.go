package benchmarks

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/go-sql-driver/mysql"
)

// A rawStatement is the lookup prepared on a connection of its own, below database/sql. It serves one goroutine at a time.
type rawStatement struct {
	conn driver.Conn
	stmt driver.StmtQueryContext
	args []driver.NamedValue
	dest []driver.Value
}

func openRawStatement(ctx context.Context, c driver.Connector) (*rawStatement, error) {
	conn, err := c.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("benchmarks: %w", err)
	}
	stmt, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, lookupText)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("benchmarks: %w", err), conn.Close())
	}
	return &rawStatement{
		conn: conn, stmt: stmt.(driver.StmtQueryContext), args: []driver.NamedValue{{Ordinal: 1}}, dest: make([]driver.Value, 3),
	}, nil
}

func (s *rawStatement) ask(ctx context.Context, id int) (benchRow, error) {
	s.args[0].Value = int64(id)
	rows, err := s.stmt.QueryContext(ctx, s.args)
	if err != nil {
		return benchRow{}, err
	}
	row, err := s.only(rows)
	return row, errors.Join(err, rows.Close())
}

func (s *rawStatement) only(rows driver.Rows) (benchRow, error) {
	if err := rows.Next(s.dest); err != nil {
		return benchRow{}, err
	}
	id, idOK := s.dest[0].(int64)
	name, nameOK := s.dest[1].([]byte)
	v, vOK := s.dest[2].(int64)
	row := benchRow{id: id, name: string(name), v: v}
	if !idOK || !nameOK || !vOK {
		return row, fmt.Errorf("benchmarks: the driver gave %T, %T and %T", s.dest[0], s.dest[1], s.dest[2])
	}
	if err := rows.Next(s.dest); !errors.Is(err, io.EOF) {
		return row, fmt.Errorf("benchmarks: after the row: %w, want its end", err)
	}
	return row, nil
}

// openRawLookups is what the driver can do at best. Where there are more goroutines than connections these go round by a
// channel, else each goroutine keeps one.
func openRawLookups(cfg *mysql.Config, connections int) (lookupPool, error) {
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return lookupPool{}, fmt.Errorf("benchmarks: %w", err)
	}
	all := make([]*rawStatement, 0, connections)
	end := func() error {
		var err error
		for _, s := range all {
			err = errors.Join(err, s.conn.Close())
		}
		return err
	}
	for range connections {
		s, err := openRawStatement(context.Background(), connector)
		if err != nil {
			return lookupPool{}, errors.Join(err, end())
		}
		all = append(all, s)
	}
	return lookupPool{share: func(n int) []lookup { return shareRaw(all, n) }, close: end}, nil
}

func shareRaw(all []*rawStatement, n int) []lookup {
	asks := make([]lookup, n)
	if n <= len(all) {
		for i := range asks {
			asks[i] = all[i].ask
		}
		return asks
	}
	free := make(chan *rawStatement, len(all))
	for _, s := range all {
		free <- s
	}
	for i := range asks {
		asks[i] = func(ctx context.Context, id int) (benchRow, error) {
			s := <-free
			defer func() { free <- s }()
			return s.ask(ctx, id)
		}
	}
	return asks
}
