package sessiontest_test

import (
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

// byFamily is the one of two things that the server of this process knows.
func byFamily[T any](mariaDB, mySQL T) T {
	if labtest.Kind() == lab.MySQL {
		return mySQL
	}
	return mariaDB
}

// unlisted is the name of a variable that every session may set and that is not replayed.
func unlisted() string { return byFamily("max_error_count", "optimizer_trace_limit") }

// isolation is the name of the variable of the isolation level.
func isolation() string { return byFamily("tx_isolation", "transaction_isolation") }
