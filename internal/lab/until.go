package lab

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	untilEvery = 5 * time.Millisecond
	untilBound = 30 * time.Second
)

// Until asks cond every 5 ms until it answers true. An error of cond means "not
// yet" and is remembered. The wait ends with ctx, and after 30 s whatever ctx
// says; the error then names what was waited for and cond's last error.
func Until(ctx context.Context, what string, cond func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, untilBound)
	defer cancel()
	begun := time.Now()
	ticker := time.NewTicker(untilEvery)
	defer ticker.Stop()
	var last error
	for {
		ok, err := cond(ctx)
		if ok && err == nil {
			return nil
		}
		// What a cond says because its time is up hides what was wrong before.
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			waited := time.Since(begun).Round(time.Millisecond)
			return fmt.Errorf("lab: waited %v until %s: %w", waited, what, errors.Join(context.Cause(ctx), last))
		case <-ticker.C:
		}
	}
}
