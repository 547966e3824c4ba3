package trackertest_test

import (
	"context"
	"database/sql"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/internal/lab/tracker"
)

// tapped opens one connection of user app with a tap below it.
func tapped(t *testing.T) (*sql.Conn, *tracker.Tap) {
	t.Helper()
	tap := &tracker.Tap{}
	return dialled(t, tap, tap.Dial), tap
}

// dialled opens one connection of user app by dial and forgets what tap heard of it.
func dialled(t *testing.T, tap *tracker.Tap, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *sql.Conn {
	t.Helper()
	cfg, err := mysql.ParseDSN(server(t).DSN("app", "app"))
	must(t, err)
	cfg.MultiStatements = true
	cfg.Params = own().track
	cfg.DialFunc = dial
	conn := labtest.Hold(t.Context(), t, labtest.StockOf(t, cfg))
	take(t, tap)
	return conn
}

func take(t testing.TB, tap *tracker.Tap) []tracker.Command {
	t.Helper()
	commands, err := tap.Take()
	must(t, err)
	return commands
}

// run executes a statement by text and returns what was reported. Errors of the
// server are part of the report.
func run(t *testing.T, conn *sql.Conn, tap *tracker.Tap, text string) tracker.Command {
	t.Helper()
	_, err := conn.ExecContext(t.Context(), text)
	commands := take(t, tap)
	if len(commands) != 1 {
		t.Fatalf("%s: %d commands reported, want 1 (error %v)", text, len(commands), err)
	}
	return commands[0]
}

// told is what was reported of a command, but for the numbers of statements and
// transactions, in the order of the alphabet: the server's is no order.
func told(c tracker.Command) (words []string) {
	for _, change := range c.Changes() {
		switch {
		case change.Name == "statement_id":
		case change.What == tracker.GTIDs:
			words = append(words, "gtids")
		default:
			words = append(words, change.String())
		}
	}
	slices.Sort(words)
	return words
}

// announcement is what the server tells of a text, run after another one.
type announcement struct {
	name, before, text string
	want               []string
}

// TestTapReportsWhatChanged fixes what the server tells, and what it does not: the
// oracle asks directly where this table is silent.
func TestTapReportsWhatChanged(t *testing.T) {
	const set = "CREATE TABLE IF NOT EXISTS tapped (a INT PRIMARY KEY)"
	tests := []announcement{
		{"read", "", "SELECT 1", nil},
		{"names", "", "SET NAMES latin1", []string{"variable character_set_connection=latin1", "variable character_set_client=latin1", "variable character_set_results=latin1", "state 1"}},
		{"variable", "", "SET time_zone = '+01:00'", []string{"variable time_zone=+01:00", "state 1"}},
		{"same value again", "SET time_zone = '+01:00'", "SET time_zone = '+01:00'", []string{"variable time_zone=+01:00", "state 1"}},
		{"two variables", "", "SET lock_wait_timeout=3, group_concat_max_len=200", []string{"variable group_concat_max_len=200", "variable lock_wait_timeout=3", "state 1"}},
		{"schema", "", "USE information_schema", []string{"schema information_schema", "state 1"}},
		{"user variable", "", "SET @x = 1", []string{"state 1"}},
		{"temporary table", "", "CREATE TEMPORARY TABLE temp (a INT)", []string{"state 1"}},
		{"prepare by text", "", "PREPARE p FROM 'SELECT 1'", []string{"state 1"}},
		{"begin", "", "BEGIN", []string{"transaction T_______", "characteristics START TRANSACTION;"}},
		{"write in a transaction", "BEGIN", "INSERT INTO tapped VALUES (2)", []string{"transaction T___W___"}},
		{"rollback", "BEGIN", "ROLLBACK", []string{"transaction ________", "characteristics "}},
		{"next transaction", "", "SET TRANSACTION READ ONLY", []string{"characteristics SET TRANSACTION READ ONLY;"}},
		{"tables locked", "", "LOCK TABLES tapped READ", []string{"transaction _______L"}},
		{"in a second statement", "", "SELECT 1; SET @x = 1", []string{"state 1"}},
		{"error", "", "SET @x = (SELECT a FROM nosuch)", nil},

		{"blind: user variable in a SELECT", "", "SELECT @x := 2", nil},
		{"blind: named lock", "", "SELECT GET_LOCK('tapped', 0)", nil},
		{"blind: insert id", "", "SELECT LAST_INSERT_ID(5)", nil},
		{"blind: found rows", "", "SELECT SQL_CALC_FOUND_ROWS 1 LIMIT 1", nil},
		{"blind: handler", "", "HANDLER tapped OPEN", nil},
	}
	for _, tt := range slices.Concat(tests, own().reports) {
		t.Run(tt.name, func(t *testing.T) {
			conn, tap := tapped(t)
			run(t, conn, tap, set)
			if tt.before != "" {
				run(t, conn, tap, tt.before)
			}
			got := told(run(t, conn, tap, tt.text))
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestTapTellsStatusAndErrors(t *testing.T) {
	conn, tap := tapped(t)
	began := run(t, conn, tap, "BEGIN")
	if s, ok := began.Status(); !ok || s&tracker.InTransaction == 0 || s&tracker.Autocommit == 0 {
		t.Errorf("after BEGIN: status %#x, %v, want in transaction and autocommit", s, ok)
	}
	failed := run(t, conn, tap, "SELECT * FROM nosuch")
	if s, ok := failed.Status(); ok {
		t.Errorf("after an error: status %#x, want none", s)
	}
	if got, want := failed.Answers[0].Error, uint16(1146); got != want {
		t.Errorf("error %d, want %d", got, want)
	}
}

// dripping reads one byte at a time.
type dripping struct{ net.Conn }

func (c dripping) Read(b []byte) (int, error) { return c.Conn.Read(b[:min(1, len(b))]) }

// clumsy writes one byte at a time.
type clumsy struct{ net.Conn }

func (c clumsy) Write(b []byte) (int, error) {
	for i := range b {
		if n, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i + n, err
		}
	}
	return len(b), nil
}

func TestTapReadsSplitPackets(t *testing.T) {
	tap := &tracker.Tap{}
	conn := dialled(t, tap, func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return clumsy{tap.Wrap(dripping{c})}, nil
	})
	everyShape(t, conn, tap)
}

func TestTapReadsEveryShapeOfAnswer(t *testing.T) {
	conn, tap := tapped(t)
	everyShape(t, conn, tap)
}

// everyShape sends each kind of command that the driver knows and checks that
// none is missed or taken for two.
func everyShape(t *testing.T, conn *sql.Conn, tap *tracker.Tap) {
	t.Helper()
	ctx := t.Context()
	must(t, conn.PingContext(ctx))
	exec(t, conn, "DO 1")
	rows, err := conn.QueryContext(ctx, "SELECT 'a', NULL UNION ALL SELECT '', 'b'")
	must(t, err)
	for rows.Next() {
	}
	must(t, rows.Err())
	exec(t, conn, "SELECT 1 WHERE FALSE")
	for range 2 { // the second time the server does not describe the columns
		stmt, err := conn.PrepareContext(ctx, "SELECT ?, SCHEMA()")
		must(t, err)
		for range 2 {
			var a, b string
			must(t, stmt.QueryRowContext(ctx, "x").Scan(&a, &b))
		}
		must(t, stmt.Close())
	}
	exec(t, conn, "SET time_zone = '+02:00'")

	var got []byte
	commands := take(t, tap)
	for _, c := range commands {
		got = append(got, c.Code)
	}
	want := []byte{
		tracker.ComPing, tracker.ComQuery, tracker.ComQuery, tracker.ComQuery,
		tracker.ComPrepare, tracker.ComExecute, tracker.ComExecute, tracker.ComStmtClose,
		tracker.ComPrepare, tracker.ComExecute, tracker.ComExecute, tracker.ComStmtClose,
		tracker.ComQuery,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("commands (-want +got):\n%s", diff)
	}
	if got, want := commands[4].Text, "SELECT ?, SCHEMA()"; got != want {
		t.Errorf("text of the prepare %q, want %q", got, want)
	}
	if got := told(commands[len(commands)-1]); !slices.Equal(got, []string{"state 1", "variable time_zone=+02:00"}) {
		t.Errorf("reported %v, want time_zone and state", got)
	}
}

// untilGone waits until the server has no connection of that number.
func untilGone(t testing.TB, id int64) {
	t.Helper()
	must(t, lab.Until(t.Context(), "a connection is gone", func(ctx context.Context) (gone bool, err error) {
		err = server(t).Admin().QueryRowContext(ctx, "SELECT COUNT(*) = 0 FROM information_schema.processlist WHERE id = ?", id).Scan(&gone)
		return gone, err
	}))
}

func exec(t testing.TB, conn *sql.Conn, text string, args ...any) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// A message of 16 MB and more comes in several packets, and the length of a
// value so long begins with the byte that otherwise ends a result.
func TestTapReadsLongMessages(t *testing.T) {
	conn, tap := tapped(t)
	var n int
	must(t, conn.QueryRowContext(t.Context(), "SELECT LENGTH(?)", strings.Repeat("a", 17<<20)).Scan(&n))
	var long string
	must(t, conn.QueryRowContext(t.Context(), "SELECT REPEAT('a', 17 << 20)").Scan(&long))
	if n != 17<<20 || len(long) != 17<<20 {
		t.Fatalf("lengths %d and %d, want %d", n, len(long), 17<<20)
	}
	take(t, tap)
	if got := told(run(t, conn, tap, "SET @x = 1")); len(got) != 1 {
		t.Errorf("after long messages: reported %v, want state", got)
	}
}

func TestTapReadsLoadDataLocal(t *testing.T) {
	conn, tap := tapped(t)
	mysql.RegisterReaderHandler("tapped", func() io.Reader { return strings.NewReader("1\n2\n3\n") })
	defer mysql.DeregisterReaderHandler("tapped")
	exec(t, conn, "DROP TABLE IF EXISTS loaded")
	exec(t, conn, "CREATE TABLE loaded (a INT)")
	take(t, tap)
	got := run(t, conn, tap, "LOAD DATA LOCAL INFILE 'Reader::tapped' INTO TABLE loaded")
	if len(got.Answers) != 1 || got.Answers[0].Error != 0 {
		t.Errorf("answers %+v, want one without an error", got.Answers)
	}
	if got := told(run(t, conn, tap, "SET @x = 1")); len(got) != 1 {
		t.Errorf("after the file: reported %v, want state", got)
	}
}

// The driver's check for a dead connection needs the socket below the tap.
func TestTapKeepsTheDriversCheck(t *testing.T) {
	conn, _ := tapped(t)
	var id int64
	must(t, conn.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id))
	_, err := server(t).Admin().ExecContext(t.Context(), "KILL ?", id)
	must(t, err)
	untilGone(t, id)
	err = conn.Raw(func(dc any) error {
		return dc.(interface{ ResetSession(context.Context) error }).ResetSession(t.Context())
	})
	if err == nil {
		t.Error("the check found a killed connection alive")
	}
}
