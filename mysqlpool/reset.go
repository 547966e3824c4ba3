package mysqlpool

import (
	"context"
	"errors"
	"strings"
)

// reset makes b's session what it was when it was opened: nothing of a borrower is left, and the prepared statements are gone. After
// an error b must not be used any more. On MariaDB a reset leaves the default database, and the character sets become those of the
// handshake; MySQL documents the server's: all of it is said again.
func (b *backend) reset(ctx context.Context) error {
	b.use.Lock()
	defer b.use.Unlock()
	b.uses++
	if err := resetConnection(ctx, b.conn); err != nil {
		return err
	}
	b.forget()
	if err := b.run(ctx, "SET "+b.birth.charset); err != nil {
		return err
	}
	for _, statement := range b.birth.statements {
		if strings.HasPrefix(statement, "SET NAMES ") {
			continue // said
		}
		if err := b.run(ctx, statement); err != nil {
			return err
		}
	}
	if b.birth.schema != "" {
		return b.run(ctx, "USE "+quoteName(b.birth.schema))
	}
	if row, err := b.ask(ctx, "SELECT DATABASE()"); err != nil || len(row) != 1 || row[0].Valid {
		return errors.Join(errNoSchema, err)
	}
	return nil
}

// forget drops what was known of a session that has been reset: its state, and the statements that had been prepared in it.
func (b *backend) forget() {
	b.state, b.strange = nil, 0
	b.pristine = nil // the server may have other defaults by now
	b.cache.clear()  // the server closed them
}

// rollback ends whatever transaction is open.
func (b *backend) rollback(ctx context.Context) error {
	b.use.Lock()
	defer b.use.Unlock()
	return b.run(ctx, "ROLLBACK")
}
