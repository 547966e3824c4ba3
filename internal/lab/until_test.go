package lab_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir/internal/lab"
)

func TestUntilAsksAgainAfterNoAndAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		err := lab.Until(t.Context(), "the third time", func(context.Context) (bool, error) {
			asked++
			if asked == 2 {
				return false, errors.New("down")
			}
			return asked == 3, nil
		})
		if err != nil || asked != 3 {
			t.Errorf("got %v after %d questions, want none after 3", err, asked)
		}
	})
}

func TestUntilIsBoundedAndNamesWhatItWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		down := errors.New("down")
		err := lab.Until(t.Context(), "the server answers", func(context.Context) (bool, error) { return false, down })
		if got := time.Since(begun); got != 30*time.Second {
			t.Errorf("waited %v, want 30s", got)
		}
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, down) || !strings.Contains(err.Error(), "until the server answers") {
			t.Errorf("got %v, want what was waited for, the deadline and the last error", err)
		}
	})
}

func TestUntilKeepsTheErrorFromBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		down := errors.New("down")
		err := lab.Until(ctx, "it works", func(ctx context.Context) (bool, error) {
			if time.Until(deadline(ctx)) < 500*time.Millisecond {
				<-ctx.Done()
				return false, errors.New("no time left")
			}
			return false, down
		})
		if !errors.Is(err, down) {
			t.Errorf("got %v, want the error from before the end", err)
		}
	})
}

func deadline(ctx context.Context) time.Time {
	d, _ := ctx.Deadline()
	return d
}
