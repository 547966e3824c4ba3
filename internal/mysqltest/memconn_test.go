package mysqltest

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryKeepsWhatWasSentBeforeTheClose(t *testing.T) {
	client, server := newMemPair("c", "s")
	io.WriteString(server, "goodbye")
	server.Close()
	if got, err := io.ReadAll(client); string(got) != "goodbye" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := client.Write([]byte("lost")); err != nil {
		t.Errorf("first write after the other side closed: %v", err)
	}
	if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("second write: %v", err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if err := client.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	if _, err := client.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
}

func TestMemoryResetLosesWhatIsUnderWay(t *testing.T) {
	client, server := newMemPair("c", "s")
	io.WriteString(server, "lost")
	server.reset()
	if _, err := client.Read(make([]byte, 8)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read: %v", err)
	}
	if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("write: %v", err)
	}
}

func TestMemoryDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := newMemPair("c", "s")
		start := time.Now()
		client.SetDeadline(start.Add(time.Second))
		_, err := client.Read(make([]byte, 1))
		if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() || time.Since(start) != time.Second {
			t.Errorf("read: %v after %v", err, time.Since(start))
		}
		if _, err := client.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %v", err)
		}
		client.SetDeadline(time.Time{})
		failed := make(chan error, 1)
		go func() {
			_, err := client.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		client.SetReadDeadline(time.Now()) // reaches a read under way
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read under way: %v", err)
		}
	})
}

func TestMemoryCloseEndsAReadUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := newMemPair("c", "s")
		failed := make(chan error, 1)
		go func() {
			_, err := client.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		client.Close()
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Errorf("error %v", err)
		}
	})
}

func TestMemoryPeekSeesWhatASocketWould(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(client, server *memConn)
		idle    bool
	}{
		"nothing": {func(_, _ *memConn) {}, true},
		"bytes":   {func(_, s *memConn) { io.WriteString(s, "x") }, false},
		"close":   {func(_, s *memConn) { s.Close() }, false},
		"reset":   {func(_, s *memConn) { s.reset() }, false},
		"own":     {func(c, _ *memConn) { c.Close() }, false},
	} {
		client, server := newMemPair("c", "s")
		test.happens(client, server)
		raw, err := client.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Read(nil); (err == nil) != test.idle {
			t.Errorf("%s: %v", name, err)
		}
	}
}
