// Package clustertest holds the tests of pools against clusters that choose their primary themselves: Group Replication on MySQL, Galera on MariaDB.
package clustertest
