package pooltest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// New goes on trying for as long as WithStartWait says, unless it would be in vain.
func TestWhoIsNotLetInIsToldAtOnce(t *testing.T) {
	ctx := within(t, 120*time.Second)
	var args []string
	if labtest.Kind() == lab.MariaDB {
		args = []string{"--max-password-errors=1"}
	}
	srv := start(t, lab.Config{Args: args})
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
	t.Run("blocked after failed logins", func(t *testing.T) {
		create := "CREATE USER blocked@'%' IDENTIFIED BY 'pw'"
		if labtest.Kind() == lab.MySQL {
			create += " FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME 1"
		}
		exec(ctx, t, srv.Admin(), create)
		if err := labtest.Stock(t, strings.Replace(dsn("blocked"), ":pw@", ":wrong@", 1)).PingContext(ctx); err == nil {
			t.Error("a wrong password was let in")
		}
		refused(t, dsn("blocked"))
	})
	t.Run("way to log in", func(t *testing.T) {
		if labtest.Kind() == lab.MariaDB {
			refused(t, srv.DSN("app", "app")+"?allowNativePasswords=false")
			exec(ctx, t, srv.Admin(), "CREATE USER old@'%' IDENTIFIED VIA mysql_old_password USING '378b243e220ca493'")
		} else { // an account as an upgrade from MySQL 8 leaves it
			exec(ctx, t, srv.Admin(), "INSERT INTO mysql.user (host, user, plugin, authentication_string, ssl_cipher, x509_issuer, x509_subject) "+
				"VALUES ('%', 'old', 'mysql_native_password', '*23AE809DDACAF96AF0FD78ED04B6A265E05AA257', '', '', '')")
			exec(ctx, t, srv.Admin(), "FLUSH PRIVILEGES")
		}
		refused(t, dsn("old"))
	})
	t.Run("the server requires TLS", func(t *testing.T) {
		must(t, srv.SetGlobal(ctx, "require_secure_transport", 1))
		defer srv.SetGlobal(context.WithoutCancel(ctx), "require_secure_transport", 0)
		refused(t, srv.DSN("app", "app"))
	})
}
