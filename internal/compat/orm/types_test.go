package orm_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
)

const everyType = `CREATE TABLE every (i TINYINT, iu TINYINT UNSIGNED NOT NULL, s SMALLINT, m MEDIUMINT UNSIGNED, n INT, b BIGINT, bu BIGINT UNSIGNED,
	f FLOAT, d DOUBLE, dec1 DECIMAL(20,5), bits BIT(12), y YEAR, da DATE, ti TIME(3), dt DATETIME(6), ts TIMESTAMP NULL, c CHAR(5), v VARCHAR(20),
	bi BINARY(4), vb VARBINARY(20), t TEXT, bl BLOB, e ENUM('x', 'y'), st SET('p', 'q'), j JSON)`

// values are two rows: one at the ends of the types, one of NULLs where there may be any.
const values = `INSERT INTO every VALUES (-128, 255, -32768, 16777215, -2147483648, -9223372036854775808, 18446744073709551615,
	1.5, 0.1, 123456789012345.67891, b'101010101010', 2026, '2026-01-02', '-838:59:58.999', '9999-12-31 23:59:59.999999', '2026-01-02 03:04:05', 'ä€', '🚀',
	x'00ff00ff', x'27005c', 'text', x'ff', 'y', 'p,q', '{"a": [1, 2.50, "x"]}'),
	(NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`

// TestValuesKeepTheirTypes compares what Scan puts into an empty interface, and what is said of the columns: ORMs go by both.
func TestValuesKeepTheirTypes(t *testing.T) {
	open := func(_ context.Context, db *sql.DB) (mapper, error) { return &plain{db: db}, nil }
	compare(t, open,
		behaviour{"as text", keepsTypes(func(ctx context.Context, db *sql.DB) (*sql.Rows, error) {
			return db.QueryContext(ctx, "SELECT * FROM every ORDER BY i")
		})},
		behaviour{"with an argument", keepsTypes(func(ctx context.Context, db *sql.DB) (*sql.Rows, error) {
			return db.QueryContext(ctx, "SELECT * FROM every WHERE iu >= ? ORDER BY i", 0)
		})},
		behaviour{"prepared", keepsTypes(func(ctx context.Context, db *sql.DB) (*sql.Rows, error) {
			stmt, err := db.PrepareContext(ctx, "SELECT * FROM every WHERE iu >= ? ORDER BY i")
			if err != nil {
				return nil, err
			}
			defer stmt.Close() // the rows keep it until they are closed
			return stmt.QueryContext(ctx, 0)
		})},
		behaviour{"computed", keepsTypes(func(ctx context.Context, db *sql.DB) (*sql.Rows, error) {
			return db.QueryContext(ctx, "SELECT COUNT(*), SUM(n), AVG(d), MAX(dt), GROUP_CONCAT(v), ? + 1, ?, NULL FROM every", 41, "x")
		})})
}

// keepsTypes asks three times: once as new, then with the statement that was kept, if one was.
func keepsTypes(query func(context.Context, *sql.DB) (*sql.Rows, error)) func(context.Context, *testing.T, place) any {
	return func(ctx context.Context, t *testing.T, p place) any {
		for _, text := range []string{everyType, values} {
			_, err := p.db.ExecContext(ctx, text)
			must(t, err)
		}
		var told [][]string
		for range 3 {
			rows, err := query(ctx, p.db)
			must(t, err)
			told = append(told, describe(t, rows))
		}
		wantEqual(t, "second time", told[0], told[1])
		wantEqual(t, "third time", told[0], told[2])
		if len(told[0]) < 2 {
			t.Errorf("%d lines are told, want the columns and the rows", len(told[0]))
		}
		return told
	}
}

// describe tells the columns, and the values with their Go types.
func describe(t *testing.T, rows *sql.Rows) (told []string) {
	t.Helper()
	defer rows.Close()
	columns, err := rows.ColumnTypes()
	must(t, err)
	for _, c := range columns {
		precision, scale, decimal := c.DecimalSize()
		length, variable := c.Length()
		nullable, known := c.Nullable()
		told = append(told, fmt.Sprint(c.Name(), " ", c.DatabaseTypeName(), " ", c.ScanType(), " ", precision, scale, decimal, length, variable, nullable, known))
	}
	for rows.Next() {
		row := make([]any, len(columns))
		to := make([]any, len(columns))
		for i := range row {
			to[i] = &row[i]
		}
		must(t, rows.Scan(to...))
		for i, v := range row {
			told = append(told, fmt.Sprintf("%s %T %v", columns[i].Name(), v, v))
		}
	}
	must(t, rows.Err())
	return told
}
