package pooltest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// New goes on trying for as long as WithStartWait says, unless it would be in vain.
func TestWhoIsNotLetInIsToldAtOnce(t *testing.T) {
	ctx := within(t, 120*time.Second)
	srv := start(t, lab.Config{})
	for _, statement := range []string{
		"CREATE USER locked@'%' IDENTIFIED BY 'pw' ACCOUNT LOCK", "CREATE USER expired@'%' IDENTIFIED BY 'pw' PASSWORD EXPIRE",
		"CREATE USER careful@'%' IDENTIFIED BY 'pw' REQUIRE X509", "CREATE USER nobody@'%' IDENTIFIED BY 'pw'",
	} {
		_, err := srv.Admin().ExecContext(ctx, statement)
		must(t, err)
	}
	if number(srv.SetGlobal(ctx, "disconnect_on_expired_password", 1)) == 1238 {
		t.Log("the server does that anyway")
	}
	dsn := func(user string) string { return strings.Replace(srv.DSN("app", "app"), "app:app@", user+":pw@", 1) }
	refused := func(t *testing.T, dsn string) {
		begun := time.Now()
		patient := quiet([]mysqlpool.Option{weir.WithStartWait(30 * time.Second)})
		_, ofNew := mysqlpool.New(ctx, dsn, patient...)
		_, ofOpen := mysqlpool.Open(ctx, dsn, patient...)
		for _, err := range []error{ofNew, ofOpen} {
			if !errors.Is(err, weir.ErrPermanent) || mysqlpool.Classify(err) != mysqlpool.Denied {
				t.Errorf("error %v, class %v, want a permanent one, denied", err, mysqlpool.Classify(err))
			}
			t.Log(err)
		}
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("they tried for %v", took)
		}
	}
	t.Run("locked account", func(t *testing.T) { refused(t, dsn("locked")) })
	t.Run("expired password", func(t *testing.T) { refused(t, dsn("expired")) })
	t.Run("no certificate", func(t *testing.T) { refused(t, dsn("careful")) })
	t.Run("no right on the database", func(t *testing.T) { refused(t, dsn("nobody")) })
	t.Run("no TLS on the server, or a certificate that nobody knows", func(t *testing.T) { refused(t, srv.DSN("app", "app")+"?tls=true") })
	t.Run("the server requires TLS", func(t *testing.T) {
		must(t, srv.SetGlobal(ctx, "require_secure_transport", 1))
		defer srv.SetGlobal(context.WithoutCancel(ctx), "require_secure_transport", 0)
		refused(t, srv.DSN("app", "app"))
	})
}
