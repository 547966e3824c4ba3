package mysqlpool_test

import (
	"strings"
	"testing"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

// What a session sets must be known as it was before, or the backend could not be given to another session.
func TestNothingIsSetWhoseFirstValueIsNotKnown(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		con, err := mysqlpool.NewConnector(t.Context(), configOf(s), quiet(), weir.WithMaxOpen(1))
		if err != nil {
			t.Fatal(err)
		}
		db := con.OpenDB()
		defer db.Close()
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		s.FailQueries(func(text string) bool { return strings.HasPrefix(text, "SELECT @@session.time_zone") }, mysqltest.NewError(mysqltest.CodeQueryInterrupted))
		if _, err := conn.ExecContext(t.Context(), "SET time_zone = '+01:00'"); err == nil {
			t.Error("the variable was set, and its first value is not known")
		}
		s.FailQueries(nil, mysqltest.Error{})
		for range 2 {
			if _, err := db.ExecContext(t.Context(), "SELECT 1"); err != nil {
				t.Errorf("another session: %v", err)
			}
			if _, err := conn.ExecContext(t.Context(), "SET time_zone = '+01:00'"); err != nil {
				t.Error(err)
			}
		}
	})
}
