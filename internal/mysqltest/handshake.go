package mysqltest

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"slices"
)

// Capabilities of the protocol that this server knows.
const (
	capLongPassword    uint32 = 1 << 0
	capFoundRows       uint32 = 1 << 1
	capLongFlag        uint32 = 1 << 2
	capConnectWithDB   uint32 = 1 << 3
	capProtocol41      uint32 = 1 << 9
	capTransactions    uint32 = 1 << 13
	capSecureConn      uint32 = 1 << 15
	capMultiResults    uint32 = 1 << 17
	capPluginAuth      uint32 = 1 << 19
	capConnectAttrs    uint32 = 1 << 20
	capAuthLenenc      uint32 = 1 << 21
	capDeprecateEOF    uint32 = 1 << 24
	serverCapabilities        = capLongPassword | capFoundRows | capLongFlag | capConnectWithDB | capProtocol41 |
		capTransactions | capSecureConn | capMultiResults | capPluginAuth | capConnectAttrs | capAuthLenenc | capDeprecateEOF
)

const (
	authPlugin = "mysql_native_password"
	utf8mb4    = 45 // utf8mb4_general_ci
)

// challenge is what the client's password is mixed with. It is the same for all: tests gain nothing from chance.
const challenge = "weir-test-challenge!"

// login greets the client and lets it in, or not.
func (c *conn) login() bool {
	_, delay := c.server.delays()
	if c.pause(delay) == abandoned {
		return false
	}
	refusal := c.server.decide(c)
	if !refusal.isZero() && refusal.beforeGreeting() {
		return c.turnAway(&packets{}, refusal)
	}
	greeting := &packets{}
	greeting.add(c.greeting())
	if !c.send(greeting) {
		return false
	}
	var m message
	select {
	case m = <-c.inbox:
	case <-c.over:
		return false
	}
	if err := c.readLogin(m.body); refusal.isZero() {
		refusal = err
	}
	if !refusal.isZero() {
		return c.turnAway(answerTo(m), refusal)
	}
	if !c.await(c.server.hanging()) || !c.server.enter(c) {
		return false
	}
	answer := answerTo(m)
	answer.addOK(0, 0, 0, c.session.status())
	return c.send(answer)
}

// turnAway ends the attempt on the books, then tells the client.
func (c *conn) turnAway(p *packets, e Error) bool {
	p.addError(e)
	if c.await(c.server.hanging()) && c.server.swallowing() == nil && c.server.end(c, false) {
		c.nc.Write(p.buf)
		c.nc.Close()
	}
	return false
}

// decide says how an attempt to connect goes, as far as it does not depend on the login.
func (s *Server) decide(c *conn) Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &s.faults
	switch {
	case len(f.nextErrors) > 0:
		e := f.nextErrors[0]
		f.nextErrors = f.nextErrors[1:]
		return e
	case !f.connectError.isZero():
		return f.connectError
	case f.maxConns > 0 && s.takenLocked(c) >= f.maxConns:
		return NewError(CodeTooManyConnections)
	}
	c.greeted = true
	return Error{}
}

// takenLocked counts the connections besides c that hold one of max_connections.
func (s *Server) takenLocked(c *conn) int {
	n := 0
	for other := range s.conns {
		if other != c && other.greeted {
			n++
		}
	}
	return n
}

// enter makes an attempt a session; false means that the connection ended first.
func (s *Server) enter(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.phase != dialing {
		return false
	}
	c.phase = open
	s.books.sessionBegins()
	return true
}

// greeting is the server's first packet, protocol version 10.
func (c *conn) greeting() []byte {
	version, capabilities := c.server.config.Version, serverCapabilities
	if c.server.config.mariaDB() {
		version = "5.5.5-" + version // MariaDB 10 does this for old replicas
		capabilities &^= capLongPassword
	}
	b := append([]byte{10}, version...)
	b = binary.LittleEndian.AppendUint32(append(b, 0), c.thread)
	b = append(b, challenge[:8]...)
	b = append(b, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(capabilities&0xffff))
	b = append(b, utf8mb4)
	b = binary.LittleEndian.AppendUint16(b, c.session.status())
	b = binary.LittleEndian.AppendUint16(b, uint16(capabilities>>16))
	b = append(b, byte(len(challenge)+1))
	b = append(b, make([]byte, 10)...)
	b = append(b, challenge[8:]...)
	b = append(b, 0)
	return append(append(b, authPlugin...), 0)
}

// readLogin takes the client's answer to the greeting into the session and says what is wrong with it.
func (c *conn) readLogin(body []byte) Error {
	in := cursor{rest: body}
	caps := uint32(in.uint(4)) & serverCapabilities
	in.bytes(4 + 1 + 23) // largest packet, character set, filler
	user := in.text()
	var proof string
	if caps&capAuthLenenc != 0 {
		proof = in.lenencString()
	} else {
		proof = string(in.bytes(int(in.uint(1))))
	}
	database := ""
	if caps&capConnectWithDB != 0 {
		database = in.text()
	}
	if in.short || caps&capProtocol41 == 0 {
		return errorf(CodeUnknownCommand, "mysqltest: login not understood")
	}
	c.session.deprecateEOF = caps&capDeprecateEOF != 0
	c.session.user, c.session.database = user, database
	if password := c.server.config.Password; password != "" && !bytes.Equal([]byte(proof), prove(password)) {
		using := "YES"
		if proof == "" {
			using = "NO"
		}
		return errorf(CodeAccessDenied, "Access denied for user '%s'@'localhost' (using password: %s)", user, using)
	}
	return c.server.checkDatabase(database)
}

// checkDatabase is the error of entering a database, or the zero Error.
func (s *Server) checkDatabase(name string) Error {
	if known := s.config.Databases; name != "" && len(known) > 0 && !slices.Contains(known, name) {
		return errorf(CodeUnknownDatabase, "Unknown database '%s'", name)
	}
	return Error{}
}

// prove is what mysql_native_password sends for a password: SHA1(p) XOR SHA1(challenge, SHA1(SHA1(p))).
func prove(password string) []byte {
	once := sha1.Sum([]byte(password))
	twice := sha1.Sum(once[:])
	mixed := sha1.Sum(append([]byte(challenge), twice[:]...))
	for i := range mixed {
		mixed[i] ^= once[i]
	}
	return mixed[:]
}
