package mysqlpool

import (
	"context"
	"errors"
	"strings"
)

// What is known of resets.
const (
	resetsUntried = iota
	resetsWork
	noResets
)

// reset resets b, if sessions can be reset at all. The first reset proves that: what the session has is gone after it.
func (s *source) reset(ctx context.Context, b *backend) error {
	switch s.resets.Load() {
	case resetsWork:
		return b.reset(ctx)
	case noResets:
		return errNoReset
	}
	err := b.proveReset(ctx)
	switch {
	case err == nil:
		s.resets.Store(resetsWork)
	case errors.Is(err, errNoReset):
		s.resets.Store(noResets)
	}
	return err
}

// proveReset resets a session that has something to lose. What the server's init_connect has set is lost, too, and cannot be set again: where
// there is one, sessions are not reset.
func (b *backend) proveReset(ctx context.Context) error {
	b.use.Lock()
	err := b.run(ctx, "SET @weir_reset = 1")
	b.use.Unlock()
	if err == nil {
		err = b.reset(ctx)
	}
	if err != nil {
		return err
	}
	b.use.Lock()
	defer b.use.Unlock()
	row, err := b.ask(ctx, "SELECT @weir_reset, @@init_connect")
	if isUnknownVariable(err) {
		row, err = b.ask(ctx, "SELECT @weir_reset, ''")
	}
	if err == nil && (len(row) != 2 || row[0].Valid || row[1].String != "") {
		return errNoReset
	}
	return err
}

// reset makes b's session what it was when it was opened: nothing of a borrower is left, and the prepared statements are gone. After an
// error b must not be used any more. A reset leaves the default database and the current role. The character sets become those of the
// handshake on MariaDB, and the server's on MySQL. All of it is said again, or looked at. What it leaves besides closes the connection:
// see Taints of [sqltext.Statement].
func (b *backend) reset(ctx context.Context) error {
	b.use.Lock()
	defer b.use.Unlock()
	b.uses++
	if err := resetConnection(ctx, b.conn); err != nil {
		return err
	}
	b.forget()
	if len(b.birth.statements) > 0 && b.birth.schema != "" { // they may read its tables
		if err := b.run(ctx, "USE "+quoteName(b.birth.schema)); err != nil {
			return err
		}
	}
	for _, statement := range b.birth.statements {
		if err := b.run(ctx, statement); err != nil {
			return err
		}
	}
	if err := b.run(ctx, "SET "+strings.Join(b.birth.charset, ", ")); err != nil {
		return err
	}
	ask := "SELECT DATABASE(), @@sql_mode"
	if b.birth.roles {
		ask += ", " + currentRole
	}
	row, err := b.ask(ctx, ask)
	if err != nil {
		return err
	}
	b.birth.sqlMode, b.birth.modes = row[1].String, b.birth.modes.With(row[1].String) // the server may have another default by now
	switch {
	case b.birth.roles && row[2].String != b.birth.role:
		return errNoRole
	case row[0].String == b.birth.schema:
		return nil
	case b.birth.schema == "":
		return errNoSchema
	}
	return b.run(ctx, "USE "+quoteName(b.birth.schema))
}

var errNoRole = errors.New("mysqlpool: a reset does not take the current role back")

// forget drops what was known of a session that has been reset: its state, and the statements that had been prepared in it.
func (b *backend) forget() {
	b.state, b.strange = nil, 0
	b.numbered = false
	b.pristine = nil // the server may have other defaults by now
	b.cache.clear()  // the server closed them
}

// rollback ends whatever transaction is open.
func (b *backend) rollback(ctx context.Context) error {
	b.use.Lock()
	defer b.use.Unlock()
	return b.run(ctx, "ROLLBACK")
}
