package mysqlpool

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/weirpool/weir"
)

// An Option is an option of package weir or of this package; both go into one list.
type Option = weir.Option

type settings struct {
	serviceName     string
	validationQuery string
	role            Role
	autocommit      bool // must be on
	reset           bool // sessions are reset between borrowers of New and Wrap
	sessionSetup    string
	instances       int
	reserve         int
	userTimeout     time.Duration
	keepAlive       time.Duration
	resolver        *net.Resolver
	credentials     credentialsFunc // nil: those of the configuration

	sessionSettings
}

func defaultSettings() settings {
	return settings{autocommit: true, instances: 1, userTimeout: 10 * time.Second, keepAlive: 15 * time.Second,
		sessionSettings: defaultSessionSettings()}
}

// defaultOptions come before the user's: they differ from weir's own because a connection costs more than a struct.
func defaultOptions(name string) []Option {
	return []Option{weir.WithName(name), weir.WithMinIdle(1), weir.WithLeakThreshold(time.Minute)}
}

// comment names the service to whoever reads the server's process list or slow log. It is a plain comment: proxies pin a
// session for an executable one.
func (s *settings) comment() string {
	if s.serviceName == "" {
		return "/* Health Check */ "
	}
	return "/* " + s.serviceName + " Health Check */ "
}

// query is the validation query where no role is wanted.
func (s *settings) query() string {
	if s.validationQuery != "" {
		return s.validationQuery
	}
	return s.comment() + "SELECT 1"
}

func option(name string, set func(*settings) error) Option {
	return weir.AdapterOption(name, set)
}

var serviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._:-]{0,63}$`)

// WithServiceName names the service in the comment of the validation query, so that the database's administrators know whose checks
// they see. At most 64 letters, digits, spaces and . _ : - are allowed, so that it cannot end the comment. Default none.
func WithServiceName(name string) Option {
	return option("WithServiceName", func(s *settings) error {
		if !serviceName.MatchString(name) {
			return fmt.Errorf("%q: limit is 1 to 64 letters, digits, spaces and . _ : -, the first a letter or digit", name)
		}
		s.serviceName = name
		return nil
	})
}

// WithValidationQuery replaces the validation query. It must return without an error on a healthy connection; its rows are
// read and thrown away. With a wanted role the role's query follows it, in a second round trip.
func WithValidationQuery(query string) Option {
	return option("WithValidationQuery", func(s *settings) error {
		if strings.TrimSpace(query) == "" {
			return fmt.Errorf("%q: limit is a statement", query)
		}
		s.validationQuery = query
		return nil
	})
}

// WithValidationTimeout bounds each validation, on open, on acquire and while idle, like [weir.WithCheckTimeout] for all three.
func WithValidationTimeout(d time.Duration) Option {
	return weir.Options(weir.WithCheckTimeout(weir.OnOpen, d), weir.WithCheckTimeout(weir.OnAcquire, d), weir.WithCheckTimeout(weir.WhileIdle, d))
}

// WithRole lends only connections to a server of that role. Default [Any].
func WithRole(r Role) Option {
	return option("WithRole", func(s *settings) error {
		if r > Replica {
			return fmt.Errorf("%d: limit is Any, Primary or Replica", r)
		}
		s.role = r
		return nil
	})
}

// WithAutocommitUnchecked accepts servers and DSNs that open sessions with autocommit off. By default such a connection
// is refused when it is opened: whoever borrows it would hold locks without knowing.
func WithAutocommitUnchecked() Option {
	return option("WithAutocommitUnchecked", func(s *settings) error { s.autocommit = false; return nil })
}

// WithSessionSetup runs one statement on each new connection, such as "SET time_zone = '+00:00', lock_wait_timeout = 5", before the
// connection is checked. If it fails the connection is not used. It runs again after each reset of the session, in the default database
// of a new connection. Default none.
func WithSessionSetup(statement string) Option {
	return option("WithSessionSetup", func(s *settings) error {
		if strings.TrimSpace(statement) == "" {
			return fmt.Errorf("%q: limit is a statement", statement)
		}
		s.sessionSetup = statement
		return nil
	})
}

// WithInstances tells how many instances of the service have such a pool, and how many connections of the server are reserved
// for others. At the first connection MaxOpen × instances + reserve is compared with the server's max_connections,
// and a warning is logged when it does not fit; see [PlanSize]. The connections that [Open] makes for KILL QUERY count, see [WithKillTimeout]. Default 1 and 0.
func WithInstances(instances, reserve int) Option {
	return option("WithInstances", func(s *settings) error {
		var errs []error
		if instances < 1 {
			errs = append(errs, fmt.Errorf("instances %d: limit is at least 1", instances))
		}
		if reserve < 0 {
			errs = append(errs, fmt.Errorf("reserve %d: limit is at least 0", reserve))
		}
		s.instances, s.reserve = instances, reserve
		return errors.Join(errs...)
	})
}

// WithTCPUserTimeout sets how long sent data may stay unacknowledged before the connection is given up, where the platform has
// TCP_USER_TIMEOUT (Linux): it ends statements that run into a black hole. Default 10 s; [weir.NoLimit] leaves it to the
// system. It has no effect on [Wrap], nor where the configuration brings its own dialing.
func WithTCPUserTimeout(d time.Duration) Option {
	return option("WithTCPUserTimeout", func(s *settings) error {
		if d != weir.NoLimit && (d < time.Millisecond || d > 24*time.Hour) {
			return fmt.Errorf("%v: limit is 1ms to 24h", d)
		}
		s.userTimeout = d
		return nil
	})
}

// WithTCPKeepAlive sets after how much silence the system starts to ask whether the server's host is there; it asks three times,
// a third of d apart. Default 15 s. It has no effect on [Wrap], nor where the configuration brings its own dialing.
func WithTCPKeepAlive(d time.Duration) Option {
	return option("WithTCPKeepAlive", func(s *settings) error {
		if d < time.Second {
			return fmt.Errorf("%v: limit is at least 1s", d)
		}
		s.keepAlive = d
		return nil
	})
}

// WithResolver resolves the server's name, anew at each dial; dials that begin at the same moment share one answer, as Go's
// resolver does. Default the system's. It has no effect on [Wrap], nor where the
// configuration brings its own dialing.
func WithResolver(r *net.Resolver) Option {
	return option("WithResolver", func(s *settings) error {
		if r == nil {
			return errors.New("nil: a resolver is required")
		}
		s.resolver = r
		return nil
	})
}
