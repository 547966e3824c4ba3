package tracker

import (
	"fmt"
	"slices"
)

// The commands that a report names by [Command.Code].
const (
	ComQuit       = 0x01
	ComInitDB     = 0x02
	ComQuery      = 0x03
	ComConnect    = 0x0b // the handshake, which is no command of the protocol
	ComPing       = 0x0e
	ComPrepare    = 0x16
	ComExecute    = 0x17
	ComLongData   = 0x18
	ComStmtClose  = 0x19
	ComStmtReset  = 0x1a
	ComSetOption  = 0x1b
	ComResetState = 0x1f // COM_RESET_CONNECTION
)

// Command is one command and all its answers.
type Command struct {
	Code    byte
	Text    string   // of ComQuery, ComPrepare and ComInitDB, cut after 4 KiB
	Answers []Answer // one for each result; none for a command that gets no answer
}

// Changes returns what the server reported in all answers, in their order.
func (c Command) Changes() []Change {
	var all []Change
	for _, a := range c.Answers {
		all = append(all, a.Changes...)
	}
	return all
}

// Status returns the flags of the last answer that has any: an error has none.
func (c Command) Status() (s Status, ok bool) {
	for _, a := range slices.Backward(c.Answers) {
		if a.Flagged {
			return a.Status, true
		}
	}
	return 0, false
}

// Answer is the end of one result: an OK or an error packet.
type Answer struct {
	Error   uint16 // the server's error number, 0 for OK
	Flagged bool   // whether Status was in the packet
	Status  Status
	ID      uint64   // the insert id, 0 for none
	Changes []Change // the server puts variables in an order of its own
}

// Status is the server's status word.
type Status uint16

// The bits of a [Status].
const (
	InTransaction       Status = 0x0001
	Autocommit          Status = 0x0002
	MoreResults         Status = 0x0008
	NoBackslashEscapes  Status = 0x0200
	SessionStateChanged Status = 0x4000
)

// What tells the kinds of [Change] apart. The numbers are the protocol's.
type What byte

// The kinds of change.
const (
	Variable        What = 0 // a system variable was assigned, maybe the value that it had
	Schema          What = 1 // the default database was chosen, maybe the one that it was
	State           What = 2 // something of the session changed, "1"
	GTIDs           What = 3 // MySQL only
	Characteristics What = 4 // the statements that would start the present or the next transaction once more
	Transaction     What = 5 // eight letters, of which _ is "no"
)

var whats = [...]string{"variable", "schema", "state", "gtids", "characteristics", "transaction"}

// String returns a lower case word.
func (w What) String() string {
	if int(w) < len(whats) {
		return whats[w]
	}
	return fmt.Sprintf("tracker %d", byte(w))
}

// Change is one report of a session tracker. Name is the variable's, else empty.
type Change struct {
	What  What
	Name  string
	Value string
}

// String returns for instance "variable time_zone=SYSTEM".
func (c Change) String() string {
	if c.What == Variable {
		return fmt.Sprintf("%v %s=%s", c.What, c.Name, c.Value)
	}
	return fmt.Sprintf("%v %s", c.What, c.Value)
}
