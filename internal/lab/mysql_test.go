package lab_test

import (
	"testing"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

func TestMySQLServersDiffer(t *testing.T) {
	labtest.Only(t, lab.MySQL, "server_uuid is MySQL's")
	a, b := start(t, lab.Config{}), start(t, lab.Config{})
	id := func(srv *lab.Server) (id string) {
		must(t, srv.Admin().QueryRow("SELECT @@server_uuid").Scan(&id))
		return id
	}
	if id(a) == id(b) {
		t.Error("two servers have one server_uuid")
	}
}

func TestMySQLReplicaRefusesEveryAccountsWrites(t *testing.T) {
	labtest.Only(t, lab.MySQL, "MariaDB has no super_read_only")
	c := startCluster(t, 2)
	replica := c.Replicas()[0]
	_, err := replica.Admin().ExecContext(t.Context(), "CREATE DATABASE stray")
	wantErrno(t, err, 1290)
	_, err = c.Switchover(t.Context(), replica)
	must(t, err)
	run(t, replica.Admin(), "CREATE DATABASE welcome")
}
