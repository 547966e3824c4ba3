package benchmarks

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// forEachPeer runs a test on every peer, each in fake time.
func forEachPeer(t *testing.T, test func(t *testing.T, peer Peer)) {
	for _, peer := range Peers() {
		t.Run(peer.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, peer) })
		})
	}
}

func openPeer(t *testing.T, peer Peer, c Config) Pool {
	t.Helper()
	p, err := peer.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestNoPeerLendsMoreThanItsMax(t *testing.T) {
	forEachPeer(t, func(t *testing.T, peer Peer) {
		var opened atomic.Int64
		var mu sync.Mutex
		held, most := 0, 0
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			held += n
			most = max(most, held)
		}
		p := openPeer(t, peer, Config{Max: 3, Idle: 1, Open: func(context.Context) (*Resource, error) {
			opened.Add(1)
			return new(Resource), nil
		}})
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				err := p.Use(context.Background(), func() {
					count(1)
					time.Sleep(time.Second)
					count(-1)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		if most != 3 || opened.Load() != 3 {
			t.Errorf("at most %d were held and %d opened, want 3 and 3", most, opened.Load())
		}
	})
}

func TestPeersBeginWithTheirIdleResources(t *testing.T) {
	forEachPeer(t, func(t *testing.T, peer Peer) {
		var opened atomic.Int64
		p := openPeer(t, peer, Config{Max: 8, Idle: 4, Open: func(context.Context) (*Resource, error) {
			opened.Add(1)
			return new(Resource), nil
		}})
		if err := p.Use(context.Background(), nothing); err != nil {
			t.Fatal(err)
		}
		if got := opened.Load(); got != 4 {
			t.Errorf("%d were opened, want 4", got)
		}
	})
}

func TestLimitEndsTheWait(t *testing.T) {
	forEachPeer(t, func(t *testing.T, peer Peer) {
		if peer.Unlimited {
			if peer.Lacks == "" {
				t.Error("a peer without limits does not say so")
			}
			return
		}
		p := openPeer(t, peer, Config{Max: 1, Idle: 1, MaxWait: time.Second, Open: Instant})
		gate := make(chan struct{})
		var holder sync.WaitGroup
		holder.Go(func() {
			if err := p.Use(context.Background(), func() { <-gate }); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		start := time.Now()
		err := p.Use(context.Background(), nothing)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("got %v after %v, want the deadline after 1s", err, took)
		}
		close(gate)
		holder.Wait()
		if err := p.Use(context.Background(), nothing); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
