// Package pooltest holds the tests of mysqlpool against real servers and real faults.
package pooltest
