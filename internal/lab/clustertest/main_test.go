package clustertest_test

import (
	"os"
	"testing"

	"github.com/weirpool/weir/internal/lab/labtest"
)

func TestMain(m *testing.M) { os.Exit(labtest.Main(m)) }
