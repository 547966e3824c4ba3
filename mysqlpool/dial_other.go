//go:build !linux

package mysqlpool

import (
	"syscall"
	"time"
)

// setUserTimeout does nothing: the platform has no TCP_USER_TIMEOUT that this package knows of.
func setUserTimeout(syscall.RawConn, time.Duration) error { return nil }
