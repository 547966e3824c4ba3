package pooltest_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// The driver speaks zlib. A server that wants another algorithm, or that wants one from a client that has none, tells so at the login.
func TestCompressedConnections(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	const text = 37000
	speak := func(params, want string) error {
		pool, err := mysqlpool.New(ctx, srv.DSN("app", "app")+params, quiet(nil)...)
		if err != nil {
			return err
		}
		defer closePool(t, pool)
		return pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
			if got := answer(ctx, t, conn, "SELECT '"+strings.Repeat("x", text)+"'").String; got != strings.Repeat("x", text) {
				t.Errorf("got %d bytes, want %d", len(got), text)
			}
			var name, is string
			err := conn.QueryRowContext(ctx, "SHOW SESSION STATUS LIKE 'Compression'").Scan(&name, &is)
			if is != want {
				t.Errorf("%q: compression is %s, want %s", params, is, want)
			}
			return err
		})
	}
	must(t, speak("", "OFF"))
	must(t, speak("?compress=true", "ON"))
	if labtest.Kind() != lab.MySQL {
		return // it has no choice of algorithms
	}
	admin := labtest.Hold(ctx, t, srv.Admin()) // nobody gets in later without compression
	for _, c := range []struct{ algorithms, params, compression string }{
		{"zlib", "?compress=true", "ON"}, {"zlib", "", ""},
		{"zstd", "?compress=true", ""}, {"zstd", "", ""},
		{"zlib,zstd,uncompressed", "?compress=true", "ON"}, {"zstd,uncompressed", "?compress=true", "OFF"},
	} {
		execOn(ctx, t, admin, "SET GLOBAL protocol_compression_algorithms = '"+c.algorithms+"'")
		err := speak(c.params, c.compression)
		if c.compression == "" && (number(err) != 3922 || mysqlpool.Classify(err) != mysqlpool.Denied || !errors.Is(err, weir.ErrPermanent)) {
			t.Errorf("%s, %q: got %v, want 3922, denied, permanent", c.algorithms, c.params, err)
		}
		if c.compression != "" && err != nil {
			t.Errorf("%s, %q: %v", c.algorithms, c.params, err)
		}
	}
}
