package mysqltest_test

import (
	"strings"
	"testing"

	"github.com/weirpool/weir/internal/mysqltest"
)

const maria = "10.11.6-MariaDB"

func TestWritesAreRefusedAsTheFlavourDoes(t *testing.T) {
	tests := []struct {
		name   string
		config mysqltest.Config
		query  string
		want   uint16 // 0 for accepted
		text   string
	}{
		{"primary", mysqltest.Config{}, "INSERT INTO t VALUES (1)", 0, ""},
		{"read_only", mysqltest.Config{ReadOnly: true}, "/* a */ UPDATE t SET v = 1", 1290, "MySQL server is running with the --read-only "},
		{"super", mysqltest.Config{SuperReadOnly: true}, "DELETE FROM t", 1290, "--super-read-only"},
		{"innodb", mysqltest.Config{InnodbReadOnly: true}, "REPLACE INTO t VALUES (1)", 1836, "read-only mode"},
		{"lock", mysqltest.Config{ReadOnly: true}, "SELECT * FROM t FOR UPDATE", 1290, ""},
		{"temporary", mysqltest.Config{ReadOnly: true}, "CREATE TEMPORARY TABLE x (i INT)", 0, ""},
		{"read", mysqltest.Config{ReadOnly: true}, "SELECT * FROM t", 0, ""},
		{"maria read_only", mysqltest.Config{Version: maria, ReadOnly: true}, "CREATE TABLE x (i INT)", 1290, "MariaDB server"},
		{"maria innodb", mysqltest.Config{Version: maria, InnodbReadOnly: true}, "INSERT INTO t VALUES (1)", 1036, ""},
		{"maria innodb lock", mysqltest.Config{Version: maria, InnodbReadOnly: true}, "SELECT * FROM t FOR UPDATE", 0, ""},
		{"maria both", mysqltest.Config{Version: maria, ReadOnly: true, InnodbReadOnly: true}, "INSERT INTO t VALUES (1)", 1290, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, test.config, func(t *testing.T, f fixture) {
				conn, done := f.conn(t)
				defer done()
				_, err := conn.ExecContext(t.Context(), test.query)
				if test.want == 0 && err != nil {
					t.Errorf("error %v, want none", err)
				}
				if test.want != 0 {
					wantNumber(t, err, test.want)
				}
				if err != nil && !strings.Contains(err.Error(), test.text) {
					t.Errorf("error %v, want %q in it", err, test.text)
				}
				if s := f.Stats(); (s.WritesRefused == 1) != (test.want != 0) || s.WritesAccepted+s.WritesRefused > 1 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

func TestRoleChangesUnderOpenSessions(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		conn, done := f.conn(t)
		defer done()
		write := func() error {
			_, err := conn.ExecContext(t.Context(), "INSERT INTO t VALUES (?)", 1)
			return err
		}
		f.SetReadOnly(true)
		wantNumber(t, write(), mysqltest.CodeOptionPrevents)
		f.SetReadOnly(false)
		f.SetInnodbReadOnly(true)
		wantNumber(t, write(), mysqltest.CodeReadOnlyMode)
		f.SetWriteError(mysqltest.NewError(mysqltest.CodeOptionPrevents))
		wantNumber(t, write(), mysqltest.CodeOptionPrevents)
		f.SetInnodbReadOnly(false)
		if err := write(); err != nil {
			t.Error(err)
		}
		f.SetSuperReadOnly(true)
		if got := one[int](t, conn, "SELECT @@read_only"); got != 1 {
			t.Error("super_read_only without read_only")
		}
		exec(t, conn, "SET GLOBAL read_only = OFF")
		if err := write(); err != nil {
			t.Error(err)
		}
		if s := f.Stats(); s.WritesAccepted != 2 || s.WritesRefused != 3 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestWritesAnsweredByTheScriptAreCounted(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		conn, done := f.conn(t)
		defer done()
		f.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
			return mysqltest.Reply{Affected: 3, InsertID: 9}, true
		})
		result := exec(t, conn, "INSERT INTO t VALUES (1)")
		id, _ := result.LastInsertId()
		if n, _ := result.RowsAffected(); n != 3 || id != 9 {
			t.Errorf("affected %d, id %d", n, id)
		}
		f.FailQueries(func(string) bool { return true }, mysqltest.NewError(mysqltest.CodeLockWaitTimeout))
		_, err := conn.ExecContext(t.Context(), "INSERT INTO t VALUES (1)")
		wantNumber(t, err, mysqltest.CodeLockWaitTimeout)
		if s := f.Stats(); s.WritesAccepted != 1 || s.WritesRefused != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestTransactionsSeeTheirServerChange(t *testing.T) {
	over(t, mysqltest.Config{}, func(t *testing.T, f fixture) {
		conn, done := f.conn(t)
		defer done()
		exec(t, conn, "START TRANSACTION READ ONLY")
		_, err := conn.ExecContext(t.Context(), "UPDATE t SET v = 1")
		wantNumber(t, err, mysqltest.CodeReadOnlyTransaction)
		exec(t, conn, "ROLLBACK")
		exec(t, conn, "BEGIN")
		exec(t, conn, "UPDATE t SET v = 1")
		f.SetReadOnly(true)
		_, err = conn.ExecContext(t.Context(), "COMMIT")
		wantNumber(t, err, mysqltest.CodeOptionPrevents)
		exec(t, conn, "BEGIN")
		exec(t, conn, "SELECT v FROM t")
		exec(t, conn, "COMMIT")
	})
}
