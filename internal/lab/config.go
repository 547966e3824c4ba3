package lab

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// minMaxConnections is MariaDB's own lower limit, which it would enforce
// silently.
const minMaxConnections = 10

// Config says how a [Server] starts. The zero value is a writable MariaDB server
// on a free port of 127.0.0.1 with its defaults and a small memory.
type Config struct {
	// Kind is whose server it is, MariaDB's by default.
	Kind Kind

	// Host is the loopback IPv4 address to listen on, 127.0.0.1 by default. On
	// Linux every 127.x.y.z works, so servers can share a port number.
	Host string

	// Port is the TCP port. 0, the default, picks a free one.
	Port int

	// MaxConnections is max_connections, at least 10. 0, the default, keeps the
	// server's 151. Connections of the lab itself are not counted in it.
	MaxConnections int

	// WaitTimeout is after how long the server closes an idle connection, in
	// whole seconds. 0, the default, keeps the server's 8 hours.
	WaitTimeout time.Duration

	// ReadOnly starts the server with read_only=1.
	ReadOnly bool

	// TLS is whether clients may, or must, encrypt their connections.
	TLS TLS

	// Args are further command-line arguments of the server, such as
	// "--max-statement-time=2". They come last and win.
	Args []string

	galera bool // a MariaDB server with Galera's library
}

// withDefaults returns a checked copy.
func (c Config) withDefaults() (Config, error) {
	if c.Host == "" {
		c.Host = "127.0.0.1"
	}
	if c.Kind > MySQL {
		return c, fmt.Errorf("lab: %v is neither MariaDB nor MySQL", c.Kind)
	}
	if c.TLS > RequireTLS {
		return c, fmt.Errorf("lab: TLS %d is neither DefaultTLS nor OfferTLS nor RequireTLS", c.TLS)
	}
	c.Args = append([]string(nil), c.Args...)
	if ip, err := netip.ParseAddr(c.Host); err != nil || !ip.Is4() || !ip.IsLoopback() {
		return c, fmt.Errorf("lab: Host %q is not a loopback IPv4 address", c.Host)
	}
	if c.Port < 0 || c.Port > 65535 {
		return c, fmt.Errorf("lab: Port %d is outside 0 to 65535", c.Port)
	}
	if c.MaxConnections != 0 && c.MaxConnections < minMaxConnections {
		return c, fmt.Errorf("lab: MaxConnections %d is below the server's minimum of %d", c.MaxConnections, minMaxConnections)
	}
	if c.WaitTimeout < 0 || c.WaitTimeout%time.Second != 0 {
		return c, fmt.Errorf("lab: WaitTimeout %v is not a positive number of whole seconds", c.WaitTimeout)
	}
	return c, nil
}

func (c Config) family() family {
	if c.galera {
		return galerad{}
	}
	return c.Kind.family()
}

// datadir is what the server's data directory is made for. MySQL refuses to
// start with lower_case_table_names other than when it was made.
func (c Config) datadir() datadir {
	of := datadir{kind: c.Kind}
	for _, arg := range c.Args {
		if strings.HasPrefix(arg, "--lower-case-table-names=") {
			of.letterCase = arg
		}
	}
	return of
}

// args are the command-line arguments that follow from the configuration alone.
func (c Config) args() []string {
	args := []string{
		"--bind-address=" + c.Host,
		"--port=" + strconv.Itoa(c.Port),
	}
	if c.MaxConnections > 0 {
		args = append(args, "--max-connections="+strconv.Itoa(c.MaxConnections))
	}
	if c.WaitTimeout > 0 {
		args = append(args, "--wait-timeout="+strconv.Itoa(int(c.WaitTimeout/time.Second)))
	}
	return append(args, c.Args...)
}
