package weir_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// audit fails the test when the books do not balance. It must be called inside the bubble.
func audit[T any](t *testing.T, p *weir.Pool[T]) {
	t.Helper()
	synctest.Wait()
	if err := weir.AuditSettled(p); err != nil {
		t.Fatal(err)
	}
}

// A pool with two idle and two lent resources passes the audit, and fails it after each fault: the audit is not blind.
func TestAuditFindsEveryFault(t *testing.T) {
	faults := []string{
		"list length", "unlinked resource", "torn link", "state", "index", "lost resource", "sequence of idle", "sequence of lent",
		"condemned idle", "order of idle", "order of lent", "surplus", "waiter beside idle", "opened", "retired", "acquired",
		"waits", "checks", "generation", "end", "aging", "aging of lent", "crowd", "waiter left behind",
	}
	for _, fault := range faults {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, &maker{}, weir.WithMinIdle(4), weir.WithMaxOpen(4))
				first := borrow(t, p)
				time.Sleep(time.Second) // so that resources differ in their times
				second := borrow(t, p)
				audit(t, p)
				if err := weir.Broken(p, fault); err == nil {
					t.Error("the audit found nothing")
				}
				audit(t, p)
				first.Release()
				second.Release()
				audit(t, p)
			})
		})
	}
}

func borrow[T any](t *testing.T, p *weir.Pool[T]) weir.Lease[T] {
	t.Helper()
	lease, err := p.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return lease
}
