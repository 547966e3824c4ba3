package mysqlpool

import (
	"context"
	"fmt"
	"strconv"
)

// A number is what is known of LAST_INSERT_ID(): what it is for the session, as on a connection of its own, and whose the one is that
// the present backend would answer with. The zero number is that of a session that was just checked out.
type number struct {
	here  owner
	left  bool     // a statement of the session may have set it
	lost  bool     // the session's is known by no one, unless this backend knows it; otherwise it is value
	moved bool     // it is the session's here, and may have changed since it was value
	value uint64   //
	ids   *lastIDs // what answers on this backend said
}

// An owner is whose number a backend has.
type owner uint8

const (
	strangers owner = iota // another session's
	perhaps                // the session's if it is one of ids
	zeroed                 // the session's unless it is 0
	owns                   // the session's
)

// lastIDs are the latest four numbers that answers gave. An answer gives the number of a row also where the statement itself has
// named it, which leaves LAST_INSERT_ID() as it was.
type lastIDs struct {
	ids   [4]uint64
	n     uint8
	vague bool // there were others
}

// handOver says that the next backend is another one, or that others have used it.
func (n *number) handOver() {
	n.lost = n.lost || n.here == perhaps || n.moved
	n.here, n.moved = strangers, false
}

// known reports whether the session's number can be given to another backend.
func (n *number) known() bool {
	return !n.lost && !n.moved && (n.here == strangers || n.here == owns)
}

// answered notes what the answer to a statement said that may set the number.
func (n *number) answered(id uint64) {
	n.left = true
	switch n.here {
	case owns:
		n.moved = true
	case strangers:
		if n.ids == nil {
			n.ids = new(lastIDs)
		}
		*n.ids = lastIDs{}
		n.here = perhaps
		fallthrough
	case perhaps:
		if int(n.ids.n) == len(n.ids.ids) {
			n.ids.vague = true
		}
		n.ids.ids[n.ids.n%4] = id
		n.ids.n = min(n.ids.n+1, 4)
	}
}

// unsaid notes that a statement may have set the number, and did not say so.
func (n *number) unsaid() {
	switch n.here {
	case owns:
		n.moved = true
	case strangers:
		n.lost = true
	case perhaps:
		n.ids.vague = true
	}
}

// resolve asks the backend for its number where that settles what the session's is, and reports whether it is the session's from now on.
func (n *number) resolve(ctx context.Context, b *backend) (ok bool, err error) {
	if n.here == owns && !n.moved || n.here == strangers {
		return n.here == owns, nil
	}
	now, err := b.lastInsertID(ctx)
	if err != nil {
		return false, err
	}
	switch {
	case n.here == owns, n.here == zeroed && now != 0, n.here == perhaps && n.ids.has(now):
		n.here, n.value, n.lost, n.moved = owns, now, false, false
		return true, nil
	case n.here == zeroed, n.ids.vague, n.lost:
		return false, nil
	}
	return true, n.give(ctx, b, n.value) // no statement here has changed it
}

// give makes it the session's number.
func (n *number) give(ctx context.Context, b *backend, value uint64) error {
	if err := b.setLastInsertID(ctx, value); err != nil {
		return err
	}
	n.here, n.value, n.lost, n.moved = owns, value, false, false
	return nil
}

// clear makes it nobody's.
func (n *number) clear(ctx context.Context, b *backend) error {
	if err := b.setLastInsertID(ctx, 0); err != nil {
		return err
	}
	n.here, n.lost = zeroed, true
	return nil
}

func (l *lastIDs) has(id uint64) bool {
	for _, known := range l.ids[:l.n] {
		if known == id {
			return true
		}
	}
	return false
}

// lastInsertID asks for LAST_INSERT_ID().
func (b *backend) lastInsertID(ctx context.Context) (uint64, error) {
	row, err := b.ask(ctx, "SELECT LAST_INSERT_ID() LIMIT 1") // which overrides sql_select_limit
	if err != nil {
		return 0, err
	}
	if len(row) != 1 {
		return 0, fmt.Errorf("mysqlpool: LAST_INSERT_ID() has %d columns", len(row))
	}
	id, err := strconv.ParseUint(row[0].String, 10, 64)
	b.number, b.numbered = id, err == nil
	return id, err
}

// setLastInsertID makes LAST_INSERT_ID() that value, unless it is so.
func (b *backend) setLastInsertID(ctx context.Context, value uint64) error {
	if b.numbered && b.number == value {
		return nil
	}
	set := "SET @@session.last_insert_id = %d"
	if b.birth.vtgate { // which does not know that variable
		set = "SELECT LAST_INSERT_ID(%d)"
	}
	err := b.run(ctx, fmt.Sprintf(set, value))
	b.number, b.numbered = value, err == nil
	return err
}
