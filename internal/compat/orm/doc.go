// Package orm has only tests: object mappers and plain database/sql over [mysqlpool.Open], on real MariaDB and MySQL servers.
//
// One set of behaviours is told to each mapper ([exercise]), over a stock *sql.DB and over weir's, with as many connections. What the
// mapper answers must be what the behaviour wants, and must not tell which of the two it worked on.
//
// [mysqlpool.Open]: https://pkg.go.dev/github.com/weirpool/weir/mysqlpool#Open
package orm
