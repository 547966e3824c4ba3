package weir

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"
)

// NoLimit, given as a duration, switches that limit off.
const NoLimit = time.Duration(math.MaxInt64)

// An Option sets one thing about a pool. Options are read once, in [New]; where two set the same thing the later one
// wins. A value out of its limits makes New fail with an error that names the option, the value and the limit.
type Option interface {
	apply(*options) error
}

type optionFunc func(*options) error

func (f optionFunc) apply(o *options) error { return f(o) }

type options struct {
	name    string
	maxOpen int
	minIdle int

	maxWait    time.Duration
	maxWaiters int // -1: no limit

	openTimeout time.Duration
	maxOpening  int  // 0: as openAtOnce says, until the options are settled
	openAll     bool // maxOpening was not given: it follows maxOpen
	backoffMin  time.Duration
	backoffMax  time.Duration
	failFast    bool
	strictMax   bool
	startWait   time.Duration // 0: the first open that fails makes New fail
	background  bool          // New does not wait

	checks         [Moments]bool
	checkTimeout   [Moments]time.Duration
	checkWindow    time.Duration
	checkIdleEvery time.Duration

	maxLifetime  time.Duration
	lifeJitter   time.Duration // -1: a tenth of maxLifetime
	idleTimeout  time.Duration
	sweepEvery   time.Duration
	closeTimeout time.Duration

	leakAfter    time.Duration // 0: leases are not named
	reclaimAfter time.Duration

	observers []Observer
	log       *slog.Logger
}

func defaults() options {
	return options{
		name:           "pool",
		maxOpen:        10,
		maxWait:        time.Second,
		maxWaiters:     -1,
		openTimeout:    5 * time.Second,
		backoffMin:     10 * time.Millisecond,
		backoffMax:     5 * time.Second,
		checks:         [Moments]bool{OnOpen: true, OnAcquire: true, WhileIdle: true},
		checkTimeout:   [Moments]time.Duration{OnOpen: time.Second, OnAcquire: 500 * time.Millisecond, WhileIdle: time.Second},
		checkWindow:    500 * time.Millisecond,
		checkIdleEvery: 30 * time.Second,
		maxLifetime:    15 * time.Minute,
		lifeJitter:     -1,
		idleTimeout:    10 * time.Minute,
		sweepEvery:     time.Second,
		closeTimeout:   5 * time.Second,
		log:            slog.Default(),
	}
}

// readOptions applies opts to the defaults and settles what depends on more than one of them.
func readOptions(opts []Option) (options, error) {
	o := defaults()
	var errs []error
	errs = append(errs, optionGroup(opts).apply(&o))
	errs = append(errs, checkSizes(o.minIdle, o.maxOpen))
	if o.maxOpening == 0 {
		o.maxOpening, o.openAll = openAtOnce(o.maxOpen), true
	}
	if o.backoffMin > o.backoffMax {
		errs = append(errs, fmt.Errorf("WithOpenBackoff: min %v: limit is max, %v", o.backoffMin, o.backoffMax))
	}
	if o.lifeJitter < 0 {
		o.lifeJitter = 0
		if o.maxLifetime != NoLimit {
			o.lifeJitter = o.maxLifetime / 10
		}
	}
	if o.lifeJitter >= o.maxLifetime {
		errs = append(errs, fmt.Errorf("WithMaxLifetimeJitter: %v: limit is below MaxLifetime, %v", o.lifeJitter, o.maxLifetime))
	}
	if o.reclaimAfter > 0 && (o.leakAfter == 0 || o.reclaimAfter < o.leakAfter) {
		errs = append(errs, fmt.Errorf("WithReclaimAfter: %v: limit is at least LeakThreshold, which must be on, now %v", o.reclaimAfter, o.leakAfter))
	}
	if o.startWait > 0 && o.background {
		errs = append(errs, fmt.Errorf("WithStartWait: %v: WithStartBackground is given too, with which New does not wait: use one of them", o.startWait))
	}
	return o, errors.Join(errs...)
}

func checkSizes(minIdle, maxOpen int) error {
	if minIdle > maxOpen {
		return fmt.Errorf("WithMinIdle: %d: limit is MaxOpen, %d", minIdle, maxOpen)
	}
	return nil
}

func intOption(name string, n, least int, set func(*options)) Option {
	return optionFunc(func(o *options) error {
		if n < least || n > math.MaxInt32 {
			return fmt.Errorf("%s: %d: limit is %d to %d", name, n, least, math.MaxInt32)
		}
		set(o)
		return nil
	})
}

func timeOption(name string, d time.Duration, set func(*options)) Option {
	return optionFunc(func(o *options) error {
		if d <= 0 {
			return fmt.Errorf("%s: %v: limit is above 0", name, d)
		}
		set(o)
		return nil
	})
}

// WithName names the pool in errors, logs, events and metrics. Default "pool".
func WithName(name string) Option {
	return optionFunc(func(o *options) error {
		if name == "" {
			return errors.New(`WithName: "": limit is at least one character`)
		}
		o.name = name
		return nil
	})
}

// WithMaxOpen bounds how many resources exist at a time, those being opened included. Default 10, as HikariCP's
// maximumPoolSize. Resources being closed do not count unless [WithStrictMaxOpen] is given.
func WithMaxOpen(n int) Option {
	return intOption("WithMaxOpen", n, 1, func(o *options) { o.maxOpen = n })
}

// WithStrictMaxOpen makes a resource that is being closed keep its place until Close returned, so that the server never
// sees more than MaxOpen, as long as Open and Close keep to their time limits. By default a slow Close delays nobody.
func WithStrictMaxOpen() Option {
	return optionFunc(func(o *options) error { o.strictMax = true; return nil })
}

// WithMinIdle sets how many idle resources [New] opens and the sweep keeps up, as far as MaxOpen, which wins, leaves room.
// Resources being opened or checked count as idle here. Default 0.
func WithMinIdle(n int) Option {
	return intOption("WithMinIdle", n, 0, func(o *options) { o.minIdle = n })
}

// WithMaxWait bounds how long [Pool.Acquire] waits in all, checks included. Default 1 s; [NoLimit] leaves the limit to
// the caller's context.
func WithMaxWait(d time.Duration) Option {
	return timeOption("WithMaxWait", d, func(o *options) { o.maxWait = d })
}

// WithMaxWaiters turns callers away at once when n are waiting already. Default: any number may wait.
func WithMaxWaiters(n int) Option {
	return intOption("WithMaxWaiters", n, 0, func(o *options) { o.maxWaiters = n })
}

// WithOpenTimeout bounds one open as a whole, the check on open included. Default 5 s.
func WithOpenTimeout(d time.Duration) Option {
	return timeOption("WithOpenTimeout", d, func(o *options) { o.openTimeout = d })
}

// openAtOnce is how many opens run at a time unless told otherwise. A server that is to take thousands of connections does not have to
// take them all at once, and a process that starts thousands of goroutines keeps the memory of them.
func openAtOnce(maxOpen int) int { return min(maxOpen, 128) }

// WithMaxOpening bounds how many opens run at a time. Default MaxOpen, but no more than 128: within that the governor alone decides.
func WithMaxOpening(n int) Option {
	return intOption("WithMaxOpening", n, 1, func(o *options) { o.maxOpening = n })
}

// WithOpenBackoff sets the pause after a failed open, which doubles from least to most with each further failure and is
// jittered by half. Default 10 ms and 5 s, as HikariCP.
//
// While callers wait the pause is shorter, so that they are served soon after opening works again. It is at most a quarter of MaxWait, or
// 10 ms if that is more. After an open that failed in less than 100 ms (the server refused the connection or has the wrong role) it is
// at most 5 ms after the first failure, 10 ms after the second, then 20, 40, 80 and from there on 100 ms, jittered by half.
// An error that matches [ErrPermanent], such as a wrong password, is not retried that often. After a failure one open runs at a time.
func WithOpenBackoff(least, most time.Duration) Option {
	return timeOption("WithOpenBackoff", min(least, most), func(o *options) { o.backoffMin, o.backoffMax = least, most })
}

// WithFailFast makes callers fail at once, with the last open error, while nothing is open and opening fails. One open at
// a time goes on trying, and the first that succeeds ends it. By default callers wait for that until MaxWait.
func WithFailFast() Option {
	return optionFunc(func(o *options) error { o.failFast = true; return nil })
}

// WithStartWait makes [New] go on trying for d, or until its context ends, before it fails because MinIdle was not reached.
// By default the first open that fails makes New fail. It cannot be combined with [WithStartBackground].
func WithStartWait(d time.Duration) Option {
	return timeOption("WithStartWait", d, func(o *options) { o.startWait = d })
}

// WithStartBackground makes [New] return at once and MinIdle be reached in the background. It cannot be combined with
// [WithStartWait].
func WithStartBackground() Option {
	return optionFunc(func(o *options) error { o.background = true; return nil })
}

// WithoutCheck leaves out the check at one moment. Probe is not affected. By default all three are on.
func WithoutCheck(m Moment) Option {
	return momentOption("WithoutCheck", m, func(o *options) { o.checks[m] = false })
}

// WithCheckTimeout bounds one check at one moment. Default 1 s on open and while idle, 500 ms on acquire.
func WithCheckTimeout(m Moment, d time.Duration) Option {
	return optionFunc(func(o *options) error {
		return errors.Join(
			timeOption("WithCheckTimeout", d, func(o *options) {}).apply(o),
			momentOption("WithCheckTimeout", m, func(o *options) { o.checkTimeout[m] = d }).apply(o))
	})
}

func momentOption(name string, m Moment, set func(*options)) Option {
	return optionFunc(func(o *options) error {
		if m >= Moments {
			return fmt.Errorf("%s: moment %d: limit is OnOpen, OnAcquire or WhileIdle", name, m)
		}
		set(o)
		return nil
	})
}

// WithCheckWindow sets for how long after a passed check a resource is lent without another. Only checks count, not uses:
// a busy resource is checked as well. Default 500 ms, as HikariCP's alive bypass window; 0 checks every time. It is kept to 10 ms.
func WithCheckWindow(d time.Duration) Option {
	return optionFunc(func(o *options) error {
		if d < 0 {
			return fmt.Errorf("WithCheckWindow: %v: limit is at least 0", d)
		}
		o.checkWindow = d
		return nil
	})
}

// WithCheckIdleEvery sets how often each idle resource is checked. Default 30 s; it is kept to [WithSweepEvery].
func WithCheckIdleEvery(d time.Duration) Option {
	return timeOption("WithCheckIdleEvery", d, func(o *options) { o.checkIdleEvery = d })
}

// WithMaxLifetime sets the age at which a resource is replaced, idle or busy; a lent one when it comes back. Default
// 15 min; [NoLimit] never. It is kept to 10 ms when resources are lent and returned, to [WithSweepEvery] otherwise.
func WithMaxLifetime(d time.Duration) Option {
	return timeOption("WithMaxLifetime", d, func(o *options) { o.maxLifetime = d })
}

// WithMaxLifetimeJitter sets how much earlier than MaxLifetime a resource may be replaced; the share is drawn once, when it
// is opened, so that resources opened together do not go together. Default a tenth of MaxLifetime.
func WithMaxLifetimeJitter(d time.Duration) Option {
	return optionFunc(func(o *options) error {
		if d < 0 {
			return fmt.Errorf("WithMaxLifetimeJitter: %v: limit is at least 0", d)
		}
		o.lifeJitter = d
		return nil
	})
}

// WithIdleTimeout sets how long a resource beyond MinIdle may stay idle; each sweep closes a tenth of those, at least one.
// Default 10 min, as HikariCP; [NoLimit] never.
func WithIdleTimeout(d time.Duration) Option {
	return timeOption("WithIdleTimeout", d, func(o *options) { o.idleTimeout = d })
}

// WithSweepEvery sets how often the pool looks after ages, idle times, MinIdle and leaks. Default 1 s.
func WithSweepEvery(d time.Duration) Option {
	return timeOption("WithSweepEvery", d, func(o *options) { o.sweepEvery = d })
}

// WithCloseTimeout sets how long the pool waits for the closing of one resource before it counts as done. Default 5 s.
func WithCloseTimeout(d time.Duration) Option {
	return timeOption("WithCloseTimeout", d, func(o *options) { o.closeTimeout = d })
}

// WithLeakThreshold turns leak naming on: borrowers' stacks are recorded (about 0.3 µs for each lease, up to 0.7 µs where they
// are deep), and a lease that is out for longer than d, or that was dropped without Release, is logged once with its stack.
// [NoLimit] names only what was dropped. Default off. Package mysqlpool has it on; sessions of its Open are named as well, and there only
// as many stacks are recorded as cost 1 to 2 % of a lookup.
func WithLeakThreshold(d time.Duration) Option {
	return timeOption("WithLeakThreshold", d, func(o *options) { o.leakAfter = d })
}

// WithReclaimAfter takes a lease back by force when it is out for longer than d, which must be at least the leak threshold:
// its resource is closed and replaced. Default off.
func WithReclaimAfter(d time.Duration) Option {
	return timeOption("WithReclaimAfter", d, func(o *options) { o.reclaimAfter = d })
}

// WithObserver adds an observer of events. Default none.
func WithObserver(obs Observer) Option {
	return optionFunc(func(o *options) error {
		if obs == nil {
			return errors.New("WithObserver: nil: an observer is required")
		}
		o.observers = append(o.observers, obs)
		return nil
	})
}

// WithLogger sets where failed opens, checks and closes, leaks, misuse and panics are logged. Default [slog.Default].
func WithLogger(log *slog.Logger) Option {
	return optionFunc(func(o *options) error {
		if log == nil {
			return errors.New("WithLogger: nil: a logger is required; slog.DiscardHandler makes a silent one")
		}
		o.log = log
		return nil
	})
}
