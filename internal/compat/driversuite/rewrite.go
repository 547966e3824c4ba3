package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A rewrite changes the driver's tests where they do not ask database/sql for a connection by the driver's name. All its
// occurrences are changed, and there must be exactly as many as it says: otherwise upstream has changed.
type rewrite struct {
	file, from, to string
	times          int
}

// rewrites lead to what testdata/hook_test.go offers.
var rewrites = []rewrite{
	{"driver_test.go", ":= NewConnector(", ":= connectorThrough(", 4},
	// Below sql.Conn.Raw the tests reach into the driver's own type: they get it the documented way.
	{"driver_test.go", ":= conn.(*mysqlConn)", ":= pinned(conn)", 2},
	{"driver_test.go", "md := &MySQLDriver{}", "md := driverThrough{}", 1},
	// One test takes it that this fails, and would wait for ever for a transaction that has begun.
	{"driver_test.go", "_, err = conn.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelReadCommitted})", "err = beginAgain(conn)", 1},
	// A call returns when its context ends. Where the server has not said by then what became of a write, the error matches
	// ErrOutcomeUnknown as well: whether it has depends on how busy the machine is.
	{"driver_test.go", ` VALUES (SLEEP(1))"); err != context.Canceled`, ` VALUES (SLEEP(1))"); !isCanceled(err)`, 3},
	{"driver_test.go", "stmt.ExecContext(ctx); err != context.Canceled", "stmt.ExecContext(ctx); !isCanceled(err)", 1},
	{"driver_test.go", "stmt.QueryContext(ctx); err != context.Canceled", "stmt.QueryContext(ctx); !isCanceled(err)", 1},
}

func apply(dir string, changes []rewrite) error {
	for _, c := range changes {
		path := filepath.Join(dir, c.file)
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if got := strings.Count(string(data), c.from); got != c.times {
			return fmt.Errorf("%s has %q %d times, want %d: has upstream changed?", c.file, c.from, got, c.times)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(data), c.from, c.to)), 0o600); err != nil {
			return err
		}
	}
	return nil
}
