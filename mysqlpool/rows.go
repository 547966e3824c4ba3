package mysqlpool

import (
	"context"
	"database/sql/driver"
	"io"
	"reflect"
	"slices"
	"time"

	"github.com/weirpool/weir"
)

// rows are the result of a query. Of a small one everything was read before its user sees it, and its backend is back in the pool; of a
// larger one the beginning was, and the backend goes back when the rows are read to the end or closed.
type rows struct {
	s       *session
	inner   driverRows
	columns []string
	ahead   aheadRows
	more    bool  // after those read ahead the backend has more rows of this result
	short   bool  // they were closed because their context ended
	err     error // what they end in, if not well

	b     *backend             // nil: it was given back
	lease weir.Lease[*backend] // the rows' own; zero: the session's
	other *rows                // of the session's streams
	watch *watch
	once  *statement
	ctx   context.Context // for the error if it ends
}

// driverRows are go-sql-driver's, with all that they implement.
type driverRows interface {
	driver.RowsNextResultSet
	driver.RowsColumnTypeScanType
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
}

var _ driverRows = (*rows)(nil)

// deliver gives the rows of c to the session's user, with the backend if it has more of them to send.
func (s *session) deliver(c *call) {
	r := c.rows
	r.s, r.ctx = s, c.ctx
	if !c.streams {
		s.con.counters.buffered.Add(1)
		return
	}
	var txCtx context.Context
	if s.inTx {
		txCtx = s.txCtx
	}
	r.b, r.watch = s.b, s.con.watchOver(c.ctx, txCtx, s.b)
	s.con.counters.streamed.Add(1)
	s.stream(r)
}

// fail makes rows end in err, after those that came before it.
func (r *rows) fail(s *session, c *call, err error) {
	r.s, r.ctx, r.err = s, c.ctx, err
}

// stream lets r hold the backend, together with the session if that must keep it, alone otherwise.
func (s *session) stream(r *rows) {
	if s.holds() != holdsNot {
		s.settle()
		s.open = r
		return
	}
	r.lease = s.lease
	r.other, s.streams = s.streams, r
	r.lease.Note(holdNotes[holdsRows])
	r.lease.Trace()
	s.trail.last, s.trail.uses = s.lease, s.b.uses
	s.lease, s.b, s.held = weir.Lease[*backend]{}, nil, holdsNot
}

// endStreams gives back what rows hold whose context has ended. database/sql closes them, too, but not before it gets the lock that the
// session's user of the moment has.
func (s *session) endStreams() {
	for r := s.streams; r != nil; r = r.other {
		if r.ctx.Err() != nil {
			r.abandon()
		}
	}
}

// abandon ends the lease of rows whose context has ended, and cuts the connection. The driver's buffer is left alone until database/sql
// closes the rows: their user may still look at raw bytes in it. Whoever reads on gets the context's error.
func (r *rows) abandon() {
	r.b.use.Lock()
	r.b.orphan = true
	r.b.use.Unlock()
	r.more, r.short = false, true
	discard(r.lease)
	r.s.endStream(r)
}

// endStream takes r out of the list.
func (s *session) endStream(r *rows) {
	for at := &s.streams; *at != nil; at = &(*at).other {
		if *at == r {
			*at = r.other
			return
		}
	}
}

// closeInner leaves what is left of the rows unread.
func (r *rows) closeInner() error {
	err := r.inner.Close()
	if r.once != nil {
		r.once.stmt.Close() // fails only if the connection does, and then the next use says so
		r.once = nil
	}
	return err
}

// drainLimit is how long closing rows may take to read those that nobody wants: then the statement is killed, and the connection cut if
// it is the rows' own. What they would still send may take longer than opening another one.
const drainLimit = 50 * time.Millisecond

// done ends what belongs to the rows and leaves what is left of them unread. late tells that their context had ended, cut that the
// connection was cut for it.
func (r *rows) done() (err error, late, cut bool) {
	w := r.watch
	own := r.lease.ID() != 0
	limit := time.AfterFunc(drainLimit, func() { w.fire(own) })
	err = r.closeInner()
	limit.Stop()
	r.b.spoilt = r.b.spoilt || r.b.birth.interrupted(err)
	late, cut = w.end()
	r.b.streams = false
	r.watch, r.b = nil, nil
	return err, late, cut
}

// give gives the backend back.
func (r *rows) give() error {
	b := r.b
	if b == nil {
		return nil
	}
	b.use.Lock()
	err, late, cut := r.done()
	if b.orphan {
		b.cache.clear()
		b.conn.Close() // cut before
		b.use.Unlock()
		return r.ctx.Err()
	}
	b.use.Unlock()
	s := r.s
	if s.open == r {
		s.open = nil
	}
	s.endStream(r)
	switch own := r.lease.ID() != 0; {
	case !own && s.b != b: // it was dropped meanwhile
	case !own && !b.alive():
		depends := s.depends(nil)
		if cut {
			s.lease = s.con.putDown(s.lease, b)
		}
		s.dropBackend(err)
		if depends {
			s.lose(nil, plainCause(err))
		}
	case !own:
		s.settle()
	case cut:
		s.con.putDown(r.lease, b)
	case !b.alive():
		discard(r.lease)
	default:
		s.con.giveBack(r.lease, b, nil)
	}
	if late {
		return r.ctx.Err()
	}
	if err != nil {
		return plainCause(err)
	}
	return nil
}

// Columns implements [driver.Rows].
func (r *rows) Columns() []string { return r.columns }

// Next implements [driver.Rows].
func (r *rows) Next(dest []driver.Value) error {
	if r.ahead.take(dest) {
		return nil
	}
	if !r.more {
		return r.over()
	}
	err := r.read(dest)
	if err == nil {
		return nil
	}
	r.more = false
	if err == io.EOF && r.inner.HasNextResultSet() {
		return err
	}
	closing := r.give()
	switch {
	case err == io.EOF && closing == nil:
		return io.EOF
	case r.ctx.Err() != nil:
		return r.ctx.Err()
	case err == io.EOF:
		return closing
	}
	return plainCause(err)
}

// over is what comes after the last row: the end, or the error of a context that cut the rows short.
func (r *rows) over() error {
	switch {
	case r.err != nil:
		return r.err
	case r.short:
		return r.ctx.Err()
	}
	return io.EOF
}

// read reads the next row from the backend.
func (r *rows) read(dest []driver.Value) error {
	r.b.use.Lock()
	defer r.b.use.Unlock()
	err := r.inner.Next(dest)
	r.b.spoilt = r.b.spoilt || r.b.birth.interrupted(err)
	return err
}

// Close implements [driver.Rows].
func (r *rows) Close() error {
	r.more = false
	r.ahead = aheadRows{}
	return r.give()
}

// HasNextResultSet implements [driver.RowsNextResultSet].
func (r *rows) HasNextResultSet() bool { return r.b != nil && r.inner.HasNextResultSet() }

// NextResultSet implements [driver.RowsNextResultSet].
func (r *rows) NextResultSet() error {
	r.ahead = aheadRows{}
	if r.b == nil {
		return io.EOF
	}
	r.b.use.Lock()
	defer r.b.use.Unlock()
	if err := r.inner.NextResultSet(); err != nil {
		r.more = false
		return plainCause(err)
	}
	r.columns, r.more = r.inner.Columns(), true
	return nil
}

// ColumnTypeScanType implements [driver.RowsColumnTypeScanType].
func (r *rows) ColumnTypeScanType(i int) reflect.Type { return r.inner.ColumnTypeScanType(i) }

// ColumnTypeDatabaseTypeName implements [driver.RowsColumnTypeDatabaseTypeName].
func (r *rows) ColumnTypeDatabaseTypeName(i int) string {
	return r.inner.ColumnTypeDatabaseTypeName(i)
}

// ColumnTypeNullable implements [driver.RowsColumnTypeNullable].
func (r *rows) ColumnTypeNullable(i int) (nullable, ok bool) { return r.inner.ColumnTypeNullable(i) }

// ColumnTypePrecisionScale implements [driver.RowsColumnTypePrecisionScale].
func (r *rows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	return r.inner.ColumnTypePrecisionScale(i)
}

// aheadRows are rows that were read before anybody asked for them.
type aheadRows struct {
	values []driver.Value // one row after the other
	width  int
	next   int
}

// read reads rows until there are no more, or one more than may be buffered. Bytes are copied: they are the driver's until its next read.
func (a *aheadRows) read(from driver.Rows, width, rowLimit, byteLimit int) (ended bool, err error) {
	a.width = width
	size := 0
	for n := 0; rowLimit > 0 && n <= rowLimit && size < byteLimit; n++ {
		start := len(a.values)
		if cap(a.values)-start < width {
			a.values = slices.Grow(a.values, max(2*width, start)) // a row and the look for the next
		}
		a.values = a.values[:start+width]
		row := a.values[start:]
		if err := from.Next(row); err != nil {
			a.values = a.values[:start]
			if err == io.EOF {
				return true, nil
			}
			return false, err
		}
		size += own(row)
	}
	return false, nil
}

// own makes the bytes of a row its own, in one piece, and returns about how large the row is.
func own(row []driver.Value) int {
	const word = 16
	size, length := len(row)*word, 0
	for _, v := range row {
		switch v := v.(type) {
		case []byte:
			length += len(v)
		case string:
			size += len(v)
		}
	}
	piece := make([]byte, 0, length)
	for i, v := range row {
		if b, ok := v.([]byte); ok && b != nil {
			start := len(piece)
			piece = append(piece, b...)
			row[i] = piece[start:len(piece):len(piece)]
		}
	}
	return size + length
}

// take hands out the next row, if one was read ahead.
func (a *aheadRows) take(dest []driver.Value) bool {
	if a.next >= len(a.values) {
		return false
	}
	copy(dest, a.values[a.next:a.next+a.width])
	a.next += a.width
	return true
}
