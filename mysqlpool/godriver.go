package mysqlpool

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"time"
	"unsafe"

	"github.com/go-sql-driver/mysql"
)

// This file is all that is known of go-sql-driver beyond what it exports: which interfaces its connection has, in which private
// field it keeps the status flags of the server's last answer, and where its network connection is. What is private is looked for by
// name and type and done without where it is not found; the status flags and resets are proved on a real connection before they are
// relied upon, and a wrong guess of the server's kind costs a round trip.

// A physical is a connection of go-sql-driver: all the optional interfaces it implements.
type physical interface {
	driver.Conn
	driver.Pinger
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

func asPhysical(c driver.Conn) (physical, error) {
	p, ok := c.(physical)
	if !ok {
		return nil, fmt.Errorf("mysqlpool: connection of type %T lacks interfaces that go-sql-driver's has: limit is go-sql-driver/mysql itself", c)
	}
	return p, nil
}

// Status flags of the protocol.
const (
	flagInTransaction     = 1 << 0
	flagAutocommit        = 1 << 1
	flagNoBackslashEscape = 1 << 9
)

// statusOf reads the status flags that the server sent with its last answer that was not an error. Reading a private number by
// reflection needs no unsafe, costs 7 ns, and works under TLS and compression.
func statusOf(c physical, field int) uint16 {
	return uint16(reflect.ValueOf(c).Elem().Field(field).Uint())
}

// statusField is the index of the field that statusOf reads, or below 0 if there is none that looks right.
func statusField(c physical) int {
	t := reflect.TypeOf(c)
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return noStatus
	}
	f, ok := t.Elem().FieldByName("status")
	if !ok || f.Type.Kind() != reflect.Uint16 || len(f.Index) != 1 {
		return noStatus
	}
	return f.Index[0]
}

const noStatus = -1

// proveStatus finds the field of the status flags and tries it: a transaction must show, and its end.
func proveStatus(ctx context.Context, c physical) (int, error) {
	field := statusField(c)
	if field == noStatus {
		return noStatus, nil
	}
	for _, step := range []struct {
		statement string
		want      uint16
	}{{"START TRANSACTION", flagInTransaction}, {"ROLLBACK", 0}} {
		if _, err := c.ExecContext(ctx, step.statement, nil); err != nil {
			return noStatus, fmt.Errorf("mysqlpool: trying the status flags: %w", err)
		}
		if statusOf(c, field)&flagInTransaction != step.want {
			return noStatus, nil
		}
	}
	return field, nil
}

// greetedAsMariaDB reports whether the server did not set a capability that all of MySQL's do and MariaDB's since 10.2 do not. A wrong
// answer costs a round trip, nothing else.
func greetedAsMariaDB(dc any) bool {
	v := reflect.ValueOf(dc)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return false
	}
	f := v.Elem().FieldByName("capabilities")
	return f.IsValid() && f.Kind() == reflect.Uint32 && f.Uint() != 0 && f.Uint()&flagMySQL == 0
}

const flagMySQL = 1 << 0 // CLIENT_MYSQL, which was CLIENT_LONG_PASSWORD

// insertIDOf is the number that the last answer gave for LAST_INSERT_ID(), or 0. Where a query ran, the driver shows it nowhere else.
func insertIDOf(c physical) int64 {
	v := reflect.ValueOf(c)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return 0
	}
	result := v.Elem().FieldByName("result")
	if !result.IsValid() || result.Kind() != reflect.Struct {
		return 0
	}
	ids := result.FieldByName("insertIds")
	if !ids.IsValid() || ids.Type() != reflect.TypeFor[[]int64]() || ids.Len() == 0 {
		return 0
	}
	return ids.Index(ids.Len() - 1).Int()
}

// keptColumns is where the driver keeps the columns of a statement's rows, so that the server need not send them each time (MariaDB). Its
// Exec waits for them all the same, for ever if there are fewer rows than columns.
type keptColumns struct{ field reflect.Value }

func keptColumnsOf(s driver.Stmt) (k keptColumns) {
	v := reflect.ValueOf(s)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return k
	}
	if f := v.Elem().FieldByName("columns"); f.IsValid() && f.Kind() == reflect.Slice {
		k.field = f
	}
	return k
}

// any reports whether there are any, from when the statement was prepared or from its last execution.
func (k keptColumns) any() bool { return k.field.IsValid() && k.field.Len() > 0 }

// networkOf is the connection that the driver reads from and writes to, TLS included, or nil if it cannot be told.
func networkOf(c physical) net.Conn { return privateConn(c, "netConn") }

// cutNetwork closes the network connection below everything, under whoever waits for it.
func cutNetwork(c physical) {
	if conn := privateConn(c, "rawConn"); conn != nil {
		conn.Close() // a failure means that it is closed already
	}
}

// privateConn reads a field that the driver sets while it connects and never after.
func privateConn(c physical, name string) net.Conn {
	v := reflect.ValueOf(c)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	f, ok := v.Elem().Type().FieldByName(name)
	if !ok || f.Type != reflect.TypeFor[net.Conn]() {
		return nil
	}
	return *(*net.Conn)(unsafe.Add(v.UnsafePointer(), f.Offset))
}

// configOf is what the driver made the connection with, or nil if it cannot be told. The driver does not change it any more.
func configOf(c physical) *mysql.Config {
	v := reflect.ValueOf(c)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	f, ok := v.Elem().Type().FieldByName("cfg")
	if !ok || f.Type != reflect.TypeFor[*mysql.Config]() {
		return nil
	}
	return *(**mysql.Config)(unsafe.Add(v.UnsafePointer(), f.Offset))
}

// compressed reports whether packets on the network are not plain ones.
func compressed(c physical) bool {
	v := reflect.ValueOf(c).Elem()
	f := v.FieldByName("compress")
	return !f.IsValid() || f.Kind() != reflect.Bool || f.Bool()
}

var (
	errNoReset      = errors.New("mysqlpool: the session cannot be reset on this connection")
	errResetRefused = errors.New("mysqlpool: the server refused to reset the session")
)

// resetConnection sends COM_RESET_CONNECTION, which the driver does not offer, between two of its commands, when nothing is on the
// wire and each command's packets are numbered anew. The driver's status flags are those of before until its next command.
func resetConnection(ctx context.Context, c physical) error {
	conn := networkOf(c)
	if conn == nil || compressed(c) {
		return errNoReset
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	const comResetConnection = 0x1f
	if _, err := conn.Write([]byte{1, 0, 0, 0, comResetConnection}); err != nil {
		return err
	}
	answer, err := readPacket(conn)
	if err != nil {
		return err
	}
	if answer[0] != 0 { // OK
		return errResetRefused
	}
	return conn.SetDeadline(time.Time{})
}

// readPacket reads one small packet's payload.
func readPacket(r io.Reader) ([]byte, error) {
	var header [4]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(header[:]) & 0xffffff
	if n == 0 || n > 1<<16 {
		return nil, fmt.Errorf("mysqlpool: reset was answered with %d bytes: limit is 1 to 65536", n)
	}
	payload := make([]byte, n)
	_, err := io.ReadFull(r, payload)
	return payload, err
}
