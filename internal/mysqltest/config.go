package mysqltest

import (
	"strings"
	"time"
)

const (
	defaultVersion        = "8.0.36"
	defaultName           = "db-1"
	defaultWaitTimeout    = 28800 * time.Second
	defaultMaxConnections = 151
)

// Config says what kind of server [NewServer] makes.
type Config struct {
	Version     string        // default "8.0.36"; with "MariaDB" in it the server behaves like one
	Name        string        // @@hostname and, with Aurora, @@aurora_server_id; default "db-1"
	Password    string        // wanted from every user; with "" anything will do
	Databases   []string      // any other is unknown (1049); with none every database exists
	WaitTimeout time.Duration // idle sessions are closed after it; default 28800 s; under a second for never

	AutocommitOff  bool // sessions start with autocommit=0
	ReadOnly       bool // read_only
	SuperReadOnly  bool // super_read_only, and with it read_only; MySQL only
	InnodbReadOnly bool // innodb_read_only
	Aurora         bool // @@aurora_version and @@aurora_server_id exist

	// Proxy is whether clients reach the server through a proxy: KILL knows a connection by the number in its greeting, and
	// CONNECTION_ID() tells one more, which the next client may have.
	Proxy bool
	// Vtgate is the second half of @@session_uuid, which only Vitess's proxy knows, such as "8103-121c81a328c0".
	Vtgate string
}

func (c Config) withDefaults() Config {
	if c.Version == "" {
		c.Version = defaultVersion
	}
	if c.Name == "" {
		c.Name = defaultName
	}
	if c.WaitTimeout == 0 {
		c.WaitTimeout = defaultWaitTimeout
	}
	return c
}

func (c Config) mariaDB() bool { return strings.Contains(c.Version, "MariaDB") }
