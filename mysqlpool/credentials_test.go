package mysqlpool_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

// starts makes each kind of pool that dials by itself, and closes it.
var starts = map[string]func(t *testing.T, cfg *mysql.Config, opts ...mysqlpool.Option) error{
	"New": func(t *testing.T, cfg *mysql.Config, opts ...mysqlpool.Option) error {
		p, err := mysqlpool.NewConfig(t.Context(), cfg, append(opts, quiet())...)
		if err == nil {
			closePool(t, p)
		}
		return err
	},
	"Open": func(t *testing.T, cfg *mysql.Config, opts ...mysqlpool.Option) error {
		c, err := mysqlpool.NewConnector(t.Context(), cfg, append(opts, quiet())...)
		if err == nil {
			err = c.Close()
		}
		return err
	},
}

func TestCredentialsAreAskedForAtEachDial(t *testing.T) {
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mysqltest.Config{Password: "secret"}, func(t *testing.T, s *mysqltest.Server) {
				var asked atomic.Int32
				err := start(t, configOf(s), weir.WithMinIdle(3), mysqlpool.WithCredentials(func(ctx context.Context) (string, string, error) {
					if _, ok := ctx.Deadline(); !ok {
						t.Error("the context has no deadline")
					}
					asked.Add(1)
					return "app", "secret", nil
				}))
				if err != nil {
					t.Fatal(err)
				}
				if got := int(asked.Load()); got != s.Stats().Dials || got < 3 {
					t.Errorf("asked %d times for %d dials, want once for each", got, s.Stats().Dials)
				}
			})
		})
	}
}

// A password that has just been replaced is refused once; the next dial has the new one.
func TestRefusedPasswordIsTriedAgainWhereCredentialsMayChange(t *testing.T) {
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mysqltest.Config{Password: "new"}, func(t *testing.T, s *mysqltest.Server) {
				var asked atomic.Int32
				err := start(t, configOf(s), weir.WithStartWait(time.Minute), mysqlpool.WithCredentials(func(context.Context) (string, string, error) {
					if asked.Add(1) < 3 {
						return "app", "old", nil
					}
					return "app", "new", nil
				}))
				if err != nil {
					t.Errorf("after %d dials: %v", asked.Load(), err)
				}
			})
		})
	}
}

func TestErrorsOfCredentialsAreThoseOfTheOpen(t *testing.T) {
	errVault := errors.New("vault is sealed")
	for kind, f := range map[string]func(context.Context) (string, string, error){
		"error": func(context.Context) (string, string, error) { return "", "", errVault },
		"panic": func(context.Context) (string, string, error) { panic(errVault) },
	} {
		for name, start := range starts {
			t.Run(name+" "+kind, func(t *testing.T) {
				inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
					err := start(t, configOf(s), mysqlpool.WithCredentials(f))
					if !errors.Is(err, errVault) || !strings.Contains(err.Error(), "WithCredentials") || errors.Is(err, weir.ErrPermanent) {
						t.Errorf("error = %v, want one that names WithCredentials and tells why, and is not permanent", err)
					}
					if n := s.Stats().Dials; n != 0 {
						t.Errorf("%d dials without credentials, want none", n)
					}
				})
			})
		}
	}
}

func TestCredentialsAreRefusedWhereTheyCouldNotBeUsed(t *testing.T) {
	credentials := mysqlpool.WithCredentials(func(context.Context) (string, string, error) { return "app", "", nil })
	own := mysql.NewConfig()
	if err := own.Apply(mysql.BeforeConnect(func(context.Context, *mysql.Config) error { return nil })); err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(tally{})
	defer db.Close()
	wrap := func(t *testing.T, _ *mysql.Config, opts ...mysqlpool.Option) error {
		_, err := mysqlpool.Wrap(t.Context(), db, opts...)
		return err
	}
	for name, c := range map[string]struct {
		start func(*testing.T, *mysql.Config, ...mysqlpool.Option) error
		with  mysqlpool.Option
		want  string
	}{
		"nil":                   {starts["Open"], mysqlpool.WithCredentials(nil), "WithCredentials: nil: a function that returns user and password is required"},
		"BeforeConnect in New":  {starts["New"], credentials, "WithCredentials: the configuration has a mysql.BeforeConnect"},
		"BeforeConnect in Open": {starts["Open"], credentials, "WithCredentials: the configuration has a mysql.BeforeConnect"},
		"Wrap":                  {wrap, credentials, "WithCredentials: this option is for mysqlpool.Open and New"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.start(t, own, c.with); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want one with %q", err, c.want)
			}
		})
	}
}
