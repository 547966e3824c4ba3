package weir_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
)

var errRefused = errors.New("connection refused")

// A thing is a resource that knows who uses it and what has become of it.
type thing struct {
	id     int
	mu     sync.Mutex // guards the fields below
	sick   error      // what checks and probes say
	closed int
	users  int
}

func (th *thing) fall(err error) {
	th.mu.Lock()
	defer th.mu.Unlock()
	th.sick = err
}

func (th *thing) health() error {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.sick
}

func (th *thing) closes() int {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.closed
}

// A maker is a factory whose behaviour a test sets, before or between uses.
type maker struct {
	openTakes, closeTakes, checkTakes time.Duration

	tune func(*weir.Factory[*thing]) // changes the factory, if set

	mu         sync.Mutex // guards the fields below
	openErr    error
	onOpen     func(ctx context.Context, n int) error // called for the nth open
	onCheck    func(ctx context.Context, th *thing) error
	onClose    func(th *thing) error
	things     []*thing
	starts     []time.Time // of each open
	opening    int
	mostAtOnce int
	checks     int
}

func (m *maker) failOpens(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.openErr = err
}

func (m *maker) failChecks(hook func(ctx context.Context, th *thing) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onCheck = hook
}

func (m *maker) factory() weir.Factory[*thing] {
	f := weir.Factory[*thing]{Open: m.open, Close: m.close, Check: m.check}
	if m.tune != nil {
		m.tune(&f)
	}
	return f
}

// probed makes a factory look at each resource without a round trip when it is lent.
func probed(f *weir.Factory[*thing]) { f.Probe = (*thing).health }

// unchecked makes a factory that knows no check.
func unchecked(f *weir.Factory[*thing]) { f.Check = nil }

func (m *maker) open(ctx context.Context) (*thing, error) {
	m.mu.Lock()
	m.opening++
	m.starts = append(m.starts, time.Now())
	m.mostAtOnce = max(m.mostAtOnce, m.opening)
	n := len(m.things) + m.opening
	hook := m.onOpen
	m.mu.Unlock()
	err := wait(ctx, m.openTakes)
	if err == nil && hook != nil {
		err = hook(ctx, n)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opening--
	if err == nil {
		err = m.openErr
	}
	if err != nil {
		return nil, err
	}
	th := &thing{id: len(m.things) + 1}
	m.things = append(m.things, th)
	return th, nil
}

func (m *maker) close(th *thing) error {
	time.Sleep(m.closeTakes)
	th.mu.Lock()
	th.closed++
	th.mu.Unlock()
	m.mu.Lock()
	hook := m.onClose
	m.mu.Unlock()
	if hook != nil {
		return hook(th)
	}
	return nil
}

func (m *maker) check(ctx context.Context, th *thing) error {
	m.mu.Lock()
	m.checks++
	hook := m.onCheck
	m.mu.Unlock()
	if err := wait(ctx, m.checkTakes); err != nil {
		return err
	}
	if hook != nil {
		return hook(ctx, th)
	}
	return th.health()
}

func (m *maker) all() []*thing {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*thing(nil), m.things...)
}

// started returns when each open began.
func (m *maker) started() []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]time.Time(nil), m.starts...)
}

// most is how many opens ran at a time.
func (m *maker) most() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mostAtOnce
}

func (m *maker) checked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.checks
}

func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// newPool makes a pool that is closed, and found empty, when the test ends. It must be called inside the bubble.
func newPool(t *testing.T, m *maker, opts ...weir.Option) *weir.Pool[*thing] {
	t.Helper()
	p, err := weir.New(t.Context(), m.factory(), append([]weir.Option{weir.WithName("test"), quiet()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAndAudit(t, p, m) })
	return p
}

func quiet() weir.Option { return weir.WithLogger(slog.New(slog.DiscardHandler)) }

func closeAndAudit(t *testing.T, p *weir.Pool[*thing], m *maker) {
	t.Helper()
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if s := p.Stats(); s.Open != 0 || s.Opening != 0 || s.Waiting != 0 {
		t.Errorf("after Close: open %d, opening %d, waiting %d, want 0", s.Open, s.Opening, s.Waiting)
	}
	for _, th := range m.all() {
		if n := th.closes(); n != 1 {
			t.Errorf("resource %d was closed %d times, want once", th.id, n)
		}
	}
}
