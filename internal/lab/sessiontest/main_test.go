package sessiontest_test

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab/labtest"
)

// historyFor is how long the random history runs; the proof takes 10m.
var historyFor = flag.Duration("weir.history", historyDefault, "how long the random history of sessions runs")

const historyDefault = 5 * time.Second

func TestMain(m *testing.M) { os.Exit(labtest.Main(m)) }
