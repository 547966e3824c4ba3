package labtest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

func TestMain(m *testing.M) { os.Exit(labtest.Main(m)) }

func TestTheServersAreOfTheProcessesFamily(t *testing.T) {
	for name, srv := range map[string]*lab.Server{"shared": labtest.Shared(t), "the test's own": labtest.Start(t, lab.Config{})} {
		var version string
		labtest.Must(t, srv.Admin().QueryRowContext(t.Context(), "SELECT CONCAT(@@version, ' ', @@version_comment)").Scan(&version))
		if strings.Contains(strings.ToLower(version), "mariadb") != (labtest.Kind() == lab.MariaDB) {
			t.Errorf("%s: %s, on %v", name, version, labtest.Kind())
		}
	}
}

func TestAnUnknownFamilyIsRefused(t *testing.T) {
	self, err := os.Executable()
	labtest.Must(t, err)
	out, err := exec.Command(self, "-weir.server=oracle").CombinedOutput()
	if err == nil || !strings.Contains(string(out), `-weir.server="oracle": must be mariadb or mysql`) {
		t.Errorf("%v: %s", err, out)
	}
}
