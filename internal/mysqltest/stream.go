package mysqltest

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// stream carries bytes one way. Its buffer has no limit, so that a writer never waits: a server that hangs must
// not stop its client's write, as a kernel's buffer would not.
type stream struct {
	mu            sync.Mutex // guards the fields below
	buf           []byte
	finished      bool          // the writer closed: after buf comes io.EOF
	deaf          bool          // the reader closed: nothing arrives any more
	lost          bool          // a write has already met the deaf reader
	broken        bool          // reset
	readDeadline  time.Time     // zero for none
	writeDeadline time.Time     // zero for none
	changed       chan struct{} // closed and replaced at every change a waiting reader must see
}

func newStream() *stream { return &stream{changed: make(chan struct{})} }

func (s *stream) read(b []byte) (int, error) {
	for {
		n, changed, deadline, err := s.tryRead(b)
		if n > 0 || err != nil {
			return n, err
		}
		if deadline.IsZero() {
			<-changed
			continue
		}
		timer := time.NewTimer(time.Until(deadline))
		select {
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// tryRead reads without waiting; with nothing to report it returns what to wait for.
func (s *stream) tryRead(b []byte) (n int, changed <-chan struct{}, deadline time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stateLocked(); err != nil && err != io.EOF {
		return 0, nil, deadline, err
	}
	if past(s.readDeadline) {
		return 0, nil, deadline, os.ErrDeadlineExceeded
	}
	if len(s.buf) > 0 {
		n = copy(b, s.buf)
		s.buf = s.buf[n:]
		return n, nil, deadline, nil
	}
	if s.finished {
		return 0, nil, deadline, io.EOF
	}
	return 0, s.changed, s.readDeadline, nil
}

// stateLocked returns why the reader's end can read nothing new, or nil.
func (s *stream) stateLocked() error {
	switch {
	case s.broken:
		return os.NewSyscallError("read", syscall.ECONNRESET)
	case s.deaf:
		return net.ErrClosed
	case s.finished:
		return io.EOF
	}
	return nil
}

// peek is what the reader would find now: nil for an idle stream.
func (s *stream) peek() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stateLocked(); err != nil {
		return err
	}
	if len(s.buf) > 0 {
		return errors.New("mysqltest: unread bytes on an idle connection")
	}
	return nil
}

func (s *stream) write(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.broken:
		return os.NewSyscallError("write", syscall.ECONNRESET)
	case s.finished:
		return net.ErrClosed
	case past(s.writeDeadline):
		return os.ErrDeadlineExceeded
	case s.deaf && s.lost:
		return os.NewSyscallError("write", syscall.EPIPE)
	case s.deaf:
		// The first write travels before the writer can learn that nobody reads.
		s.lost = true
		return nil
	}
	s.buf = append(s.buf, b...)
	s.wakeLocked()
	return nil
}

func (s *stream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = true
	s.wakeLocked()
}

// deafen closes the reader's side and reports whether it was open.
func (s *stream) deafen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deaf {
		return false
	}
	s.deaf = true
	s.wakeLocked()
	return true
}

func (s *stream) isDeaf() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deaf && !s.broken
}

func (s *stream) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.buf = true, nil
	s.wakeLocked()
}

func (s *stream) setReadDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readDeadline = t
	s.wakeLocked()
}

func (s *stream) setWriteDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeDeadline = t
}

func (s *stream) wakeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func past(deadline time.Time) bool { return !deadline.IsZero() && !time.Now().Before(deadline) }
