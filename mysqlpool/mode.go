package mysqlpool

import (
	"context"
	"fmt"
)

// A Mode is how long a session of [Open] keeps the backend it has borrowed.
type Mode uint8

const (
	// TransactionMode: for one statement or one transaction, and longer only if the session is pinned.
	TransactionMode Mode = iota
	// SessionMode: from the first statement until the session is checked in, which is when database/sql takes its connection back.
	SessionMode
)

// String returns "transaction" or "session".
func (m Mode) String() string {
	switch m {
	case TransactionMode:
		return "transaction"
	case SessionMode:
		return "session"
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

type modeKey struct{}

// ContextWithMode returns a context under which sessions work in that mode, whatever the connector's own: those that are checked
// out with it (db.Conn, db.BeginTx, each call of db), and those that run a statement with it, from then until they are checked in.
func ContextWithMode(ctx context.Context, m Mode) context.Context {
	return context.WithValue(ctx, modeKey{}, m)
}

// modeOf is the mode that ctx asks for, or otherwise.
func modeOf(ctx context.Context, otherwise Mode) Mode {
	if m, ok := ctx.Value(modeKey{}).(Mode); ok {
		return m
	}
	return otherwise
}
