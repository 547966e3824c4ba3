package mysqlpool_test

import (
	"fmt"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir/mysqlpool"
)

// What an error means, and what becomes of the connection after it.
func ExampleVerdict() {
	for _, err := range []error{
		&mysql.MySQLError{Number: 1062, Message: "Duplicate entry"},
		&mysql.MySQLError{Number: 1290, Message: "running with the --read-only option"},
		&mysql.MySQLError{Number: 1053, Message: "Server shutdown in progress"},
		mysql.ErrInvalidConn,
	} {
		fmt.Println(mysqlpool.Classify(err), "-", mysqlpool.Verdict(err))
	}
	// Output:
	// other - keep
	// server demoted - demoted
	// going away - discard
	// unknown - discard
}
