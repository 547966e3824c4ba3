package mysqlpool_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

func TestWarningsCountTheConnectionsForKills(t *testing.T) {
	for name, c := range map[string]struct {
		opt  mysqlpool.Option
		want []string
	}{
		"by default": {quiet(), []string{"(MaxOpen 36 + 4 for KILL QUERY) x 4 instances + 0 reserved = 160 connections, but the server's max_connections is 151"}},
		"strict":     {weir.WithStrictMaxOpen(), nil},
		"no kills":   {mysqlpool.WithoutKill(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
				con, err := mysqlpool.NewConnector(t.Context(), configOf(s), quiet(), weir.WithMaxOpen(36), mysqlpool.WithInstances(4, 0), c.opt)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(c.want, con.Warnings()); d != "" {
					t.Errorf("warnings (-want +got):\n%s", d)
				}
				if err := con.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
