package mysqlpool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirpool/weir/internal/sqltext"
)

// A backend is one real connection that sessions borrow. Who holds its lease, or the pool while nobody does, is the only one to use it.
type backend struct {
	conn    physical
	socket  socket
	flavour *flavour
	birth   birth

	states   *states
	state    *state            // what session state it has; nil: as it was opened
	pristine map[string]string // the values, as literals, that variables had before anybody changed them
	cache    statements
	verbatim bool          // errors show texts with their literals
	usedAt   time.Time     // when it was given back
	uses     uint64        // commands so far
	runs     uint64        // of them, weir's own statements
	asks     uint64        // of these, those that have rows
	number   uint64        // LAST_INSERT_ID(), if it is known
	numbered bool          // it is
	use      sync.Mutex    // held while the driver works, so that a close by force waits until the driver has noticed
	worker   *worker       // guarded by use; nil: none was needed yet
	closed   bool          // guarded by use: nothing runs on it any more
	severed  chan struct{} // closed when the network connection was closed under whatever ran
	cut      sync.Once
	sent     atomic.Bool         // the worker has begun to send a command
	streams  bool                // guarded by use: it has begun to send rows that are not read yet
	demoted  *time.Timer         // guarded by use: takes it from its holder, whose server was demoted
	tainted  bool                // it has something that a reset leaves behind
	pin      atomic.Pointer[pin] // the last of those who were pinned to it; its place goes with the backend
	orphan   bool                // its lease has ended, but its driver's buffer is still looked at: whoever looks closes it
	spoilt   bool                // it was closed under a statement, or nobody knows its state
	squeezed uint64              // how often room was made
	labelled uint64              // what the pool was told of its state
	strange  uint64              // not 0: a statement may have changed its settings unseen; prepared statements of before are not used any more
}

// A birth is what was learned of a backend when it was opened.
type birth struct {
	identity
	schema     string // the default database; "" is none
	sqlMode    string
	modes      sqltext.Modes // how texts are read
	unsafe     bool          // its character set cannot be read byte by byte
	oldNames   bool          // tx_isolation, not transaction_isolation
	roles      bool          // the server knows roles
	role       string        // the current role, with which a reset does nothing on MariaDB; "" is none, or no roles
	charset    []string      // the assignments that give it the character sets it has
	statements []string      // what set it up besides
}

// strangeBit tells the numbers of strange settings from those of states, which have the highest bit, or are 0.
const strangeBit = 1 << 62

// unsafeCharsets have characters whose second byte is an ASCII one: a quote or a backslash may be half a character.
var unsafeCharsets = map[string]bool{"big5": true, "sjis": true, "cp932": true, "gbk": true, "gb2312": true, "gb18030": true}

// birthColumns are asked for when a backend is opened, beside what every connection is asked.
var birthColumns = []string{
	"DATABASE()", "@@sql_mode", "@@character_set_client", "@@character_set_results", "@@collation_connection",
	"CONNECTION_ID()", "@@hostname", "@@port", "@@server_id", // as askIdentity does
}

const identityColumns = 5 // where askIdentity's begin

const currentRole = "CURRENT_ROLE()"

// newBirth takes what gave a backend its character_set_client besides the answers: see clientCharset.
func newBirth(version string, names string, answers []sql.NullString) birth {
	client := answers[2].String
	role := ""
	if len(answers) > len(birthColumns) {
		role = answers[len(birthColumns)].String
	}
	mariaDB := strings.Contains(version, "MariaDB")
	modes := sqltext.ModesOf(answers[1].String)
	if !mariaDB {
		modes |= sqltext.MySQL
	}
	return birth{
		role: role, schema: answers[0].String, sqlMode: answers[1].String, modes: modes,
		unsafe:   unsafeCharsets[strings.ToLower(client)],
		oldNames: mariaDB || strings.HasPrefix(version, "5.6.") || strings.HasPrefix(version, "5.5."),
		charset:  charsetOf(names, answers[2:5]),
	}
}

// alive reports whether the driver still holds its connection for usable.
func (b *backend) alive() bool {
	b.use.Lock()
	defer b.use.Unlock()
	return b.sound()
}

// sound is alive for whoever holds use.
func (b *backend) sound() bool { return !b.spoilt && !b.wasCut() && b.conn.IsValid() }

func (b *backend) wasCut() bool {
	select {
	case <-b.severed:
		return true
	default:
		return false
	}
}

// sever makes b useless for whoever holds it.
func (b *backend) sever() { b.cut.Do(func() { close(b.severed) }) }

// cutNow closes the network connection under whatever runs.
func (b *backend) cutNow() {
	b.sever()
	b.socket.cut()
	cutNetwork(b.conn)
}

// ask runs a query of ours and returns the first row.
func (b *backend) ask(ctx context.Context, query string) ([]sql.NullString, error) {
	b.asking()
	rows, err := b.conn.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := make([]driver.Value, len(rows.Columns()))
	switch err := rows.Next(values); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	first := make([]sql.NullString, len(values))
	for i, v := range values {
		if err := first[i].Scan(v); err != nil {
			return nil, fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	for {
		if err := rows.Next(values); errors.Is(err, io.EOF) {
			return first, nil
		} else if err != nil {
			return nil, err
		}
	}
}

func (b *backend) mariaDB() bool { return greetedAsMariaDB(b.conn) }

// run executes a statement of ours.
func (b *backend) run(ctx context.Context, statement string) error {
	b.uses, b.runs = b.uses+1, b.runs+1
	_, err := b.conn.ExecContext(ctx, statement, nil)
	return err
}

// asking counts a query of ours.
func (b *backend) asking() { b.uses, b.runs, b.asks = b.uses+1, b.runs+1, b.asks+1 }
