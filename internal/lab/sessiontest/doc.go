// Package sessiontest holds the tests of mysqlpool's sessions against real servers and real faults.
package sessiontest
