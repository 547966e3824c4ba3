package main

import (
	"sync"

	"github.com/weirpool/weir"
)

// A journal keeps the events of all pools in the order in which they were told.
type journal struct {
	mu     sync.Mutex // guards the field below
	events []weir.Event
}

// Observe implements weir.Observer.
func (j *journal) Observe(e weir.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

// of returns a pool's events of one kind.
func (j *journal) of(pool string, kind weir.EventKind) []weir.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []weir.Event
	for _, e := range j.events {
		if e.Pool == pool && e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}
