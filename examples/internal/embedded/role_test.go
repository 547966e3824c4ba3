package embedded_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirpool/weir/examples/internal/embedded"
)

const healthCheck = "/* payments Health Check */ SELECT 1, @@innodb_read_only, @@read_only"

// check runs the health check by the text protocol, or prepared when stmt is set.
func check(t *testing.T, conn *sql.Conn, stmt *sql.Stmt) [3]int {
	t.Helper()
	var got [3]int
	var row *sql.Row
	if stmt != nil {
		row = stmt.QueryRowContext(t.Context())
	} else {
		row = conn.QueryRowContext(t.Context(), healthCheck)
	}
	if err := row.Scan(&got[0], &got[1], &got[2]); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestHealthCheckShowsTheRoleOfThatServerToOldAndNewSessions(t *testing.T) {
	srv := start(t, embedded.Config{Name: "db-1"})
	other := start(t, embedded.Config{Name: "db-2", Role: embedded.Replica})
	db, otherConn := open(t, srv), connect(t, open(t, other))
	old := connect(t, db)
	stmt, err := old.PrepareContext(t.Context(), healthCheck)
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()

	for _, role := range []embedded.Role{embedded.Primary, embedded.Replica, embedded.Primary} {
		srv.SetRole(role)
		readOnly := int(role)
		want := [3]int{1, readOnly, readOnly}
		got := map[string][3]int{
			"old session, text":     check(t, old, nil),
			"old session, prepared": check(t, old, stmt),
			"new session":           check(t, connect(t, db), nil),
		}
		for name, got := range got {
			if got != want {
				t.Errorf("%v: %s: got %v, want %v", role, name, got, want)
			}
		}
		if got := get[int](t, old, "SELECT @@super_read_only"); got != readOnly {
			t.Errorf("%v: got super_read_only %d", role, got)
		}
		if got := srv.Role(); got != role {
			t.Errorf("got role %v, want %v", got, role)
		}
	}
	if got, want := check(t, otherConn, nil), [3]int{1, 1, 1}; got != want {
		t.Errorf("the other server: got %v, want %v", got, want)
	}
}

func TestAReplicaRefusesWritesWith1290(t *testing.T) {
	srv := start(t, embedded.Config{Name: "db-1", Role: embedded.Replica})
	conn := connect(t, open(t, srv))
	for _, write := range []string{
		"INSERT INTO payments (note) VALUES ('x')",
		"/* note */ UPDATE payments SET amount = 1 WHERE id = 0",
		"DELETE FROM payments WHERE id = 0",
		"CREATE TABLE other (id INT PRIMARY KEY)",
	} {
		_, err := conn.ExecContext(t.Context(), write)
		wantNumber(t, err, 1290)
	}
	_, err := conn.ExecContext(t.Context(), "INSERT INTO payments (note) VALUES (?)", "prepared")
	wantNumber(t, err, 1290)
	if got := get[int](t, conn, "SELECT COUNT(*) FROM payments"); got != 0 {
		t.Errorf("got %d rows", got)
	}

	srv.SetRole(embedded.Primary)
	exec(t, conn, "INSERT INTO payments (note) VALUES (?)", "accepted")
	if got := get[int](t, conn, "SELECT COUNT(*) FROM payments"); got != 1 {
		t.Errorf("got %d rows after the promotion", got)
	}
}

func TestDemotionRollsAnOpenTransactionBack(t *testing.T) {
	for name, last := range map[string]func(context.Context, *sql.Tx) error{
		"on its next write": func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO payments (note) VALUES ('second')")
			return err
		},
		"on commit": func(_ context.Context, tx *sql.Tx) error { return tx.Commit() },
	} {
		t.Run(name, func(t *testing.T) {
			srv := start(t, embedded.Config{Name: "db-1"})
			db := open(t, srv)
			db.SetMaxOpenConns(1) // what the transaction leaves behind, the next query meets
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			exec(t, tx, "INSERT INTO payments (note) VALUES ('first')")

			srv.SetRole(embedded.Replica)
			wantNumber(t, last(t.Context(), tx), 1290)
			tx.Rollback()
			if got := get[int](t, db, "SELECT COUNT(*) FROM payments"); got != 0 {
				t.Errorf("got %d rows", got)
			}
			srv.SetRole(embedded.Primary)
			exec(t, db, "INSERT INTO payments (note) VALUES ('after')")
			if got := get[int](t, connect(t, open(t, srv)), "SELECT COUNT(*) FROM payments"); got != 1 {
				t.Errorf("got %d rows after the promotion, want the one committed", got)
			}
		})
	}
}

func TestAReadingTransactionSurvivesDemotion(t *testing.T) {
	srv := start(t, embedded.Config{Name: "db-1"})
	tx, err := open(t, srv).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	get[int](t, tx, "SELECT COUNT(*) FROM payments")
	srv.SetRole(embedded.Replica)
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
}

func TestVariablesAnswerPerServer(t *testing.T) {
	srv := start(t, embedded.Config{Name: "db-7", MaxConnections: 33})
	conn := connect(t, open(t, srv))
	type row struct {
		MaxConnections, WaitTimeout, Autocommit int
		Hostname, Version, Comment              string
		Connection                              uint32
	}
	var got row
	err := conn.QueryRowContext(t.Context(), "SELECT @@max_connections, @@wait_timeout, @@autocommit, @@hostname, "+
		"@@version, @@version_comment, CONNECTION_ID()").Scan(&got.MaxConnections, &got.WaitTimeout, &got.Autocommit,
		&got.Hostname, &got.Version, &got.Comment, &got.Connection)
	if err != nil {
		t.Fatal(err)
	}
	if got.Version == "" || got.Comment == "" || got.Connection == 0 {
		t.Errorf("version, comment or connection missing: %+v", got)
	}
	got.Version, got.Comment, got.Connection = "", "", 0
	want := row{MaxConnections: 33, WaitTimeout: 28800, Autocommit: 1, Hostname: "db-7"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestVariablesOfOtherProductsAreUnknown(t *testing.T) {
	conn := connect(t, open(t, start(t, embedded.Config{Name: "db-1"})))
	for _, name := range []string{"@@aurora_version", "@@aurora_server_id"} {
		_, err := conn.ExecContext(t.Context(), "SELECT "+name)
		wantNumber(t, err, 1193)
		_, err = conn.PrepareContext(t.Context(), "SELECT "+name)
		wantNumber(t, err, 1193)
	}
}
