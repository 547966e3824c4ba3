// Package weir is an embeddable, typed resource pool for connections that break, age and change roles behind their
// owner's back.
//
//	pool, err := weir.New(ctx, weir.Factory[net.Conn]{Open: dial, Close: net.Conn.Close, Check: ping},
//		weir.WithName("billing"), weir.WithMaxOpen(32), weir.WithMinIdle(10), weir.WithMaxWait(time.Second))
//	if err != nil { ... }
//	defer pool.Close(ctx)
//
//	lease, err := pool.Acquire(ctx)
//	if err != nil { ... }
//	defer lease.Release()
//	use(lease.Value())
//
// Package mysqlpool builds on it for MySQL, and weirprom shows it to Prometheus. This package imports the standard library only.
//
// # The life of a resource
//
// A resource is opening, then idle, in use, being checked, and at last closing. Opening, checking and closing run in
// goroutines of the pool, never in a caller's: a caller waits for the pool, in order of arrival, and takes whichever
// comes first, a resource that was returned or one that was opened.
//
// A governor decides how many opens run. It looks how fast resources come back, and opens only for those waiters who would
// otherwise wait longer than an open takes. [WithMaxOpening] is a hard cap; after a failure opens pause, with a back-off,
// and start again one at a time, then two, then four. An open that takes much longer than usual does not hold up the next.
//
// A resource is looked at when it is lent: is it too old, of an earlier generation, to be retired? Then Probe, which costs
// no round trip. If its last check is longer ago than [WithCheckWindow] it is checked before it is lent. In that time
// the caller is an ordinary waiter, so a check that hangs costs the resource and not the caller. A periodic sweep checks the
// idle ones a few at a time, replaces what grows old, keeps MinIdle up and trims what is idle for too long.
//
// A resource that was given back can be cleaned before it is lent again. Dirty says whether it has to be, and Clean does it in a goroutine of
// the pool, while others are lent. What cannot be cleaned is closed.
//
// # The life of a lease
//
// [Pool.Acquire] gives a lease, which ends once: by [Lease.Release], [Lease.Discard] or [Lease.Finish]. Ending it a second time
// is noticed, counted, logged, and harmless. The pool itself ends a lease in two cases only, both at the user's word:
// [WithReclaimAfter] and a [Pool.Close] whose context ended.
//
// A holder may say what it uses the resource for, [Lease.Note], which errors and logs then tell, and leave a label on it,
// [Lease.Label], by which [Pool.AcquirePreferring] finds it again. [Lease.Again] lends what a lease had once more, if nothing
// has used it since.
//
// # Which limit wins
//
//	MaxOpen over MinIdle            idle resources are opened only where MaxOpen leaves room
//	MaxLifetime over MinIdle        a resource that is too old is never lent; its successor is opened before, if there is room
//	the caller's context, MaxWait   whichever ends first ends the wait; the error tells which
//	MaxWait over checks             the time a check takes is part of the wait
//	MaxWait over back-off           while callers wait, opens that are refused are tried at least every 0.1 s, others every quarter of MaxWait
//
// # Errors
//
//	[*ExhaustedError]   nothing could be lent in time, with everything that explains it; matches [ErrExhausted]
//	[ErrClosed]         the pool is closed
//	[*CloseError]       leases were taken back by force
//	[*PanicError]       a function of the factory panicked
//	[ErrTimeout]        an open, check or close was given up on
//	[ErrWrongRole], [ErrBroken], [ErrPermanent]   given by factories and users, to tell the pool something
//
// # Locks and goroutines
//
// One mutex guards everything that changes. It is never held while a function of the factory, an observer or a logger runs,
// nor while anything blocks. Two things are done without it. Callers who would only be put at the end of the queue put
// themselves on a stack from which whoever holds the mutex brings them over; and whoever returns a resource wakes the waiter that
// got it after letting the mutex go. Times are kept by a coarse clock (10 ms) that stands still while the pool is not used;
// MaxWait, opens and checks are timed exactly, waits and uses too unless there are many: then one in 64. One goroutine sweeps;
// opens, checks and closes have one each.
//
// # Glossary
//
//	check        may this resource be lent? asked of the resource itself, on open, on acquire and while idle
//	clean        to make a resource what its next holder may have
//	probe        the look at a resource that needs no answer from elsewhere
//	retire       to take a resource out for good
//	recycle      to replace a resource because of its age
//	sweep        the periodic pass in the background
//	label        a number on a resource that says what it is good for
//	note         what a holder says it uses a resource for
//	generation   a number that moves when everything open must be replaced, see [Pool.EvictAll] and [Demoted]
//	demoted      what a resource leads to has lost the wanted role
package weir
