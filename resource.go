package weir

import "sync/atomic"

// A state is where a resource stands; each has a list of its own in the pool, so that counting is reading lengths.
type state uint8

const (
	idle     state = iota // lendable, most recently used first
	inUse                 // lent, longest first
	checking              // under a check, for a caller or while idle
	closing               // taken out for good, Close still runs
	states
)

// A resource is what the pool knows of one T. All fields but value, pool, id and revoked are guarded by the pool's mu;
// the holder of a lease may read seq, which nobody changes while the lease lasts.
type resource[T any] struct {
	value T
	pool  *Pool[T]
	id    uint64

	prev, next *resource[T] // in the list of its state

	index int    // in Pool.all
	gen   uint64 // the pool's generation when its opening began
	seq   uint64 // odd while lent; a lease is good as long as its own copy equals this. A check moves it by two

	born      int64 // these are times of the pool's clock
	expires   int64
	idleSince int64
	checked   int64  // last passed a check
	cleared   uint64 // of how many of the pool's doubts, by the start of that check
	lentAt    int64
	waited    int64 // by its holder, as far as that was counted

	terms     uint64 // those of the pool under which it was found fit
	goodUntil int64

	timing    timing // of this lease
	condemned bool   // to be retired on the next occasion, for the reason beside
	reason    Reason
	aging     bool // counted in the governor as soon too old
	discarded bool // its last lease was ended by Discard or a verdict
	leaked    bool // reported as leaked
	dropped   bool // its lease was dropped without Release
	gone      bool // Close returned or was given up on
	state     state

	revoked atomic.Bool // taken back by force: the only change while a lease lasts
	label   uint64      // put on it by a holder, 0 none
	trace   *trace      // of its holder; nil until there is something to keep
	token   *token      // while not lent; see leak.go
}

// A list holds the resources of one state. The zero value is an empty list.
type list[T any] struct {
	front, back *resource[T]
	len         int
}

func (l *list[T]) pushFront(r *resource[T]) {
	r.prev, r.next = nil, l.front
	if l.front != nil {
		l.front.prev = r
	} else {
		l.back = r
	}
	l.front = r
	l.len++
}

func (l *list[T]) pushBack(r *resource[T]) {
	r.prev, r.next = l.back, nil
	if l.back != nil {
		l.back.next = r
	} else {
		l.front = r
	}
	l.back = r
	l.len++
}

// insertByIdle puts r where the list stays ordered by idleSince, latest first. It looks from both ends: r belongs near one.
func (l *list[T]) insertByIdle(r *resource[T]) {
	newer, older := l.back, l.front
	for newer != nil && newer.idleSince < r.idleSince && older.idleSince > r.idleSince {
		newer, older = newer.prev, older.next
	}
	switch {
	case older == nil || older.idleSince <= r.idleSince:
		l.insertBefore(older, r)
	default:
		l.insertBefore(newer.next, r)
	}
}

// insertBefore puts r before at, or at the back if at is nil.
func (l *list[T]) insertBefore(at, r *resource[T]) {
	switch at {
	case nil:
		l.pushBack(r)
	case l.front:
		l.pushFront(r)
	default:
		r.prev, r.next = at.prev, at
		at.prev.next = r
		at.prev = r
		l.len++
	}
}

// popFront takes the first one out; there must be one.
func (l *list[T]) popFront() {
	r := l.front
	l.front = r.next
	if r.next != nil {
		r.next.prev = nil
		r.next = nil
	} else {
		l.back = nil
	}
	l.len--
}

func (l *list[T]) remove(r *resource[T]) {
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		l.front = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		l.back = r.prev
	}
	r.prev, r.next = nil, nil
	l.len--
}
