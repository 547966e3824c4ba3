// Package lab starts real MariaDB and MySQL servers on loopback and breaks them on
// purpose, so that tests and demonstrations of a connection pool need not
// imagine what a server does when it restarts, refuses, stalls or changes role.
//
//	srv, err := lab.Start(ctx, lab.Config{MaxConnections: 20})
//	if err != nil {
//		return err
//	}
//	defer srv.Close()
//	db, err := sql.Open("mysql", srv.DSN("app", "app"))
//
// Its parts are:
//
//   - [Server]: one server process with a data directory of its own, to be stopped,
//     killed, restarted, paused or made read-only;
//   - [Cluster]: a primary and its replicas, for a planned [Cluster.Switchover]
//     and a [Cluster.Failover] after a kill;
//   - [Group]: three MySQL servers in Group Replication, which choose their primary
//     themselves; [Galera]: three MariaDB servers that all accept writes;
//   - [Proxy]: a TCP proxy that delays, swallows, holds back, refuses, resets
//     and cuts;
//   - [Resolver]: a name that moves from one address to another;
//   - [Until]: a bounded wait for something that can be asked.
//
// Every server and proxy listens on loopback only. Every server has a database
// app and two users whose passwords are their names: app, who owns that
// database, and admin, who may do everything, also on a read-only server, except
// on a replica of a MySQL cluster, whose super_read_only admin must obey.
//
// The lab needs a Unix system with the servers' programs; [Available]
// tells. Only on Linux do the servers die with a process that is killed, and
// only there does [Server.RSS] work.
package lab
