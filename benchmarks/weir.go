package benchmarks

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/weirpool/weir"
)

// Features says which of weir's features cost something on the way to a resource, and are on.
type Features struct {
	MaxWait     bool          // the pool's own limit on the wait
	Check       bool          // a check when the window has passed
	CheckWindow time.Duration // for how long a check is good
	Probe       bool          // a look at the resource at each acquire
	Observer    bool          // an observer of events
	LeakNaming  bool          // borrowers' stacks are recorded
}

// EveryFeature is what the workloads run weir with: all but leak naming, which is opt-in in the core.
func EveryFeature() Features {
	return Features{MaxWait: true, Check: true, CheckWindow: 500 * time.Millisecond, Probe: true, Observer: true}
}

// farOff is a limit that is kept but that no workload reaches.
const farOff = time.Minute

type weirPool struct {
	pool *weir.Pool[*Resource]
}

// OpenWeir makes a weir pool.
func OpenWeir(c Config, f Features) (Pool, error) {
	factory := weir.Factory[*Resource]{
		Open:  c.Open,
		Close: func(*Resource) error { return nil },
	}
	opts := []weir.Option{
		weir.WithMaxOpen(c.Max),
		weir.WithMinIdle(c.Idle),
		weir.WithMaxWait(weir.NoLimit),
		weir.WithLogger(slog.New(slog.DiscardHandler)),
	}
	if f.MaxWait {
		opts = append(opts, weir.WithMaxWait(farOff))
	}
	if c.MaxWait > 0 {
		opts = append(opts, weir.WithMaxWait(c.MaxWait))
	}
	if c.MaxOpening > 0 {
		opts = append(opts, weir.WithMaxOpening(c.MaxOpening))
	}
	if f.Check {
		factory.Check = func(context.Context, *Resource) error { return nil }
		opts = append(opts, weir.WithCheckWindow(f.CheckWindow))
	}
	if f.Probe {
		factory.Probe = func(*Resource) error { return nil }
	}
	if f.Observer {
		opts = append(opts, weir.WithObserver(blind{}))
	}
	if f.LeakNaming {
		opts = append(opts, weir.WithLeakThreshold(farOff))
	}
	pool, err := weir.New(context.Background(), factory, opts...)
	if err != nil {
		return nil, err
	}
	return weirPool{pool}, nil
}

func (p weirPool) Use(ctx context.Context, work func()) error {
	lease, err := p.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	_ = lease.Value()
	work()
	lease.Release()
	return nil
}

func (p weirPool) Close() { p.pool.Close(context.Background()) }

// blind is an observer that does nothing.
type blind struct{}

func (blind) Observe(weir.Event) {}

// weirInContext is weir as one drives it who has a context for each request anyway: the limit on the wait is the context's.
type weirInContext struct {
	weirPool
	limit time.Duration
}

func openWeirInContext(c Config) (Pool, error) {
	limit := c.MaxWait
	c.MaxWait = 0
	p, err := OpenWeir(c, EveryFeature())
	if err != nil {
		return nil, err
	}
	return weirInContext{p.(weirPool), limit}, nil
}

func (p weirInContext) Use(ctx context.Context, work func()) error {
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	return p.weirPool.Use(ctx, work)
}

// inContext is a case of weir in a context, beside those that have only weir with its own limit.
func inContext(workload, variant string, c Config, run func(b *testing.B, p Pool)) Case {
	return Case{
		Workload: workload, Variant: variant, Contender: "pool=weir in a context",
		Run: func(b *testing.B) { onPool(b, func() (Pool, error) { return openWeirInContext(c) }, run) },
	}
}
