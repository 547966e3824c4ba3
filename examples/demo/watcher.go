package main

import (
	"math"
	"sync"
	"time"
)

// A watcher looks at a figure about every millisecond. Its findings are there once it has stopped.
type watcher struct {
	least int
	looks int
	gap   time.Duration // the longest time between two looks

	done    chan struct{}
	looking sync.WaitGroup
}

func newWatcher(figure func() int) *watcher {
	w := &watcher{least: math.MaxInt, done: make(chan struct{})}
	w.looking.Go(func() { w.look(figure) })
	return w
}

func (w *watcher) look(figure func() int) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for last := time.Now(); ; {
		w.least, w.looks = min(w.least, figure()), w.looks+1
		now := time.Now()
		w.gap, last = max(w.gap, now.Sub(last)), now
		select {
		case <-ticker.C:
		case <-w.done:
			return
		}
	}
}

func (w *watcher) stop() {
	close(w.done)
	w.looking.Wait()
}
