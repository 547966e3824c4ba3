package orm_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/weirpool/weir/internal/lab/labtest"
)

// happened counts the behaviours of all mappers, on one side each.
var happened struct{ well, badly atomic.Int64 }

func TestMain(m *testing.M) {
	code := labtest.Main(m)
	if well, badly := happened.well.Load(), happened.badly.Load(); well+badly > 0 {
		fmt.Printf("behaviours of mappers on %v, on a stock *sql.DB and on weir's: %d passed, %d failed\n", labtest.Kind(), well, badly)
	}
	os.Exit(code)
}
