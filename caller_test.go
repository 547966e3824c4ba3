package weir_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

type lease = weir.Lease[*thing]

// hold acquires what must be there, or come.
func hold(t *testing.T, p *weir.Pool[*thing]) lease {
	t.Helper()
	l, err := p.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func holdMany(t *testing.T, p *weir.Pool[*thing], n int) []lease {
	t.Helper()
	var out []lease
	for range n {
		out = append(out, hold(t, p))
	}
	return out
}

func releaseAll(leases []lease) {
	for _, l := range leases {
		l.Release()
	}
}

// An answer is what a caller got, and when.
type answer struct {
	lease lease
	err   error
	took  time.Duration
}

// ask acquires in another goroutine, and returns when that one waits or has its answer. It must be called inside a bubble.
func ask(ctx context.Context, p *weir.Pool[*thing]) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		start := time.Now()
		l, err := p.Acquire(ctx)
		out <- answer{l, err, time.Since(start)}
	}()
	synctest.Wait()
	return out
}

// served waits for an answer that must be a lease.
func served(t *testing.T, from <-chan answer) answer {
	t.Helper()
	a := <-from
	if a.err != nil {
		t.Fatal(a.err)
	}
	return a
}

// exhausted waits for an answer that must be an ExhaustedError.
func exhausted(t *testing.T, from <-chan answer) (*weir.ExhaustedError, time.Duration) {
	t.Helper()
	a := <-from
	if a.err == nil {
		a.lease.Release()
		t.Fatal("a lease was given, want an error")
	}
	e, ok := errors.AsType[*weir.ExhaustedError](a.err)
	if !ok {
		t.Fatalf("got %v, want an ExhaustedError", a.err)
	}
	return e, a.took
}

func wantIs(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error %v does not match %v", err, target)
	}
}

func wantTook(t *testing.T, got, least, most time.Duration) {
	t.Helper()
	if got < least || got > most {
		t.Errorf("took %v, want %v to %v", got, least, most)
	}
}

// A recorder is an observer that remembers.
type recorder struct {
	mu     sync.Mutex // guards the fields below
	events []weir.Event
}

func (r *recorder) Observe(e weir.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// of returns the events of one kind so far.
func (r *recorder) of(k weir.EventKind) []weir.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []weir.Event
	for _, e := range r.events {
		if e.Kind == k {
			out = append(out, e)
		}
	}
	return out
}

// A logbook keeps what was logged, a line each.
type logbook struct {
	mu   sync.Mutex // guards the field below
	text bytes.Buffer
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logbook) option() weir.Option {
	return weir.WithLogger(slog.New(slog.NewTextHandler(b, nil)))
}

// with returns the lines that contain the text.
func (b *logbook) with(text string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for line := range strings.Lines(b.text.String()) {
		if strings.Contains(line, text) {
			out = append(out, line)
		}
	}
	return out
}

// closeNow closes by force.
func closeNow(p *weir.Pool[*thing]) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return p.Close(ctx)
}
