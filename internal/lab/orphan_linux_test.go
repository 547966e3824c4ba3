package lab_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

const orphanMaker = "LAB_TEST_START_AND_WAIT"

// TestMain lets the test binary also be the process that is killed below: it
// starts a server, prints its address and waits for its end.
func TestMain(m *testing.M) {
	if os.Getenv(orphanMaker) == "" {
		os.Exit(labtest.Main(m))
	}
	flag.Parse()
	srv, err := lab.Start(context.Background(), lab.Config{Kind: labtest.Kind()})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(srv.Addr())
	io.Copy(io.Discard, os.Stdin) // open until the end
	srv.Close()
}

func TestServerDiesWithItsKilledProcess(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	child := exec.Command(self, "-weir.server="+labtest.Kind().String())
	child.Env = append(os.Environ(), orphanMaker+"=1", "TMPDIR="+t.TempDir())
	out, err := child.StdoutPipe()
	must(t, err)
	_, err = child.StdinPipe()
	must(t, err)
	child.Stderr = os.Stderr
	must(t, child.Start())
	addr, err := bufio.NewReader(out).ReadString('\n')
	addr = addr[:max(0, len(addr)-1)]
	killErr := child.Process.Kill()
	child.Wait() // says that it was killed
	must(t, err)
	must(t, killErr)

	until(t, "the orphan on "+addr+" is gone", func(ctx context.Context) (bool, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			return false, c.Close()
		}
		return isRefused(err), nil
	})
}
