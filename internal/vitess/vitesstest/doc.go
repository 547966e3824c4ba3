// Package vitesstest holds the tests of weir over a real vtgate: make test-vitess runs them.
package vitesstest
