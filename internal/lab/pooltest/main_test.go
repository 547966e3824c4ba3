package pooltest_test

import (
	"flag"
	"time"
)

// chaosFor is how long the chaos lasts; the full ring takes 30s.
var chaosFor = flag.Duration("weir.chaos", 5*time.Second, "how long the chaos test makes trouble")
