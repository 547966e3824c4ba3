package benchmarks

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// forEachPeer runs a test on every peer that fits, each in fake time. Such a bubble's clock stands still while a goroutine
// waits for a mutex, so a peer that opens under its lock must not be given an Open that takes time.
func forEachPeer(t *testing.T, fits func(Peer) bool, test func(t *testing.T, peer Peer)) {
	for _, peer := range Peers() {
		if !fits(peer) {
			continue
		}
		t.Run(peer.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, peer) })
		})
	}
}

func every(Peer) bool        { return true }
func bounded(p Peer) bool    { return !p.Unbounded }
func unbounded(p Peer) bool  { return p.Unbounded }
func limited(p Peer) bool    { return !p.Unlimited }
func inOrder(p Peer) bool    { return p.FIFO }
func sideBySide(p Peer) bool { return !p.OpensLocked }

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
	forEachPeer(t, bounded, func(t *testing.T, peer Peer) {
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

func TestUnboundedPeersLetNobodyWait(t *testing.T) {
	forEachPeer(t, unbounded, func(t *testing.T, peer Peer) {
		p := openPeer(t, peer, Config{Max: 1, Open: Instant})
		if err := fill(p, 20); err != nil { // it returns when 20 were held at once
			t.Error(err)
		}
	})
}

func TestPeersBeginWithTheirIdleResources(t *testing.T) {
	forEachPeer(t, every, func(t *testing.T, peer Peer) {
		var opened atomic.Int64
		p := openPeer(t, peer, Config{Max: 8, Idle: 4, Open: func(context.Context) (*Resource, error) {
			opened.Add(1)
			return new(Resource), nil
		}})
		if got := opened.Load(); got != 4 {
			t.Errorf("%d were opened, want 4", got)
		}
		if peer.Unbounded {
			return // one that may forget what is idle keeps no promise about it
		}
		if err := p.Use(context.Background(), nothing); err != nil {
			t.Fatal(err)
		}
		if got := opened.Load(); got != 4 {
			t.Errorf("%d were opened after a use, want 4", got)
		}
	})
}

func TestPeersTellOfAnOpenThatFails(t *testing.T) {
	forEachPeer(t, every, func(t *testing.T, peer Peer) {
		refused := errors.New("refused")
		p, err := peer.Open(Config{Max: 2, Idle: 1, Open: func(context.Context) (*Resource, error) { return nil, refused }})
		if err == nil {
			p.Close()
			t.Error("a pool was opened without its idle resource")
		}
	})
}

func TestLimitEndsTheWait(t *testing.T) {
	forEachPeer(t, limited, func(t *testing.T, peer Peer) {
		p := openPeer(t, peer, Config{Max: 1, Idle: 1, MaxWait: time.Second, Open: Instant})
		letGo := holdOne(t, p)
		start := time.Now()
		err := p.Use(context.Background(), nothing)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("got %v after %v, want the deadline after 1s", err, took)
		}
		letGo()
		if err := p.Use(context.Background(), nothing); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestPeersWithoutAPromiseSaySo(t *testing.T) {
	for _, peer := range Peers() {
		without := peer.Unlimited || peer.Unbounded || peer.OpensLocked || !peer.FIFO
		if without && peer.Lacks == "" {
			t.Errorf("%s lacks something and does not say so", peer.Name)
		}
		if peer.Unbounded && (peer.FIFO || !peer.Unlimited) {
			t.Errorf("%s: where nobody waits there is neither an order of service nor a limit", peer.Name)
		}
	}
}

func TestOrderOfServiceIsExactWhereItIsPromised(t *testing.T) {
	forEachPeer(t, inOrder, func(t *testing.T, peer Peer) {
		p := openPeer(t, peer, Config{Max: 1, Idle: 1, Open: Instant})
		letGo := holdOne(t, p)
		const callers = 200
		var arrived, served []int
		var queue sync.WaitGroup
		for i := range callers {
			arrived = append(arrived, i)
			queue.Go(func() {
				err := p.Use(context.Background(), func() { served = append(served, i) })
				if err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // this one waits, before the next arrives
		}
		letGo()
		queue.Wait()
		if !slices.Equal(served, arrived) {
			t.Errorf("served in the order %v", served)
		}
	})
}

func TestPeersOpenSideBySide(t *testing.T) {
	forEachPeer(t, sideBySide, func(t *testing.T, peer Peer) {
		p := openPeer(t, peer, Config{Max: 2, Open: func(ctx context.Context) (*Resource, error) {
			return new(Resource), pause(ctx, time.Second)
		}})
		start := time.Now()
		if err := fill(p, 2); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("two opens of 1s took %v, want 1s", took)
		}
	})
}

// holdOne takes the only resource of a pool, until letGo is called.
func holdOne(t *testing.T, p Pool) (letGo func()) {
	t.Helper()
	gate := make(chan struct{})
	var holder sync.WaitGroup
	holder.Go(func() {
		if err := p.Use(context.Background(), func() { <-gate }); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return func() {
		close(gate)
		holder.Wait()
	}
}
