// Package embedded runs MySQL-compatible servers inside the process, so that an example can show a pool riding out
// failures on a machine where nothing is installed. They speak the MySQL protocol on the loopback interface:
//
//	data := embedded.NewData()
//	primary, err := embedded.Start(ctx, embedded.Config{Name: "db-1", Role: embedded.Primary, Data: data})
//	replica, err := embedded.Start(ctx, embedded.Config{Name: "db-2", Role: embedded.Replica, Data: data})
//	defer replica.Stop()
//	defer primary.Stop()
//
// Each server has a database app with a table payments, accepts any user and password, and answers in its own name:
// @@hostname is [Config.Name]; @@read_only, @@super_read_only and @@innodb_read_only follow its [Role]. Servers that
// share a [Data] see the same rows, as replicas without lag.
//
// The engine is go-mysql-server, which keeps its tables in memory and is not made for concurrent transactions. This
// package adds what a pool's user would otherwise trip over: one transaction at a time on a [Data] (1205 for whoever
// waits too long), error 1290 for a write on a replica, error 1040 above the connection limit, and a [Server.Stop]
// that closes the open connections too. It is for demonstrations: it has no SAVEPOINT, no temporary tables, no users
// and no disk.
package embedded
