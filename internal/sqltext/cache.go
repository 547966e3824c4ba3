package sqltext

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

const (
	cacheSlots   = 2048 // a power of two
	cacheTextMax = 2048 // bytes; longer texts are classified each time
)

// A Cache remembers what [Classify] said of the texts seen last: 2,048 texts of at most 2 KB each, so it holds at most about
// 5 MB. Longer texts are classified each time. A text may push another one out at any time. All methods may be called at the
// same time.
type Cache struct {
	seed  maphash.Seed
	slots [cacheSlots]atomic.Pointer[cached]
}

// cached is never changed once it is in a slot.
type cached struct {
	text      string
	modes     Modes
	statement Statement
}

// NewCache returns an empty cache.
func NewCache() *Cache {
	return &Cache{seed: maphash.MakeSeed()}
}

// Classify is like the function [Classify]. The result is shared and must not be changed.
func (c *Cache) Classify(text string, m Modes) *Statement {
	if len(text) > cacheTextMax {
		s := Classify(text, m)
		return &s
	}
	slot := &c.slots[(maphash.String(c.seed, text)^uint64(m))%cacheSlots]
	if e := slot.Load(); e != nil && e.modes == m && e.text == text {
		return &e.statement
	}
	e := &cached{text: strings.Clone(text), modes: m}
	e.statement = Classify(e.text, m)
	slot.Store(e)
	return &e.statement
}
