package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// guests are the connections that the demo used, by the numbers that their servers gave them.
type guests struct {
	mu  sync.Mutex // guards the field below
	ids map[uint64]bool
}

// query keeps a connection busy for d and notes its number.
func (g *guests) query(ctx context.Context, conn *sql.Conn, d time.Duration) error {
	var id uint64
	var slept int
	statement := fmt.Sprintf("SELECT CONNECTION_ID(), SLEEP(%.3f)", d.Seconds())
	if err := conn.QueryRowContext(ctx, statement).Scan(&id, &slept); err != nil {
		return err
	}
	g.note(id)
	return nil
}

func (g *guests) note(id uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ids == nil {
		g.ids = map[uint64]bool{}
	}
	g.ids[id] = true
}

func (g *guests) list() []uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Sorted(maps.Keys(g.ids))
}
