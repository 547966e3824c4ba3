package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Stop ends the server in an orderly way and waits until it is gone. When ctx
// ends first the server is killed and the error says so. Stopping a stopped
// server does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.life.Lock()
	defer s.life.Unlock()
	return s.stop(ctx)
}

func (s *Server) stop(ctx context.Context) error {
	if err := s.process().terminate(ctx); err != nil {
		return fmt.Errorf("lab: stop %s: %w", s.Addr(), err)
	}
	return nil
}

// Kill9 kills the server and waits until it is gone: what clients then see is
// the end of their connections and a refused port.
func (s *Server) Kill9() error {
	s.life.Lock()
	defer s.life.Unlock()
	if err := s.process().kill(); err != nil {
		return fmt.Errorf("lab: kill %s: %w", s.Addr(), err)
	}
	return nil
}

// Restart stops the server unless it is down already, starts it on the same data
// directory and port, and returns when it answers. Variables are as at the
// first start, except that read_only is what [Server.SetReadOnly] said last.
func (s *Server) Restart(ctx context.Context) error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.isClosed() {
		return fmt.Errorf("lab: restart %s: closed", s.Addr())
	}
	if err := s.stop(ctx); err != nil {
		return err
	}
	return s.launch(ctx)
}

// reset puts a cluster's server back to its first, empty state and starts it
// under a new server_id: a replica skips whatever was written under its own, and
// would miss the rows that it wrote in its former life.
func (s *Server) reset(ctx context.Context) error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.isClosed() {
		return fmt.Errorf("lab: reset %s: closed", s.Addr())
	}
	if err := s.process().kill(); err != nil {
		return fmt.Errorf("lab: reset %s: %w", s.Addr(), err)
	}
	if err := os.RemoveAll(s.dataDir()); err != nil {
		return fmt.Errorf("lab: reset %s: %w", s.Addr(), err)
	}
	if err := writeImage(s.image, s.dataDir()); err != nil {
		return err
	}
	s.mu.Lock()
	s.id += maxNodes
	s.mu.Unlock()
	return s.launch(ctx)
}

// Pause freezes the server (SIGSTOP) and returns when it is frozen. The kernel
// goes on accepting connections and data for it, and nothing answers, until
// [Server.Continue].
func (s *Server) Pause(ctx context.Context) error {
	proc := s.process()
	if proc.ended() {
		return fmt.Errorf("lab: pause %s: not running", s.Addr())
	}
	if err := proc.signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("lab: pause %s: %w", s.Addr(), err)
	}
	return Until(ctx, s.Addr()+" is paused", func(context.Context) (bool, error) {
		state, err := processState(proc.cmd.Process.Pid)
		if errors.Is(err, fs.ErrNotExist) && !proc.ended() {
			return true, nil // a system that cannot be asked
		}
		return state == 'T', err
	})
}

// Continue ends a [Server.Pause].
func (s *Server) Continue() error {
	if err := s.process().signal(syscall.SIGCONT); err != nil {
		return fmt.Errorf("lab: continue %s: %w", s.Addr(), err)
	}
	return nil
}

// Running reports whether the server's process exists. A paused one does.
func (s *Server) Running() bool { return !s.process().ended() }

// RSS is the server's resident memory in bytes. It needs Linux.
func (s *Server) RSS() (int64, error) {
	n, err := residentBytes(s.process().cmd.Process.Pid)
	if err != nil {
		return 0, fmt.Errorf("lab: memory of %s: %w", s.Addr(), err)
	}
	return n, nil
}

// Close kills the server and removes its data directory. A second Close does
// nothing.
func (s *Server) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.isClosed() {
		return nil
	}
	s.mu.Lock()
	s.closed = true
	proc := s.proc
	s.mu.Unlock()
	var errs []error
	if proc != nil {
		errs = append(errs, proc.kill())
	}
	if s.admin != nil {
		errs = append(errs, s.admin.Close())
	}
	if err := errors.Join(append(errs, os.RemoveAll(s.dir))...); err != nil {
		return fmt.Errorf("lab: close %s: %w", s.Addr(), err)
	}
	return nil
}

func (s *Server) process() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
