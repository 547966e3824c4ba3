package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
)

// Ports are drawn from below the range that Linux (from 32768) and others hand
// out by themselves: nobody's outgoing connection can then take a port while
// its server is down between a kill and a restart.
const (
	firstPort = 20000
	lastPort  = 32000
	portDraws = 100
)

// errPortTaken is reported by a start that lost the race for a free port.
var errPortTaken = errors.New("port taken by another process")

// freePort returns a port that was free on every host a moment ago.
func freePort(ctx context.Context, hosts ...string) (int, error) {
	var err error
	for range portDraws {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if err = probePort(ctx, port, hosts); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("lab: no free port on %v: %w", hosts, err)
}

// freePorts returns n different ports that were free on every host a moment ago.
func freePorts(ctx context.Context, n int, hosts ...string) ([]int, error) {
	var ports []int
	for len(ports) < n {
		port, err := freePort(ctx, hosts...)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports, nil
}

func probePort(ctx context.Context, port int, hosts []string) error {
	for _, host := range hosts {
		l, err := listen(ctx, net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return err
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp4", addr)
}
