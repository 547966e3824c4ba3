package mysqlpool

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/weirpool/weir"
)

// A killer ends statements on the server with KILL QUERY, over connections of its own that it opens when they are needed and keeps for a
// while. Without it a statement whose context has ended would go on on the server, where the pool's bound does not reach. Where the server
// lets nobody in it asks over an idle backend.
type killer struct {
	settings  *settings
	connector driver.Connector
	borrow    func() (weir.Lease[*backend], bool) // lends an idle backend of the pool
	within    time.Duration                       // for one kill, dialing included
	places    chan struct{}                       // one for each kill under way, and for each closing of an idle connection
	turn      chan struct{}                       // whose turn it is

	mu     sync.Mutex // guards the fields below
	idle   []killing
	busy   int // connections that are not idle, those being dialled and closed among them; with the idle ones at most as many as there are places
	retire *time.Timer
	closed bool
}

// A killing is one of the killer's connections.
type killing struct {
	physical
	server string
}

const (
	// mostKillers bounds the killer's connections, where they come on top of MaxOpen. One is not enough: on MariaDB a KILL QUERY can take seconds.
	mostKillers = 4
	// killsApart is how long a kill waits for the statement killed before to return. On MariaDB 10.11 five sleeping statements killed at
	// once stall the server for seconds in one of eight cases, one after the other in none of a hundred.
	killsApart = 20 * time.Millisecond
	// killOvertakes is how long a kill waits for its turn.
	killOvertakes = 100 * time.Millisecond
	// killDialAgain is the pause after the server has refused a kill's connection.
	killDialAgain = 20 * time.Millisecond
	// killerIdle is how long they are kept for the next kill.
	killerIdle = 10 * time.Second
)

// newKiller makes a killer that has at most as many connections as the settings say.
func newKiller(connector driver.Connector, s *settings, borrow func() (weir.Lease[*backend], bool)) *killer {
	return &killer{
		settings: s, connector: connector, borrow: borrow, within: s.killTimeout,
		places: make(chan struct{}, s.kills), turn: make(chan struct{}, 1),
	}
}

var (
	errKillerClosed = errors.New("mysqlpool: the connector is closed")
	errOtherServer  = errors.New("mysqlpool: the killer's connection leads to another server")
)

// kill returns when the server has answered: after that the kill cannot hit a later statement of the same connection. returned is closed
// when the statement has returned. The same number means another connection on another server: where the killer's own connections lead
// elsewhere by now, nothing is killed.
func (k *killer) kill(ctx context.Context, at identity, returned <-chan struct{}) error {
	if at.id == "" {
		return errNoIdentity
	}
	wait := time.NewTimer(killOvertakes)
	defer wait.Stop()
	select {
	case k.turn <- struct{}{}:
		defer k.pass(returned)
	case <-wait.C:
	case <-returned:
		return nil
	}
	return k.send(ctx, at, returned)
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

// send asks over a connection of the killer's own. One that does not get in leaves it to an idle backend. A full server is tried again, and one that
// refuses a password that may just have been replaced. Where the refusal stays only an idle backend can help, as soon as there is one: what is
// cut could not be replaced.
func (k *killer) send(ctx context.Context, at identity, returned <-chan struct{}) error {
	select {
	case k.places <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-k.places }()
	var err error // of the latest dial
	for refused := false; ; {
		var sent bool
		if !refused {
			if sent, err = k.ask(ctx, at); sent {
				return err
			}
			refused = errors.Is(k.settings.failedOpen(err), weir.ErrPermanent)
		}
		if sent, err := k.askOverBackend(ctx, at); sent {
			return err
		}
		if !refused && Classify(err) != ServerFull && !k.settings.outdated(err) {
			return err
		}
		again := time.NewTimer(killDialAgain)
		select {
		case <-again.C:
		case <-returned:
			again.Stop()
			return nil
		case <-ctx.Done():
			again.Stop()
			return err
		}
	}
}

// ask kills over one of the killer's own connections. sent tells that the server has answered, or that no answer of another connection
// would say more.
func (k *killer) ask(ctx context.Context, at identity) (sent bool, err error) {
	for {
		conn, fresh, err := k.take(ctx, at.server)
		if err != nil {
			return false, err
		}
		if conn.server != at.server {
			k.put(conn)
			return false, errOtherServer
		}
		if !fresh && lookAt(conn.physical) != nil { // it was idle for too long
			k.end(conn)
			continue
		}
		_, err = conn.ExecContext(ctx, killQuery+at.id, nil)
		if err == nil || isServerError(err) {
			k.put(conn)
			return true, err
		}
		k.end(conn)
		if fresh || ctx.Err() != nil || !errors.Is(err, driver.ErrBadConn) { // it may be under way, and must not be repeated: it could come last
			return true, err
		}
	}
}

const killQuery = "KILL QUERY "

// askOverBackend kills over a backend of the pool, if one is idle that leads to that server.
func (k *killer) askOverBackend(ctx context.Context, at identity) (sent bool, err error) {
	lease, ok := k.borrow()
	if !ok {
		return false, nil
	}
	b := lease.Value()
	if b.birth.server != at.server {
		lease.Release()
		return false, nil
	}
	b.use.Lock()
	err = b.run(ctx, killQuery+at.id)
	b.use.Unlock()
	if err == nil || isServerError(err) {
		lease.Release()
		return true, err
	}
	discard(lease)
	return true, err
}

// take returns an idle connection to that server, or a fresh one to wherever it leads. Where there is no room for it one that leads elsewhere
// is closed before.
func (k *killer) take(ctx context.Context, server string) (conn killing, fresh bool, err error) {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return conn, false, errKillerClosed
	}
	at := slices.IndexFunc(k.idle, func(c killing) bool { return c.server == server })
	fresh = at < 0
	crowded := fresh && len(k.idle)+k.busy == cap(k.places)
	if crowded {
		at = 0
	}
	if at >= 0 {
		conn = k.idle[at]
		k.idle = slices.Delete(k.idle, at, at+1)
	}
	k.busy++
	k.mu.Unlock()
	if !fresh {
		return conn, false, nil
	}
	if crowded {
		conn.Close() // fails only to say goodbye
	}
	if conn, err = k.dial(ctx); err != nil {
		k.mu.Lock()
		k.busy--
		k.mu.Unlock()
	}
	return conn, true, err
}

func (k *killer) dial(ctx context.Context) (killing, error) {
	b := &backend{}
	c, err := k.connector.Connect(context.WithValue(ctx, socketKey{}, &b.socket))
	if err != nil {
		return killing{}, err
	}
	if b.conn, err = asPhysical(c); err != nil {
		c.Close() // adds nothing to why
		return killing{}, err
	}
	row, err := b.ask(ctx, askIdentity)
	var is identity
	if err == nil && len(row) == 4 {
		is, err = b.identify(ctx, "", row)
	}
	if err != nil || is.server == "" {
		c.Close() // as above
		return killing{}, errors.Join(errOtherServer, err)
	}
	return killing{b.conn, is.server}, nil
}

// put keeps a connection for the next kill.
func (k *killer) put(conn killing) {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		k.end(conn)
		return
	}
	defer k.mu.Unlock()
	k.busy--
	k.idle = append(k.idle, conn)
	if k.retire == nil {
		k.retire = time.AfterFunc(killerIdle, k.drop)
		return
	}
	k.retire.Reset(killerIdle)
}

// end closes a connection that was taken.
func (k *killer) end(conn killing) {
	conn.Close() // fails only to say goodbye
	k.mu.Lock()
	defer k.mu.Unlock()
	k.busy--
}

// drop closes the idle connections, as far as no kill is about to use them.
func (k *killer) drop() {
	for {
		select {
		case k.places <- struct{}{}: // until it is closed it takes its place
		default:
			return
		}
		k.mu.Lock()
		if len(k.idle) == 0 {
			k.mu.Unlock()
			<-k.places
			return
		}
		conn := k.idle[0]
		k.idle = k.idle[1:]
		k.busy++
		k.mu.Unlock()
		k.end(conn)
		<-k.places
	}
}

// close closes all but what kills are using, which they close.
func (k *killer) close() {
	k.mu.Lock()
	k.closed = true
	if k.retire != nil {
		k.retire.Stop()
	}
	idle := k.idle
	k.idle = nil
	k.busy += len(idle)
	k.mu.Unlock()
	for _, conn := range idle {
		k.end(conn)
	}
}
