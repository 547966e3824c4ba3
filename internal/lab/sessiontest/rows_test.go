package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// An example is a type of a column, a value and an extreme.
type example struct{ column, value, extreme string }

// every has a column of each type, a row of values, one of extremes and one of NULLs.
var every = []example{
	{"TINYINT", "1", "-128"}, {"TINYINT UNSIGNED", "1", "255"}, {"SMALLINT", "1", "-32768"}, {"MEDIUMINT", "1", "8388607"}, {"INT", "1", "-2147483648"},
	{"INT UNSIGNED", "1", "4294967295"}, {"BIGINT", "1", "-9223372036854775808"}, {"BIGINT UNSIGNED", "1", "18446744073709551615"}, {"BOOLEAN", "TRUE", "FALSE"},
	{"DECIMAL(20,5)", "1.5", "-123456789012345.67891"}, {"DECIMAL(5)", "7", "-99999"}, {"FLOAT", "1.5", "3.4e38"}, {"DOUBLE", "1.5", "1.7e308"}, {"BIT(1)", "b'1'", "b'0'"},
	{"BIT(64)", "b'101'", "18446744073709551615"}, {"CHAR(10)", "'a'", "'ä'"}, {"VARCHAR(10)", "'a'", "''"}, {"VARCHAR(10) COLLATE utf8mb4_bin", "'a'", "'😀'"},
	{"BINARY(4)", "'a'", "x'00ff00ff'"}, {"VARBINARY(10)", "'a'", "x'00'"}, {"TINYTEXT", "'a'", "'b'"}, {"TEXT", "'a'", "'line\\nline'"}, {"MEDIUMTEXT", "'a'", "'b'"},
	{"LONGTEXT", "'a'", "REPEAT('x', 300)"}, {"TINYBLOB", "'a'", "x'00'"}, {"BLOB", "'a'", "x'ff'"}, {"MEDIUMBLOB", "'a'", "'b'"}, {"LONGBLOB", "'a'", "REPEAT('y', 70000)"},
	{"DATE", "'2026-01-02'", "'9999-12-31'"}, {"DATETIME", "'2026-01-02 03:04:05'", "'1000-01-01 00:00:00'"}, {"DATETIME(6)", "'2026-01-02 03:04:05.678901'", "'2026-01-02 03:04:05.000001'"},
	{"TIMESTAMP NULL", "'2026-01-02 03:04:05'", "'2038-01-19 03:14:07'"}, {"TIMESTAMP(3) NULL", "'2026-01-02 03:04:05.678'", "'2001-01-01 00:00:00'"},
	{"TIME", "'11:12:13'", "'-838:59:59'"}, {"TIME(6)", "'11:12:13.141516'", "'00:00:00.000001'"}, {"YEAR", "2026", "1901"}, {"ENUM('a','b')", "'a'", "'b'"},
	{"SET('a','b')", "'a,b'", "''"}, {"JSON", "'{\"a\": 1}'", "'[]'"}, {"POINT", "POINT(1, 2)", "POINT(-1, 0)"},
}

// everyOwn are the types that one family has alone.
func everyOwn() []example {
	return byFamily([]example{{"INET6", "'::1'", "'ffff::'"}, {"UUID", "UUID()", "UUID()"}},
		[]example{
			{"VECTOR(3)", "TO_VECTOR('[1, 2, 3]')", "TO_VECTOR('[-1e30, 0, 1e30]')"}, {"VARCHAR(10) COLLATE utf8mb4_0900_as_cs", "'a'", "'ä'"},
			{"GEOMETRYCOLLECTION", "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2))')", "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')"},
		})
}

// everyTable makes the table every in the database.
func everyTable(ctx context.Context, t testing.TB, db *sql.DB) {
	t.Helper()
	var columns, values, extremes, nulls []string
	for i, c := range slices.Concat(every, everyOwn()) {
		columns = append(columns, fmt.Sprintf("c%d %s", i, c.column))
		values, extremes, nulls = append(values, c.value), append(extremes, c.extreme), append(nulls, "NULL")
	}
	exec(ctx, t, db, "CREATE TABLE every (id INT PRIMARY KEY, must VARCHAR(5) NOT NULL DEFAULT 'x', "+strings.Join(columns, ", ")+") CHARSET utf8mb4")
	for i, row := range [][]string{values, extremes, nulls} {
		exec(ctx, t, db, fmt.Sprintf("INSERT INTO every VALUES (%d, 'x', %s)", i, strings.Join(row, ", ")))
	}
}

// A column is what database/sql tells of one.
type column struct {
	Name, Database   string
	Scan             string
	Nullable, HasN   bool
	Precision, Scale int64
	HasP             bool
	Length           int64
	HasL             bool
}

// A table is a whole result.
type table struct {
	Columns []column
	Values  [][]any
}

// read reads all rows of the result.
func read(t testing.TB, rows *sql.Rows) (out table) {
	t.Helper()
	types, err := rows.ColumnTypes()
	must(t, err)
	for _, c := range types {
		n, hasN := c.Nullable()
		p, s, hasP := c.DecimalSize()
		l, hasL := c.Length()
		out.Columns = append(out.Columns, column{c.Name(), c.DatabaseTypeName(), fmt.Sprint(c.ScanType()), n, hasN, p, s, hasP, l, hasL})
	}
	for rows.Next() {
		row := make([]any, len(types))
		dest := make([]any, len(types))
		for i := range row {
			dest[i] = &row[i]
		}
		must(t, rows.Scan(dest...))
		out.Values = append(out.Values, row)
	}
	must(t, rows.Err())
	return out
}

// fetch runs the query and reads the result.
func fetch(ctx context.Context, t testing.TB, db *sql.DB, query string, args ...any) table {
	t.Helper()
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	return read(t, rows)
}

// wantSame wants the result of a query to be the driver's own, to the last type.
func wantSame(ctx context.Context, t *testing.T, plain, db *sql.DB, query string, args ...any) {
	t.Helper()
	right, got := fetch(ctx, t, plain, query, args...), fetch(ctx, t, db, query, args...)
	if !reflect.DeepEqual(right, got) {
		t.Errorf("%s: %s", query, cmp.Diff(right, got))
	}
}

func TestResultsAreThoseOfTheDriver(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	everything := map[string]mysqlpool.Option{
		"buffered": mysqlpool.WithRowBuffer(128, 1<<20), "unbuffered": mysqlpool.WithoutRowBuffer(), "partly": mysqlpool.WithRowBuffer(1, 1<<20),
		"uncached": mysqlpool.WithoutStatementCache(),
	}
	some := map[string]mysqlpool.Option{"buffered": everything["buffered"], "unbuffered": everything["unbuffered"]}
	for param, ways := range map[string]map[string]mysqlpool.Option{
		"": everything, "parseTime=true&loc=Asia%2FTokyo": some, "interpolateParams=true": some, "columnsWithAlias=true": some, "compress=true": some, "multiStatements=true": some,
	} {
		dsn := withParam(t, database(t), param)
		plain := stock(t, dsn)
		everyTable(ctx, t, plain)
		for way, opt := range ways {
			t.Run(param+"/"+way, func(t *testing.T) {
				db, _ := open(t, dsn, weir.WithMaxOpen(2), opt)
				for _, query := range []string{
					"SELECT * FROM every ORDER BY id", "SELECT e.id AS a, e.c0 + 1, f.c1 FROM every e JOIN every AS f USING (id)", "SELECT * FROM every WHERE id > 99",
					"SELECT NULL, 1, 1.5, 1e0, 'x', NOW(0) > '2000-01-01', _binary 'x', CAST(1 AS UNSIGNED), JSON_OBJECT('a', 1)", "SHOW COLUMNS FROM every",
				} {
					wantSame(ctx, t, plain, db, query)
				}
				for range 3 { // one-shot, kept, from the cache
					wantSame(ctx, t, plain, db, "SELECT * FROM every e WHERE id >= ? AND ? <> '' ORDER BY id", 0, "x")
				}
			})
		}
	}
}

// Metadata must be there when the rows have been read to their end, as the driver's is.
func TestColumnTypesAfterTheLastRow(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	db, _ := open(t, dsn, weir.WithMaxOpen(1))
	tell := func(db *sql.DB, query string, args ...any) (all []string) {
		rows, err := db.QueryContext(ctx, query, args...)
		must(t, err)
		defer rows.Close()
		rows.Next()
		types, err := rows.ColumnTypes()
		must(t, err)
		for _, c := range types {
			n, _ := c.Nullable()
			all = append(all, fmt.Sprint(c.Name(), c.DatabaseTypeName(), c.ScanType(), n))
		}
		return all
	}
	for _, args := range [][]any{nil, {1}} {
		query := "SELECT 1 AS a, 'x' AS b, NULL AS c"
		if args != nil {
			query += ", ? AS d"
		}
		if d := cmp.Diff(tell(stock(t, dsn), query, args...), tell(db, query, args...)); d != "" {
			t.Error(d)
		}
	}
}

func TestBytesOfRowsAreNotOverwritten(t *testing.T) {
	ctx := within(t, 30*time.Second)
	for name, opt := range map[string]mysqlpool.Option{"buffered": mysqlpool.WithRowBuffer(1000, 1<<20), "unbuffered": mysqlpool.WithoutRowBuffer(), "partly": mysqlpool.WithRowBuffer(10, 1<<20)} {
		t.Run(name, func(t *testing.T) {
			db, _ := open(t, database(t), weir.WithMaxOpen(2), opt)
			for _, args := range [][]any{nil, {0}, {0}, {0}} {
				query := "SELECT CONCAT('row ', seq), REPEAT(seq MOD 10, 50) FROM " + sequence(t, 100)
				if args != nil {
					query += " WHERE seq > ?"
				}
				for i, row := range fetch(ctx, t, db, query, args...).Values {
					want(t, "first column", string(row[0].([]byte)), fmt.Sprintf("row %d", i+1))
					want(t, "second column", string(row[1].([]byte)), strings.Repeat(fmt.Sprint((i+1)%10), 50))
				}
			}
		})
	}
}

// What a user writes into a row's bytes must not reach another value.
func TestBytesOfRowsDoNotShareTheirEnds(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	rows, err := db.QueryContext(ctx, "SELECT 'abc', 'def' UNION ALL SELECT 'ghi', 'jkl'")
	must(t, err)
	defer rows.Close()
	var got []string
	for rows.Next() {
		var a, b sql.RawBytes
		must(t, rows.Scan(&a, &b))
		a = append(a, "overwritten"...)
		got = append(got, string(a[:3]), string(b))
	}
	if d := cmp.Diff([]string{"abc", "def", "ghi", "jkl"}, got); d != "" {
		t.Error(d)
	}
}

func TestResultSetsOfMultiStatements(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := withParam(t, database(t), "multiStatements=true")
	all := func(t *testing.T, db *sql.DB, query string) (out []table, err error) {
		rows, err := db.QueryContext(ctx, query)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for {
			out = append(out, read(t, rows))
			if !rows.NextResultSet() {
				return out, rows.Err()
			}
		}
	}
	for name, opt := range map[string]mysqlpool.Option{"buffered": mysqlpool.WithRowBuffer(128, 1<<20), "unbuffered": mysqlpool.WithoutRowBuffer(), "partly": mysqlpool.WithRowBuffer(2, 1<<20)} {
		for _, query := range []string{
			"SELECT 1", "SELECT 1; SELECT 2, 'x'", fmt.Sprintf("SELECT seq FROM %s; SELECT seq FROM %s; SELECT 3", sequence(t, 5), sequence(t, 7)), "SELECT 1; DO 1; SELECT 2", "DO 1; SELECT 2",
			"SELECT 1 WHERE FALSE; SELECT 2", "SELECT 1; SELECT nope; SELECT 3", "SELECT 1; SELECT 1 WHERE FALSE",
		} {
			t.Run(name+"/"+query, func(t *testing.T) {
				db, c := open(t, dsn, weir.WithMaxOpen(1), opt)
				right, rightErr := all(t, stock(t, dsn), query)
				got, err := all(t, db, query)
				if d := cmp.Diff(right, got); d != "" || fmt.Sprint(err) != fmt.Sprint(rightErr) {
					t.Errorf("error %v, want %v\n%s", err, rightErr, d)
				}
				wantFree(ctx, t, c)
				want(t, "the backend", text(ctx, t, db, "SELECT 7"), "7")
			})
		}
	}
}

func TestResultSetsOfProcedures(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	plain := stock(t, dsn)
	exec(ctx, t, plain, "CREATE PROCEDURE two(n INT) BEGIN SELECT n, 'a'; SELECT seq FROM "+sequence(t, 300)+" WHERE seq <= n; END")
	all := func(db *sql.DB, query string, args ...any) (out []table) {
		rows, err := db.QueryContext(ctx, query, args...)
		must(t, err)
		defer rows.Close()
		for more := true; more; more = rows.NextResultSet() {
			out = append(out, read(t, rows))
		}
		must(t, rows.Err())
		return out
	}
	for name, opt := range map[string]mysqlpool.Option{"buffered": mysqlpool.WithRowBuffer(128, 1<<20), "unbuffered": mysqlpool.WithoutRowBuffer()} {
		t.Run(name, func(t *testing.T) {
			db, c := open(t, dsn, weir.WithMaxOpen(1), opt)
			for _, n := range []int{0, 1, 300} {
				if d := cmp.Diff(all(plain, fmt.Sprintf("CALL two(%d)", n)), all(db, fmt.Sprintf("CALL two(%d)", n))); d != "" {
					t.Errorf("text, %d rows: %s", n, d)
				}
				for range 3 {
					if d := cmp.Diff(all(plain, "CALL two(?)", n), all(db, "CALL two(?)", n)); d != "" {
						t.Errorf("binary, %d rows: %s", n, d)
					}
				}
			}
			wantFree(ctx, t, c)
		})
	}
}

func TestRowsEndWithTheirContext(t *testing.T) {
	ctx := within(t, 30*time.Second)
	for _, args := range [][]any{nil, {0}} {
		for name, inTx := range map[string]bool{"alone": false, "in a transaction": true} {
			t.Run(fmt.Sprint(name, args), func(t *testing.T) {
				db, c := open(t, database(t), weir.WithMaxOpen(1))
				short, cancel := context.WithCancel(ctx)
				defer cancel()
				var on interface {
					QueryContext(context.Context, string, ...any) (*sql.Rows, error)
				} = db
				if inTx {
					on = begin(ctx, t, db)
				}
				query := "SELECT seq, REPEAT('x', 1000) FROM " + sequence(t, 1000000)
				if args != nil {
					query += " WHERE seq > ?"
				}
				rows, err := on.QueryContext(short, query, args...)
				must(t, err)
				n := 0
				for rows.Next() {
					if n++; n == 200 {
						cancel()
					}
				}
				if err := rows.Err(); !errors.Is(err, context.Canceled) {
					t.Errorf("rows.Err() = %v after %d rows, want context canceled", err, n)
				}
				rows.Close()
				tx, _ := on.(*sql.Tx)
				switch cut := c.Sessions().Cuts > 0; {
				case tx != nil && cut: // the kill took longer than their reader waits
					_, err := tx.ExecContext(ctx, "SELECT 7")
					wantCause(t, "the transaction", err, mysqlpool.ErrSessionLost)
					must(t, tx.Rollback())
				case tx != nil:
					want(t, "the transaction", text(ctx, t, tx, "SELECT 7"), "7")
					must(t, tx.Rollback())
				}
				wantFree(ctx, t, c)
				if o := c.Stats().Opened; o != 1 && c.Sessions().Cuts == 0 {
					t.Errorf("%d backends were opened, want 1: the statement is killed, the connection kept", o)
				}
			})
		}
	}
}

// database/sql closes rows whose context ends in a goroutine of its own, which cannot while their session waits for a backend.
func TestStatementAfterRowsWhoseContextEnded(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(1))
	conn, numbers := hold(ctx, t, db), sequence(t, 100000)
	for i := range 30 {
		short, cancel := context.WithCancel(ctx)
		rows, err := conn.QueryContext(short, "SELECT seq, REPEAT('x', 1000) FROM "+numbers)
		must(t, err)
		cancel()
		for rows.Next() {
		}
		rows.Close()
		want(t, "the next statement", text(ctx, t, conn, "SELECT ? + 1", i), fmt.Sprint(i+1))
	}
}

// database/sql closes rows whose context ends in a goroutine of its own, while their session may be at something else.
func TestRowsEndWhileTheirSessionGoesOn(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(6))
	conn, numbers := hold(ctx, t, db), sequence(t, 100000)
	for i := range 30 {
		short, cancel := context.WithCancel(ctx)
		rows, err := conn.QueryContext(short, "SELECT seq, REPEAT('x', 1000) FROM "+numbers)
		must(t, err)
		go cancel()
		for range 10 {
			want(t, "meanwhile", text(ctx, t, conn, "SELECT ? + 1", i), fmt.Sprint(i+1))
		}
		for rows.Next() {
		}
		if err := rows.Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("rows.Err() = %v, want context canceled", err)
		}
	}
	wantFree(ctx, t, c)
}

func TestRowsHaveAllInterfacesOfTheDriver(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	db, _ := open(t, dsn, weir.WithMaxOpen(1))
	methods := func(db *sql.DB) (names []string) {
		must(t, hold(ctx, t, db).Raw(func(c any) error {
			rows := rawQuery(t, c, "SELECT 1")
			defer rows.Close()
			for m := range reflect.TypeOf(rows).Methods() {
				names = append(names, m.Name)
			}
			return nil
		}))
		return names
	}
	ours := methods(db)
	for _, name := range methods(stock(t, dsn)) {
		if !strings.Contains(" "+strings.Join(ours, " ")+" ", " "+name+" ") {
			t.Errorf("rows have no method %s", name)
		}
	}
}
