package mysqlpool

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// A credentialsFunc returns the user and the password for one dial.
type credentialsFunc = func(ctx context.Context) (user, password string, err error)

// WithCredentials takes user and password from f instead of the DSN or configuration, anew at each dial, those of the connections for KILL
// QUERY included: for tokens that expire and for secrets that are rotated. Connections that are open stay open when the credentials change.
// Default none: the DSN's.
//
// f may be called from several goroutines at once, and must return when ctx ends, which is after [weir.WithOpenTimeout] at the latest. It is
// called for every dial: if a token is expensive to get, f should cache it until it expires. An error of f is the error of that open, which is tried again
// unless it matches [weir.ErrPermanent]; so is a panic. A refused password (error 1045) is tried again as well, because it may just have been
// replaced; without WithCredentials it makes the start fail at once.
//
// [Wrap] refuses this option: give the function to the driver of the wrapped DB, with mysql.BeforeConnect.
func WithCredentials(f func(ctx context.Context) (user, password string, err error)) Option {
	return option("WithCredentials", func(s *settings) error {
		if f == nil {
			return errors.New("nil: a function that returns user and password is required")
		}
		s.credentials = f
		return nil
	})
}

// refuseCredentials is for a DB whose driver dials by itself.
func (s *settings) refuseCredentials() error {
	if s.credentials == nil {
		return nil
	}
	return errors.New("WithCredentials: this option is for mysqlpool.Open and New: give the function to the wrapped DB's driver with mysql.BeforeConnect")
}

// useCredentials has the driver ask for user and password before each dial.
func (s *settings) useCredentials(cfg *mysql.Config) error {
	if s.credentials == nil {
		return nil
	}
	if hook := reflect.ValueOf(cfg).Elem().FieldByName("beforeConnect"); hook.IsValid() && hook.Kind() == reflect.Func && !hook.IsNil() {
		return errors.New("WithCredentials: the configuration has a mysql.BeforeConnect, which it would replace: use one of them")
	}
	return cfg.Apply(mysql.BeforeConnect(func(ctx context.Context, cfg *mysql.Config) (err error) {
		cfg.User, cfg.Passwd, err = callCredentials(ctx, s.credentials)
		return err
	}))
}

// callCredentials turns a panic into an error: connections for KILL QUERY are dialled where nobody else does.
func callCredentials(ctx context.Context, f credentialsFunc) (user, password string, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("mysqlpool: WithCredentials: %w", &weir.PanicError{Func: "Open", Value: x, Stack: debug.Stack()})
		}
	}()
	if user, password, err = f(ctx); err != nil {
		return "", "", fmt.Errorf("mysqlpool: WithCredentials: %w", err)
	}
	return user, password, nil
}

// failedOpen marks what trying again will not cure. A password that is asked for at each dial may be another one at the next.
func (s *settings) failedOpen(err error) error {
	if s.outdated(err) {
		return err
	}
	return openError(err)
}

func (s *settings) outdated(err error) bool {
	return s.credentials != nil && hasNumber(err, accessDenied, accessDeniedNoPassword)
}

const (
	accessDenied           = 1045 // ER_ACCESS_DENIED_ERROR
	accessDeniedNoPassword = 1698 // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
)
