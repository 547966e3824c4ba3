package main

import (
	"context"
	"fmt"
	"time"
)

// A pace says how fast the story goes: each of its times is multiplied by it.
type pace float64

// normalPace is for readers.
const normalPace pace = 1

func (p pace) of(d time.Duration) time.Duration { return time.Duration(float64(p) * float64(d)) }

// pause waits for d or until ctx ends, whichever is first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// until asks cond every few milliseconds until it answers true, for ten seconds at most.
func until(ctx context.Context, what string, cond func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		ok, err := cond()
		if ok && err == nil {
			return nil
		}
		if pause(ctx, 5*time.Millisecond) != nil {
			return fmt.Errorf("waiting until %s: %w (last answer: %v)", what, ctx.Err(), err)
		}
	}
}
