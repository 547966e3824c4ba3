package vitess

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
)

// ErrNoVitess is matched by the error of [Start] where vtcombo has not been built.
var ErrNoVitess = errors.New("vtcombo has not been built (make vitess builds it)")

// nobody is the user who runs vtcombo where this is root, as whom it does not run.
const nobody = 65534

// find looks for vtcombo in .cache/vitess of this directory or one above it.
func find() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("vitess: %w", err)
	}
	for {
		if path, err := exec.LookPath(filepath.Join(at, ".cache", "vitess", "vtcombo")); err == nil {
			return path, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("vitess: %w", ErrNoVitess)
		}
		at = filepath.Dir(at)
	}
}

// giveAway lets the user nobody run vtcombo in the cluster's directory: the program may lie where he may not go.
func (c *Cluster) giveAway() error {
	program := filepath.Join(c.dir, "vtcombo")
	if err := copyProgram(c.program, program); err != nil {
		return fmt.Errorf("vitess: copy vtcombo: %w", err)
	}
	c.program = program
	if err := os.Chmod(c.dir, 0o755); err != nil {
		return fmt.Errorf("vitess: %w", err)
	}
	for _, at := range []string{c.home(), filepath.Join(c.home(), "tmp")} {
		if err := os.Chown(at, nobody, nobody); err != nil {
			return fmt.Errorf("vitess: %w", err)
		}
	}
	return nil
}

func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// process is a running child. Its goroutine waits for it and closes done when it has ended.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // why it ended; to be read after done
}

func startProcess(program string, args []string, home string, log *os.File) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.Dir = home
	p.cmd.Env = append(os.Environ(), "HOME="+home, "VTDATAROOT="+home)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = dieWithParent()
	if os.Geteuid() == 0 {
		p.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run keeps its thread for as long as the child lives: Linux takes the death of the thread that forked for the death of the parent.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	p.err = p.cmd.Wait()
}

// kill ends the process and waits until it is gone.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.done
	return nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// freePort draws a port below those that the system hands out by itself, and which was free a moment ago.
func freePort() (int, error) {
	var err error
	for range 100 {
		port := 20000 + rand.IntN(12000)
		var l net.Listener
		if l, err = net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("vitess: no free port: %w", err)
}
