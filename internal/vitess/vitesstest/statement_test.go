package vitesstest_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/vitess"
	"github.com/weirpool/weir/mysqlpool"
)

// One text with arguments of all types, in an order that would show a type that was kept from before.
func TestKeptStatementsTakeArgumentsOfAnyType(t *testing.T) {
	ctx := within(t, time.Minute)
	name := table(ctx, t, "code VARCHAR(20), n BIGINT")
	exec(ctx, t, stock(t, vitess.Unsharded), "INSERT INTO "+name+" VALUES ('1', 1), ('01', 2), ('1.0', 9007199254740993), ('2024-01-01 10:00:00', 4)")
	args := []any{7, "01", 1.5, int64(9007199254740993), uint64(1) << 63, []byte("1.0"), nil, true, time.Date(2024, 1, 1, 10, 0, 0, 0, time.UTC), "2024-01-01 10:00:00", 1}
	db, c := open(t, vitess.Unsharded, weir.WithMaxOpen(1))
	plain := hold(ctx, t, stock(t, vitess.Unsharded))
	for _, query := range []string{"SELECT ?", "SELECT COUNT(*) FROM " + name + " WHERE code = ?", "SELECT COUNT(*) FROM " + name + " WHERE n = ?"} {
		for _, first := range args {
			for _, second := range args {
				for _, arg := range []any{first, first, second, second} {
					got, want := answer(db.QueryContext(ctx, query, arg)), answer(plain.QueryContext(ctx, query, arg))
					if got != want {
						t.Errorf("%s with %T %v after %T %v: got %s, want %s", query, arg, arg, first, first, got, want)
					}
				}
			}
		}
	}
	if s := c.Sessions().Statements; s.Hits < 100 {
		t.Errorf("%+v, want hundreds of hits", s)
	}
}

func TestPreparedByName(t *testing.T) {
	ctx := within(t, time.Minute)
	db, c := open(t, vitess.Sharded, weir.WithMaxOpen(2), weir.WithMaxWait(30*time.Second))
	insert, err := db.PrepareContext(ctx, "INSERT INTO item (user_id, v) VALUES (?, ?)")
	must(t, err)
	defer insert.Close()
	read, err := db.PrepareContext(ctx, "SELECT v FROM item WHERE id = ? AND user_id = ?")
	must(t, err)
	defer read.Close()
	for i := range 50 {
		res, err := insert.ExecContext(ctx, i, fmt.Sprint("v", i))
		must(t, err)
		id, err := res.LastInsertId()
		must(t, err)
		var v string
		must(t, read.QueryRowContext(ctx, id, i).Scan(&v))
		want(t, "the row", v, fmt.Sprint("v", i))
	}
	exec(ctx, t, db, "DELETE FROM item")
	if s := c.Sessions().Statements; s.Hits < 50 || s.Cached > 8 {
		t.Errorf("%+v", s)
	}
}

// vtgate reads a whole result before it sends the first row, up to its limit, unless the session's workload is olap.
func TestBigResults(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	name := table(ctx, t, "id INT PRIMARY KEY, v VARCHAR(200)")
	fill := stock(t, vitess.Unsharded)
	exec(ctx, t, fill, "INSERT INTO "+name+" SELECT a.n * 100 + b.n, REPEAT('x', 200) FROM "+
		"(WITH RECURSIVE s AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 89) SELECT n FROM s) a, "+
		"(WITH RECURSIVE s AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 99) SELECT n FROM s) b")
	db, c := open(t, vitess.Unsharded, weir.WithMaxOpen(2))
	for name, mode := range map[string]string{"oltp": "", "olap": "SET workload = 'olap'"} {
		t.Run(name, func(t *testing.T) {
			conn := hold(ctx, t, db)
			if mode != "" {
				exec(ctx, t, conn, mode)
			}
			readsAll(ctx, t, conn, "SELECT id, v FROM t"+fmt.Sprint(tables.Load())+" ORDER BY id", 9000)
			must(t, conn.Close())
			wantFree(ctx, t, c)
		})
	}
	short, cancel := context.WithCancel(ctx)
	rows, err := db.QueryContext(short, "SELECT id, v FROM "+name)
	must(t, err)
	for range 3000 {
		rows.Next()
	}
	cancel()
	for rows.Next() {
	}
	rows.Close()
	wantFree(ctx, t, c)
	readsAll(ctx, t, db, "SELECT id, v FROM "+name+" ORDER BY id", 9000)
}

func readsAll(ctx context.Context, t *testing.T, on execer, query string, want int) {
	t.Helper()
	rows, err := on.QueryContext(ctx, query)
	must(t, err)
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var id int
		var v string
		must(t, rows.Scan(&id, &v))
		if id != n || len(v) != 200 {
			t.Fatalf("row %d is %d, of %d bytes", n, id, len(v))
		}
	}
	must(t, rows.Err())
	if n != want {
		t.Errorf("%d rows, want %d", n, want)
	}
}

// vtgate keeps a session's variables and settings when it is reset: a pool that promises clean connections does not start.
func TestWithResetIsRefused(t *testing.T) {
	ctx := within(t, time.Minute)
	_, err := mysqlpool.New(ctx, cluster.DSN(vitess.Unsharded), quiet([]mysqlpool.Option{mysqlpool.WithReset()})...)
	wantIs(t, "New with WithReset", err, weir.ErrPermanent)
	contains(t, "the error", fmt.Sprint(err), "WithReset")
}

// answer is all that came back, as text.
func answer(rows *sql.Rows, err error) string {
	if err != nil {
		return problem(err)
	}
	defer rows.Close()
	out := ""
	types, err := rows.ColumnTypes()
	if err != nil {
		return problem(err)
	}
	values, into := make([]any, len(types)), make([]any, len(types))
	for i, typ := range types {
		out += typ.Name() + " " + typ.DatabaseTypeName() + ", "
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return out + problem(err)
		}
		for _, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			out += fmt.Sprintf("%T %v, ", v, v)
		}
		out += "; "
	}
	if err := rows.Err(); err != nil {
		return out + problem(err)
	}
	return out
}

func problem(err error) string {
	if n := number(err); n != 0 {
		return fmt.Sprintf("error %d", n)
	}
	return "error: " + err.Error()
}
