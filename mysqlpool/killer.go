package mysqlpool

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"sync"
	"time"
)

// A killer ends statements on the server with KILL QUERY, over connections of its own that it opens when they are needed and keeps for a
// while. Without it a statement whose context has ended would go on on the server, where the pool's bound does not reach.
type killer struct {
	connector driver.Connector
	within    time.Duration // for one kill, dialling included
	places    chan struct{} // one for each kill under way
	turn      chan struct{} // whose turn it is

	mu     sync.Mutex // guards the fields below
	idle   []killing
	retire *time.Timer
	closed bool
}

// A killing is one of the killer's connections.
type killing struct {
	physical
	server string
}

const (
	// mostKillers bounds the killer's connections. One is not enough: on MariaDB a KILL QUERY can take seconds.
	mostKillers = 4
	// killsApart is how long a kill waits for the statement killed before to return. On MariaDB 10.11 five sleeping statements killed at
	// once stall the server for seconds in one of eight cases, one after the other in none of a hundred.
	killsApart = 20 * time.Millisecond
	// killOvertakes is how long a kill waits for its turn.
	killOvertakes = 100 * time.Millisecond
	// killerIdle is how long they are kept for the next kill.
	killerIdle = 10 * time.Second
)

func newKiller(connector driver.Connector, within time.Duration) *killer {
	return &killer{connector: connector, within: within, places: make(chan struct{}, mostKillers), turn: make(chan struct{}, 1)}
}

var (
	errKillerClosed = errors.New("mysqlpool: the connector is closed")
	errOtherServer  = errors.New("mysqlpool: the killer's connection leads to another server")
)

// kill returns when the server has answered: after that the kill cannot hit a later statement of the same connection. returned is closed
// when the statement has returned. The same number means another connection on another server: where the killer's own connections lead
// elsewhere by now, nothing is killed.
func (k *killer) kill(ctx context.Context, at birth, returned <-chan struct{}) error {
	wait := time.NewTimer(killOvertakes)
	defer wait.Stop()
	select {
	case k.turn <- struct{}{}:
		defer k.pass(returned)
	case <-wait.C:
	case <-returned:
		return nil
	}
	return k.send(ctx, at)
}

// pass lets the next one have its turn, in a while.
func (k *killer) pass(returned <-chan struct{}) {
	wait := time.NewTimer(killsApart)
	defer wait.Stop()
	select {
	case <-returned:
	case <-wait.C:
	}
	<-k.turn
}

func (k *killer) send(ctx context.Context, at birth) error {
	select {
	case k.places <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-k.places }()
	for {
		conn, fresh, err := k.take(ctx, at.server)
		if err != nil {
			return err
		}
		if conn.server != at.server {
			k.put(conn)
			return errOtherServer
		}
		_, err = conn.ExecContext(ctx, "KILL QUERY "+at.id, nil)
		if err == nil || isServerError(err) {
			k.put(conn)
			return err
		}
		conn.Close() // fails only to say goodbye
		if fresh || ctx.Err() != nil {
			return err
		} // it may have been idle for too long
	}
}

// take returns an idle connection to that server, or a fresh one to wherever it leads.
func (k *killer) take(ctx context.Context, server string) (conn killing, fresh bool, err error) {
	k.mu.Lock()
	closed := k.closed
	at := slices.IndexFunc(k.idle, func(c killing) bool { return c.server == server })
	if at >= 0 {
		conn = k.idle[at]
		k.idle = slices.Delete(k.idle, at, at+1)
	}
	k.mu.Unlock()
	switch {
	case at >= 0:
		return conn, false, nil
	case closed:
		return conn, false, errKillerClosed
	}
	conn, err = k.dial(ctx)
	return conn, true, err
}

func (k *killer) dial(ctx context.Context) (killing, error) {
	c, err := k.connector.Connect(ctx)
	if err != nil {
		return killing{}, err
	}
	b := &backend{}
	if b.conn, err = asPhysical(c); err != nil {
		return killing{}, err
	}
	row, err := b.ask(ctx, askServer)
	if err != nil || len(row) != 3 {
		c.Close() // adds nothing to why
		return killing{}, errors.Join(errOtherServer, err)
	}
	return killing{b.conn, serverOf(row)}, nil
}

// put keeps a connection for the next kill.
func (k *killer) put(conn killing) {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		conn.Close() // as above
		return
	}
	defer k.mu.Unlock()
	k.idle = append(k.idle, conn)
	if k.retire == nil {
		k.retire = time.AfterFunc(killerIdle, k.drop)
		return
	}
	k.retire.Reset(killerIdle)
}

// drop closes the idle connections.
func (k *killer) drop() {
	k.mu.Lock()
	idle := k.idle
	k.idle = nil
	k.mu.Unlock()
	for _, conn := range idle {
		conn.Close() // as above
	}
}

func (k *killer) close() {
	k.mu.Lock()
	k.closed = true
	if k.retire != nil {
		k.retire.Stop()
	}
	k.mu.Unlock()
	k.drop()
}
