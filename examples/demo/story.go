package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// A chapter shows one thing. Its end is one line that says what was shown.
type chapter struct {
	title string
	about string
	harm  string // why it is left out on a ground that is not a pair, or ""
	tell  func(context.Context, *story) error
	end   string
}

func chapters() []chapter {
	return []chapter{
		warmStart(), borrowing(), exhaustion(), killing(), demotion(), recycling(), leaking(), sessions(), givingUp(), closing(),
	}
}

// A story is what the chapters share.
type story struct {
	*screen
	ground ground
	pace   pace
	pools  *pools
	guests guests

	payments *mysqlpool.Pool // the pool of most chapters; the first one makes it

	kept, broken int // promises
}

var errBroken = errors.New("not every promise was kept")

func newStory(out *screen, p pace, g ground, m *metrics) *story {
	return &story{screen: out, ground: g, pace: p, pools: &pools{ground: g, metrics: m}}
}

// tell goes through all chapters. One that cannot go on ends the story.
func (s *story) tell(ctx context.Context) error {
	begun := time.Now()
	s.line(s.paint(bold, "weir, a connection pool: the demo"))
	s.say("It runs %s.", s.ground.introduction())
	s.say("Metrics are at %s while it runs; Ctrl-C ends it.", s.pools.metrics.url)
	for i, c := range chapters() {
		s.heading(fmt.Sprintf("%d. %s", i+1, c.title))
		if _, ok := s.ground.(pair); !ok && c.harm != "" {
			s.say("Left out here: %s.", c.harm)
			continue
		}
		s.say("%s", c.about)
		before := s.broken
		if err := s.chapter(ctx, c); err != nil {
			return fmt.Errorf("chapter %d, %s: %w", i+1, strings.ToLower(c.title), err)
		}
		if s.broken == before {
			s.line("   " + s.paint(bold, "=> "+c.end))
		}
	}
	s.line("")
	s.say("%d promises checked, %d broken, in %v.", s.kept+s.broken, s.broken, time.Since(begun).Round(100*time.Millisecond))
	if s.broken > 0 {
		return errBroken
	}
	return nil
}

// chapter tells one chapter and leaves a moment to read it.
func (s *story) chapter(ctx context.Context, c chapter) error {
	if err := pause(ctx, s.pace.of(time.Second)); err != nil {
		return err
	}
	err := c.tell(ctx, s)
	s.settle()
	if ctx.Err() != nil {
		return ctx.Err() // what else went wrong went wrong because of that
	}
	return err
}

// promise shows a figure and judges it.
func (s *story) promise(held bool, format string, args ...any) {
	s.claim(held, fmt.Sprintf(format, args...))
	if held {
		s.kept++
	} else {
		s.broken++
	}
}

// watch shows line again and again for d: every so often where each is a line more, and smoothly on a terminal.
func (s *story) watch(ctx context.Context, d, every time.Duration, line func() string) error {
	if s.terminal {
		every = s.pace.of(100 * time.Millisecond)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	ctx, cancel := context.WithTimeoutCause(ctx, d, errWatched)
	defer cancel()
	for {
		select {
		case <-ticker.C:
			s.rewrite(line())
		case <-ctx.Done():
			s.settle()
			if context.Cause(ctx) == errWatched {
				return nil
			}
			return ctx.Err()
		}
	}
}

var errWatched = errors.New("watched long enough")

// gauges is a pool at a glance.
func gauges(st weir.Stats) string {
	return fmt.Sprintf("open %d of %d | idle %d | in use %d | waiting %2d", st.Open, st.MaxOpen, st.Idle, st.InUse, st.Waiting)
}
