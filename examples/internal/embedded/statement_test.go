package embedded

import "testing"

func TestStatementsThatTouchTablesAreRecognised(t *testing.T) {
	for query, want := range map[string]bool{
		"":                                 true, // the engine will say what is wrong
		"SELECT 1":                         false,
		"/* a */ -- b\n # c\n (select 1)":  false,
		"/* unfinished":                    true,
		"SELECT SLEEP(1)":                  false,
		"select*from`payments`":            true,
		"SET @a = (SELECT MAX(id) FROM t)": true,
		"SET NAMES utf8mb4":                false,
		"COMMIT":                           false,
		"KILL 3":                           false,
		"INSERT payments VALUES (1)":       true,
		"WITH a AS (SELECT 1) TABLE a":     true,
		"SHOW TABLES":                      true,
		"/* from a comment */ SELECT 1":    false,
	} {
		if got := readStatement(query).touchesTables(); got != want {
			t.Errorf("%q: got %v, want %v", query, got, want)
		}
	}
}
