package pooltest_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

// chaosFor is how long the chaos lasts; the full ring takes 30s.
var chaosFor = flag.Duration("weir.chaos", 5*time.Second, "how long the chaos test makes trouble")

func TestMain(m *testing.M) {
	flag.Parse()
	if server := flag.Lookup("weir.server").Value.String(); strings.EqualFold(server, lab.MySQL.String()) {
		flag.Set("test.skip", "^("+strings.Join(strings.Fields(untriedOnMySQL), "|")+")$")
	}
	os.Exit(labtest.Main(m))
}
