package sessiontest_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

// historyFor is how long the random history runs; the proof takes 10m.
var historyFor = flag.Duration("weir.history", historyDefault, "how long the random history of sessions runs")

const historyDefault = 5 * time.Second

func TestMain(m *testing.M) {
	flag.Parse()
	if server := flag.Lookup("weir.server").Value.String(); strings.EqualFold(server, lab.MySQL.String()) {
		flag.Set("test.skip", "^("+strings.Join(strings.Fields(untriedOnMySQL), "|")+")$")
	}
	os.Exit(labtest.Main(m))
}

// mysqlServer returns the shared server of a test that only MySQL has something to show in.
func mysqlServer(t testing.TB) *lab.Server {
	t.Helper()
	labtest.Only(t, lab.MySQL, "MariaDB does not do this")
	return shared(t)
}
