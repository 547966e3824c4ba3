package mysqlpool

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// An identity is by which number KILL QUERY reaches what runs on a connection, and on which server. CONNECTION_ID() tells that where the
// connection leads to the server itself. A proxy has numbers of its own: KILL QUERY with CONNECTION_ID() would end the statement of whoever
// has that number there.
type identity struct {
	id     string // "": nobody knows
	server string
	vtgate bool // the server is Vitess's
}

// askIdentity asks a connection for its number, and which server it leads to: names and numbers of connections are no proof.
const askIdentity = "SELECT CONNECTION_ID(), @@hostname, @@port, @@server_id"

// askVtgate asks vtgate which of its processes answers. The second half of a UUID of version 1 is the process's.
const askVtgate = "SELECT @@session_uuid"

// identify reads the answers to what [askIdentity] asks. What CONNECTION_ID() tells is compared with the number that the connection was
// greeted with. Where they differ there is a proxy, and vtgate is the only one that tells who it is.
func (b *backend) identify(ctx context.Context, version string, answers []sql.NullString) (identity, error) {
	id, server := answers[0].String, answers[1].String+":"+answers[2].String+"/"+answers[3].String
	greeted := b.socket.greeted.Load()
	vitess := strings.Contains(version, "Vitess")
	if !vitess && (greeted == 0 || greeted == lower(id)) {
		return identity{id: id, server: server}, nil
	}
	row, err := b.ask(ctx, askVtgate)
	switch {
	case isServerError(err), err == nil && (len(row) != 1 || len(row[0].String) != uuidLength):
		return identity{vtgate: vitess}, nil
	case err != nil:
		return identity{}, err
	case greeted == 0:
		return identity{vtgate: true}, nil
	}
	return identity{id: strconv.FormatUint(uint64(greeted), 10), server: "vtgate " + row[0].String[uuidProcess:], vtgate: true}, nil
}

const (
	uuidLength  = 36
	uuidProcess = 19 // where the clock sequence begins, which a process draws; the number of its machine follows
)

// lower are the 32 bits of a connection's number that a greeting has room for.
func lower(id string) uint32 {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return 0
	}
	return uint32(n)
}

var errNoIdentity = errors.New("mysqlpool: the connection leads through a proxy: KILL QUERY could end somebody else's statement")

// A greetedConn looks for the connection's number in the first packet, which is the server's.
type greetedConn struct {
	net.Conn
	number *atomic.Uint32
	head   []byte // of the packet, until it is found
	found  bool
}

// mostGreeting bounds how far the number is looked for: a server's version is short.
const mostGreeting = 512

func (c *greetedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.found {
		c.look(p[:n])
	}
	return n, err
}

func (c *greetedConn) look(p []byte) {
	c.head = append(c.head, p...)
	number, whole := greetingNumber(c.head)
	if !whole && len(c.head) < mostGreeting {
		return
	}
	c.number.Store(number)
	c.found, c.head = true, nil
}

// greetingNumber is the number in a greeting: after the packet's header, the protocol's version, and the server's version, which ends in
// a zero. whole tells that there is nothing more to look for.
func greetingNumber(head []byte) (number uint32, whole bool) {
	const header, protocol = 4, 10
	if len(head) <= header {
		return 0, false
	}
	if head[header] != protocol { // an error, for example
		return 0, true
	}
	end := bytes.IndexByte(head[header:], 0)
	if end < 0 || len(head) < header+end+1+4 {
		return 0, false
	}
	return binary.LittleEndian.Uint32(head[header+end+1:]), true
}

// A greetedSocket is one whose socket the driver can look at.
type greetedSocket struct {
	greetedConn
	syscall.Conn
}

// watchGreeting lets the number be seen as the driver reads it.
func watchGreeting(conn net.Conn, number *atomic.Uint32) net.Conn {
	if raw, ok := conn.(syscall.Conn); ok {
		return &greetedSocket{greetedConn{Conn: conn, number: number}, raw}
	}
	return &greetedConn{Conn: conn, number: number}
}
