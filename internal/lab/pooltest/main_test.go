package pooltest_test

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab/labtest"
)

// chaosFor is how long the chaos lasts; the full ring takes 30s.
var chaosFor = flag.Duration("weir.chaos", 5*time.Second, "how long the chaos test makes trouble")

func TestMain(m *testing.M) { os.Exit(labtest.Main(m)) }
