// Package mysqltest is a scripted MySQL server for tests: it speaks enough of the wire protocol for
// github.com/go-sql-driver/mysql, holds no data, and fails in whatever way a test asks for.
//
//	server := mysqltest.NewServer(mysqltest.Config{})
//	defer server.Close()
//	config := mysql.NewConfig()
//	config.DialFunc = server.Dial
//	connector, err := mysql.NewConnector(config)
//
// Connections made by [Server.Dial] live in memory and behave like TCP: a write never waits for its reader, what
// was sent before a close can still be read, the first write after the other side closed is lost without an error,
// a reset is ECONNRESET, and the driver's liveness check of idle connections sees all of it. They use goroutines,
// channels and timers only, so everything, delays and wait_timeout included, runs on the fake clock of a
// testing/synctest bubble when server and clients are made inside of it. [Server.ListenLoopback] serves the same
// script over real TCP.
//
// # What is answered
//
// A statement is answered by the first of these that claims it: the rule of [Server.FailQueries], the function of
// [Server.Handle], the built-in answers. Built in are SELECT of literals, placeholders, system variables, user
// variables and a few functions (CONNECTION_ID, SLEEP, DATABASE, VERSION, USER, CURRENT_ROLE, NOW), DO, SET, USE, transactions, KILL,
// and writes, which are counted, and refused on a server that is read only. A SELECT from a table is an empty
// result set; a SELECT without a table that is not understood is an error that says so; all else is OK.
//
// # What is not
//
// There is no TLS, no compression, no caching_sha2_password and no multi-statement; result columns are integers, floats
// or strings. A connection whose client is gone is forgotten at once, even in the middle of a statement, where a
// real server notices later. The exception is [Server.BlackHole], which lets nothing through.
package mysqltest
