package mysqltest

import (
	"slices"
	"time"
)

// logLimit is how many commands [Server.Log] remembers.
const logLimit = 1000

// Stats counts what a server has seen. Everything is counted before the answer to it leaves, so a client that has
// its answer finds it counted. Dials = Connects + Refused + GivenUp + Dialing.
type Stats struct {
	Dials      int // attempts to connect: calls of Dial, and accepted TCP connections
	Dialing    int // attempts under way, from the dial to the end of the login
	MaxDialing int // most attempts under way at once
	Connects   int // logins that ended well
	Refused    int // attempts that the server ended: refused, answered with an error, or dropped
	GivenUp    int // attempts that the client ended first

	Open    int // sessions open now
	MaxOpen int // most sessions open at once
	Quits   int // connections ended with COM_QUIT

	Queries    int // COM_QUERY
	Prepares   int // COM_STMT_PREPARE
	Executes   int // COM_STMT_EXECUTE
	StmtCloses int // COM_STMT_CLOSE
	Pings      int // COM_PING
	InitDBs    int // COM_INIT_DB
	Resets     int // COM_RESET_CONNECTION

	WritesAccepted int // statements that change something, answered with OK
	WritesRefused  int // statements that change something, answered with an error
	Interrupted    int // commands under way when their client went away
}

// Command is one entry of [Server.Log].
type Command struct {
	At       time.Time
	ThreadID uint32
	Name     string // "query", "prepare", "execute", "ping", "init db", "reset" or "quit"
	Text     string // the statement or, for "init db", the database
}

// books are a server's records.
type books struct {
	stats Stats
	log   []Command
}

func (b *books) note(c Command) {
	if len(b.log) == logLimit {
		b.log = slices.Delete(b.log, 0, 1)
	}
	b.log = append(b.log, c)
	switch c.Name {
	case "query":
		b.stats.Queries++
	case "prepare":
		b.stats.Prepares++
	case "execute":
		b.stats.Executes++
	case "ping":
		b.stats.Pings++
	case "init db":
		b.stats.InitDBs++
	case "reset":
		b.stats.Resets++
	case "quit":
		b.stats.Quits++
	}
}

func (b *books) dialBegins() {
	b.stats.Dials++
	b.stats.Dialing++
	b.stats.MaxDialing = max(b.stats.MaxDialing, b.stats.Dialing)
}

func (b *books) dialFails(givenUp bool) {
	b.stats.Dialing--
	if givenUp {
		b.stats.GivenUp++
		return
	}
	b.stats.Refused++
}

func (b *books) sessionBegins() {
	b.stats.Dialing--
	b.stats.Connects++
	b.stats.Open++
	b.stats.MaxOpen = max(b.stats.MaxOpen, b.stats.Open)
}

// Stats returns the counters as they are now.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.books.stats
}

// Log returns the last 1000 commands, oldest first.
func (s *Server) Log() []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.books.log)
}

// Queries returns the texts of the statements in [Server.Log] that were run, prepared or not.
func (s *Server) Queries() []string {
	var texts []string
	for _, c := range s.Log() {
		if c.Name == "query" || c.Name == "execute" {
			texts = append(texts, c.Text)
		}
	}
	return texts
}

// beginDial counts an attempt, gives it a thread id and returns what it has to wait for first.
func (s *Server) beginDial() (thread uint32, opening <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.threads++
	s.books.dialBegins()
	return s.threads, s.faults.dialGate()
}

// endDial counts an attempt that never got a connection.
func (s *Server) endDial(givenUp bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books.dialFails(givenUp)
}
