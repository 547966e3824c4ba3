package mysqlpool

import (
	"net"
	"syscall"
	"testing"
	"time"
)

// The test is inside the package because the sockets are out of a user's reach.
func TestSocketsGetTheTimersThatTheOptionsName(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s := defaultSettings()
	s.userTimeout, s.keepAlive = 7*time.Second, 12*time.Second
	conn, err := s.dialFunc()(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ level, option, want int }{
		"SO_KEEPALIVE":     {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		"TCP_KEEPIDLE":     {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 12},
		"TCP_KEEPINTVL":    {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 4},
		"TCP_KEEPCNT":      {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 3},
		"TCP_USER_TIMEOUT": {syscall.IPPROTO_TCP, tcpUserTimeout, 7000},
	} {
		var got int
		var failed error
		err := raw.Control(func(fd uintptr) { got, failed = syscall.GetsockoptInt(int(fd), c.level, c.option) })
		if err != nil || failed != nil {
			t.Fatal(name, err, failed)
		}
		if got != c.want {
			t.Errorf("%s = %d, want %d", name, got, c.want)
		}
	}
}
