package mysqlpool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/weirpool/weir"
)

// A sleepyDriver makes connections that do nothing, each as alive as well says.
type sleepyDriver struct{ well error }

func (d sleepyDriver) Connect(context.Context) (driver.Conn, error) {
	return sleepyConn{d.well, nil}, nil
}
func (sleepyDriver) Driver() driver.Driver { return nil }

// A sleepyConn cannot be compared with ==.
type sleepyConn struct {
	well error
	_    []byte
}

func (sleepyConn) Prepare(string) (driver.Stmt, error)      { return nil, errors.New("no statements") }
func (sleepyConn) Close() error                             { return nil }
func (sleepyConn) Begin() (driver.Tx, error)                { return nil, errors.New("no transactions") }
func (c sleepyConn) ResetSession(ctx context.Context) error { return c.well }

func sleepyMaker(t *testing.T, well error) (*maker, *sql.Conn) {
	t.Helper()
	db := sql.OpenDB(sleepyDriver{well})
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := &maker{judge: new(judge), db: db, door: findDoor()}
	b.door.prove(conn)
	return b, conn
}

// busy occupies the connection until the returned function is called, as a statement does, and minds no cut socket.
func busy(t *testing.T, conn *sql.Conn) (leave func()) {
	t.Helper()
	inside, let, gone := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		conn.Raw(func(any) error {
			close(inside)
			<-let
			return nil
		})
	}()
	<-inside
	return func() {
		close(let)
		<-gone
	}
}

func TestDoorFitsThisDatabaseSQL(t *testing.T) {
	b, conn := sleepyMaker(t, nil)
	if b.door.shut.Load() {
		t.Fatal("the door is shut: every look has a goroutine of its own")
	}
	if !b.door.enter(conn, func(any) {}) {
		t.Error("the door did not open, and nobody is inside")
	}
	leave := busy(t, conn)
	if b.door.enter(conn, func(any) {}) {
		t.Error("the door opened while somebody was inside")
	}
	leave()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if b.door.enter(conn, func(any) {}) {
		t.Error("the door opened after the connection was given back")
	}
}

func TestDoorThatOpensTooEasilyIsShut(t *testing.T) {
	b, conn := sleepyMaker(t, nil)
	other, err := b.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	b.door.proveWith(other, func(f func(any)) bool { f(sleepyConn{}); return true })
	if !b.door.shut.Load() {
		t.Error("it let somebody in beside Raw, and is open")
	}
	if err := b.probe(conn); err != nil {
		t.Errorf("without a door: %v", err)
	}
	if !identical(sleepyConn{}, sleepyConn{}) || identical(sleepyConn{}, nil) {
		t.Error("connections without == are not told apart by their type")
	}
}

// Without a door nothing is known of what database/sql has in hand: each connection is then looked at in a goroutine of the pool, through Raw.
func TestWithoutADoorWhatComesBackIsLookedAtApart(t *testing.T) {
	b, conn := sleepyMaker(t, nil)
	if b.dirty(conn) || !b.vacated(t.Context(), conn) {
		t.Error("nothing is open on the connection, and it counts as dirty, or as in use")
	}
	leave := busy(t, conn)
	if !b.dirty(conn) || b.vacated(t.Context(), conn) {
		t.Error("somebody is inside, and the connection does not count as dirty, or as in use")
	}
	leave()
	b.door.shut.Store(true)
	if !b.dirty(conn) || !b.vacated(t.Context(), conn) {
		t.Error("without a door it is not looked at, or waited for")
	}
	if err := b.clean(t.Context(), conn, weir.Holder{}); err != nil {
		t.Errorf("there is nothing to clean: %v", err)
	}
}

func TestLookReturnsThoughSomebodyStaysInside(t *testing.T) {
	for name, prepare := range map[string]func(*maker){
		"door": func(*maker) {}, "no door": func(b *maker) { b.door.shut.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			b, conn := sleepyMaker(t, nil)
			prepare(b)
			leave := busy(t, conn)
			got := make(chan error, 1)
			go func() { got <- b.probe(conn) }()
			select {
			case err := <-got:
				if !errors.Is(err, errInUse) {
					t.Errorf("looked and found %v, want that it is in use", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("the look hangs, and with it Acquire, whatever its context and MaxWait say")
			}
			leave()
			if err := b.probe(conn); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestLookTellsWhatTheDriverSays(t *testing.T) {
	for _, shut := range []bool{false, true} {
		b, conn := sleepyMaker(t, driver.ErrBadConn)
		b.door.shut.Store(shut)
		if err := b.probe(conn); !errors.Is(err, driver.ErrBadConn) {
			t.Errorf("door shut %t: %v, want the driver's verdict", shut, err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if err := b.probe(conn); !errors.Is(err, sql.ErrConnDone) {
			t.Errorf("door shut %t, given back: %v, want %v", shut, err, sql.ErrConnDone)
		}
	}
}
