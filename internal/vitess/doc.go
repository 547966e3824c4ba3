// Package vitess starts a real Vitess for the tests in its directory vitesstest: vtgate and tablets over a MySQL server of the laboratory.
package vitess
