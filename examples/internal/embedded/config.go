package embedded

import "fmt"

// Role says whether a server accepts writes.
type Role int

const (
	// Primary accepts writes. It is the zero Role.
	Primary Role = iota
	// Replica refuses writes with error 1290.
	Replica
)

// String returns "primary" or "replica".
func (r Role) String() string {
	if r == Replica {
		return "replica"
	}
	return "primary"
}

// Limits and defaults of [Config].
const (
	// DefaultAddr is the address of a server whose Config names none: the loopback interface, a port of the system's choice.
	DefaultAddr = "127.0.0.1:0"
	// DefaultMaxConnections is MySQL's own default.
	DefaultMaxConnections = 151
	// maxMaxConnections is the largest value @@max_connections can hold.
	maxMaxConnections = 100_000
)

// Config describes a server for [Start].
type Config struct {
	// Name is what the server calls itself in @@hostname; required.
	Name string
	// Role is the role to start with; the default is Primary.
	Role Role
	// Addr is the address to listen on; the default is DefaultAddr. With the Addr of a stopped server, the new one
	// takes its place.
	Addr string
	// MaxConnections is the number of connections above which a client is refused with error 1040, from 1 to
	// 100000; 0 means DefaultMaxConnections.
	MaxConnections int
	// Data holds the rows; the default is a [Data] of the server's own.
	Data *Data
}

func (c Config) withDefaults() (Config, error) {
	if c.Name == "" {
		return c, fmt.Errorf("embedded: Name is empty")
	}
	if c.Role != Primary && c.Role != Replica {
		return c, fmt.Errorf("embedded: Role is %d: want Primary or Replica", int(c.Role))
	}
	if c.MaxConnections < 0 || c.MaxConnections > maxMaxConnections {
		return c, fmt.Errorf("embedded: MaxConnections is %d: want 0 to %d", c.MaxConnections, maxMaxConnections)
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = DefaultMaxConnections
	}
	if c.Addr == "" {
		c.Addr = DefaultAddr
	}
	if c.Data == nil {
		c.Data = NewData()
	}
	return c, nil
}
