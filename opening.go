package weir

import (
	"context"
	"fmt"
)

// An opening is one call of Open under way. Its end is told once, under mu.
type opening struct {
	prev, next *opening // in the pool's list

	started int64
	gen     uint64
	doubts  uint64 // the pool's, when it began
	cancel  context.CancelCauseFunc
	gaveWay bool // cancelled in favour of a new attempt
	ended   bool
	checked bool // the check on open returned
	closed  bool // its value is, or is being, closed
}

var errGaveWay = fmt.Errorf("%w: all opens hang, this one gave way to a new attempt", ErrTimeout)

// openings are those under way, oldest in front. There may be as many as MaxOpen.
type openings struct {
	front, back *opening
	len         int
	givingWay   int // how many of them were told to
}

func (l *openings) add(o *opening) {
	o.prev = l.back
	if l.back == nil {
		l.front = o
	} else {
		l.back.next = o
	}
	l.back = o
	l.len++
}

func (l *openings) remove(o *opening) {
	if o.prev == nil {
		l.front = o.next
	} else {
		o.prev.next = o.next
	}
	if o.next == nil {
		l.back = o.prev
	} else {
		o.next.prev = o.prev
	}
	o.prev, o.next = nil, nil
	l.len--
	if o.gaveWay {
		l.givingWay--
	}
}

// giveWay ends o, for a new attempt to take its place.
func (l *openings) giveWay(o *opening) {
	o.gaveWay = true
	l.givingWay++
	o.cancel(errGaveWay)
}
