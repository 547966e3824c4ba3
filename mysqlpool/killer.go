package mysqlpool

import (
	"context"
	"database/sql/driver"
	"errors"
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
	idle   []physical
	retire *time.Timer
	closed bool
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

var errKillerClosed = errors.New("mysqlpool: the connector is closed")

// kill returns when the server has answered: after that the kill cannot hit a later statement of the same connection. returned is closed
// when the statement has returned.
func (k *killer) kill(ctx context.Context, id string, returned <-chan struct{}) error {
	wait := time.NewTimer(killOvertakes)
	defer wait.Stop()
	select {
	case k.turn <- struct{}{}:
		defer k.pass(returned)
	case <-wait.C:
	case <-returned:
		return nil
	}
	return k.send(ctx, id)
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

func (k *killer) send(ctx context.Context, id string) error {
	select {
	case k.places <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-k.places }()
	for {
		conn, fresh, err := k.take(ctx)
		if err != nil {
			return err
		}
		_, err = conn.ExecContext(ctx, "KILL QUERY "+id, nil)
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

// take returns an idle connection or a fresh one.
func (k *killer) take(ctx context.Context) (conn physical, fresh bool, err error) {
	k.mu.Lock()
	n := len(k.idle)
	switch {
	case k.closed:
		err = errKillerClosed
	case n > 0:
		conn = k.idle[n-1]
		k.idle = k.idle[:n-1]
	}
	k.mu.Unlock()
	if conn != nil || err != nil {
		return conn, false, err
	}
	c, err := k.connector.Connect(ctx)
	if err != nil {
		return nil, true, err
	}
	conn, err = asPhysical(c)
	return conn, true, err
}

// put keeps a connection for the next kill.
func (k *killer) put(conn physical) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		conn.Close() // as above
		return
	}
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
	defer k.mu.Unlock()
	for _, conn := range k.idle {
		conn.Close() // as above
	}
	k.idle = nil
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
