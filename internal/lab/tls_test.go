package lab_test

import (
	"database/sql"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

func TestAServerKnownByItsCertificate(t *testing.T) {
	srv := start(t, lab.Config{TLS: lab.OfferTLS})
	run(t, encrypted(t, srv), "DO 1")
	run(t, open(t, srv.DSN("app", "app")), "DO 1")
	must(t, srv.Restart(t.Context()))
	run(t, encrypted(t, srv), "DO 1")
	if other := start(t, lab.Config{}); other.ClientTLS() != nil {
		t.Error("a server without a certificate of the lab's has one")
	}
}

func TestAClusterThatRequiresTLSReplicates(t *testing.T) {
	c := startClusterOf(t, 2, lab.Config{TLS: lab.RequireTLS})
	refused := map[lab.Kind]uint16{lab.MariaDB: 1045, lab.MySQL: 3159}
	wantErrno(t, open(t, c.Primary().DSN("app", "app")).PingContext(t.Context()), refused[labtest.Kind()])
	run(t, encrypted(t, c.Primary()), "CREATE TABLE t (id INT PRIMARY KEY)")
	_, err := c.Switchover(t.Context(), c.Replicas()[0])
	must(t, err)
	run(t, encrypted(t, c.Primary()), "INSERT INTO t VALUES (1)")
	must(t, c.Sync(t.Context()))
	if n := queryInt(t, encrypted(t, c.Replicas()[0]), "SELECT COUNT(*) FROM t"); n != 1 {
		t.Errorf("rows on the replica: got %d, want 1", n)
	}
}

// encrypted returns a pool of the app user that knows the server by its certificate.
func encrypted(t *testing.T, srv *lab.Server) *sql.DB {
	t.Helper()
	cfg, err := mysql.ParseDSN(srv.DSN("app", "app"))
	must(t, err)
	cfg.TLS = srv.ClientTLS()
	return openConfig(t, cfg)
}
