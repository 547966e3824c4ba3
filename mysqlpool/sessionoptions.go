package mysqlpool

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/weirpool/weir"
)

// sessionSettings are those of [Open] alone.
type sessionSettings struct {
	mode           Mode
	maxPinned      int // 0: four fifths of MaxOpen
	strict         bool
	fullTexts      bool // show texts with their literals
	statementCache int
	rowLimit       int
	byteLimit      int
	killTimeout    time.Duration // 0: statements are not killed
	idleSessions   int
	maxSessions    int
	drainTimeout   time.Duration
	searchEvery    time.Duration // 0: never

	kills    int // how many connections for KILL QUERY there may be
	reserved int // how many of them are part of MaxOpen

	given []string // the names of the options that were used
}

func defaultSessionSettings() sessionSettings {
	return sessionSettings{
		statementCache: 64, rowLimit: 128, byteLimit: 64 << 10, killTimeout: 3 * time.Second, idleSessions: 1000, maxSessions: 16384, drainTimeout: 5 * time.Second,
		searchEvery: time.Minute,
	}
}

func sessionOption(name string, set func(*sessionSettings) error) Option {
	return option(name, func(s *settings) error {
		s.given = append(s.given, name)
		return set(&s.sessionSettings)
	})
}

// refuseSessionOptions is for pools that lend *sql.Conn.
func (s *settings) refuseSessionOptions() error {
	if len(s.given) == 0 {
		return nil
	}
	return fmt.Errorf("%s: this option is for mysqlpool.Open and NewConnector", s.given[0])
}

// contradictions are options of which one sets what the other turns off.
var contradictions = [][2]string{
	{"WithKillTimeout", "WithoutKill"}, {"WithStatementCache", "WithoutStatementCache"},
	{"WithRowBuffer", "WithoutRowBuffer"}, {"WithSearchEvery", "WithoutSearch"},
}

// refuseContradictions is for lists of options in which one would silently win.
func (s *settings) refuseContradictions() error {
	var errs []error
	for _, c := range contradictions {
		if slices.Contains(s.given, c[0]) && slices.Contains(s.given, c[1]) {
			errs = append(errs, fmt.Errorf("%s: %s is given too, which turns it off: use one of them", c[0], c[1]))
		}
	}
	return errors.Join(errs...)
}

// settleSessions settles what depends on the pool's settings.
func (s *settings) settleSessions(w weir.Settings) error {
	switch {
	case s.killTimeout == 0:
	case w.StrictMaxOpen:
		s.kills, s.reserved = 1, 1
	default:
		s.kills = min(mostKillers, w.MaxOpen)
	}
	if err := s.checkBackends(w.MinIdle, w.MaxOpen); err != nil {
		return err
	}
	backends := w.MaxOpen - s.reserved
	if s.maxPinned == 0 {
		s.maxPinned = max(backends*4/5, 1)
	}
	if s.maxPinned > backends {
		return fmt.Errorf("WithMaxPinned: %d: limit is MaxOpen%s, %d", s.maxPinned, s.lessKills(), backends)
	}
	return nil
}

// checkBackends refuses sizes that leave no room for the connection for KILL QUERY.
func (s *settings) checkBackends(minIdle, maxOpen int) error {
	if s.reserved == 0 {
		return nil
	}
	if maxOpen <= s.reserved {
		return fmt.Errorf("MaxOpen: %d: limit is at least %d: WithStrictMaxOpen keeps one connection for KILL QUERY; WithoutKill needs none", maxOpen, s.reserved+1)
	}
	if minIdle > maxOpen-s.reserved {
		return fmt.Errorf("MinIdle: %d: limit is MaxOpen%s, %d", minIdle, s.lessKills(), maxOpen-s.reserved)
	}
	return nil
}

func (s *settings) lessKills() string {
	if s.reserved == 0 {
		return ""
	}
	return " less the one that WithStrictMaxOpen keeps for KILL QUERY (WithoutKill needs none)"
}

// WithMode sets how long sessions keep a backend; a context can say otherwise, see [ContextWithMode]. Default [TransactionMode].
func WithMode(m Mode) Option {
	return sessionOption("WithMode", func(s *sessionSettings) error {
		if m > SessionMode {
			return fmt.Errorf("%d: limit is TransactionMode or SessionMode", m)
		}
		s.mode = m
		return nil
	})
}

// WithMaxPinned sets how many sessions may be pinned to a backend at a time, so that the others have some left. A statement that would
// pin one more waits, MaxWait at most, and then fails with a [*PinLimitError]; one inside a transaction holds its backend anyway, and
// goes on. Default four fifths of MaxOpen, at least 1.
func WithMaxPinned(n int) Option {
	return sessionOption("WithMaxPinned", func(s *sessionSettings) error {
		if n < 1 {
			return fmt.Errorf("%d: limit is at least 1", n)
		}
		s.maxPinned = n
		return nil
	})
}

// WithStrictPins makes a statement that would pin its session fail with a [*PinError] instead. It is for tests: it finds them.
func WithStrictPins() Option {
	return sessionOption("WithStrictPins", func(s *sessionSettings) error { s.strict = true; return nil })
}

// WithFullTexts shows the texts of statements as they are, in [Pin], [PinError] and other errors. By default their literals are
// replaced by "?" and their comments left out, because both may hold personal data; names stay. What the server itself says in
// its errors is shown in any case. Either way at most 120 bytes of a text are shown.
func WithFullTexts() Option {
	return sessionOption("WithFullTexts", func(s *sessionSettings) error { s.fullTexts = true; return nil })
}

const mostStatements = 16382 // the server's default of max_prepared_stmt_count, for all connections together

// WithStatementCache sets how many prepared statements each backend keeps. A text with arguments is kept from its second use on, one
// that was prepared by name at once; the least recently used makes room. On MySQL a text has one statement for each combination of its
// arguments' types, NULL being one, and no more than 8. One costs a MariaDB server some 32 to 64 KB. Default 64.
func WithStatementCache(n int) Option {
	return sessionOption("WithStatementCache", func(s *sessionSettings) error {
		if n < 1 || n > mostStatements {
			return fmt.Errorf("%d: limit is 1 to %d", n, mostStatements)
		}
		s.statementCache = n
		return nil
	})
}

// WithoutStatementCache prepares each statement with arguments for one use, as database/sql does.
func WithoutStatementCache() Option {
	return sessionOption("WithoutStatementCache", func(s *sessionSettings) error { s.statementCache = 0; return nil })
}

// WithRowBuffer sets up to how many rows, and bytes, of a result are read before its user sees the first of them. A result that is
// smaller holds no backend while it is used, and inside a transaction another statement may run meanwhile. Default 128 rows, 65536 bytes.
func WithRowBuffer(rows, bytes int) Option {
	return sessionOption("WithRowBuffer", func(s *sessionSettings) error {
		if rows < 1 || bytes < 1 {
			return fmt.Errorf("%d rows, %d bytes: limit is at least 1 of each", rows, bytes)
		}
		s.rowLimit, s.byteLimit = rows, bytes
		return nil
	})
}

// WithoutRowBuffer hands rows on as they come: each result holds its backend until it is closed or read to the end.
func WithoutRowBuffer() Option {
	return sessionOption("WithoutRowBuffer", func(s *sessionSettings) error { s.rowLimit, s.byteLimit = 0, 0; return nil })
}

// WithKillTimeout bounds what is done about a statement whose context has ended: KILL QUERY over up to four connections of its own,
// which are kept for 10 s, until the statement has returned. They come on top of MaxOpen. With [weir.WithStrictMaxOpen]
// there is only one, and it is part of MaxOpen, which leaves one backend less. If the server refuses such a connection, because it is full or
// requires TLS by now for example, an idle backend is used instead, as soon as there is one; a full server is tried again. If that takes longer
// the backend is closed, which is logged with the reason, and the statement left to the server. The caller does not wait for it: the backend stays in use until it is over. The answer to a COMMIT is
// awaited as long, and for 3 s at least. Default 3 s.
//
// On MySQL a killed SLEEP() returns 1, a killed BENCHMARK() returns 0, and the statement that calls them continues and may change rows.
func WithKillTimeout(d time.Duration) Option {
	return sessionOption("WithKillTimeout", func(s *sessionSettings) error {
		if d < time.Millisecond || d > time.Minute {
			return fmt.Errorf("%v: limit is 1ms to 1m", d)
		}
		s.killTimeout = d
		return nil
	})
}

// WithoutKill closes the backend of a statement whose context has ended, as go-sql-driver does; the statement continues on the server. It is
// for proxies below that do not pass KILL QUERY on.
func WithoutKill() Option {
	return sessionOption("WithoutKill", func(s *sessionSettings) error { s.killTimeout = 0; return nil })
}

// WithMaxSessions sets how many sessions may be in use at a time: the *sql.Rows, *sql.Conn and *sql.Tx that are open, and the calls under way,
// those that wait for a backend included. A caller who wants one more waits, in order of arrival, and fails with a [*SessionLimitError]
// after MaxWait or when his context ends. Idle sessions do not count.
//
// A program that forgets to close its rows loses a session each time, which holds no backend when the result is small, so that only this limit
// ends it. See [weir.WithLeakThreshold], after which such a session is named in the log. Default 16384: that is some 16 MB at most, and
// far more calls than can be served within MaxWait. It may be less than MaxOpen: the other backends serve calls while statements are killed.
func WithMaxSessions(n int) Option {
	return sessionOption("WithMaxSessions", func(s *sessionSettings) error {
		if n < 1 {
			return fmt.Errorf("%d: limit is at least 1", n)
		}
		s.maxSessions = n
		return nil
	})
}

// WithIdleSessions sets how many idle sessions database/sql keeps. They hold no backend. Default 1000.
func WithIdleSessions(n int) Option {
	return sessionOption("WithIdleSessions", func(s *sessionSettings) error {
		if n < 1 {
			return fmt.Errorf("%d: limit is at least 1", n)
		}
		s.idleSessions = n
		return nil
	})
}

// WithDrainTimeout sets how long [Connector.Close], and so sql.DB.Close, waits for statements and transactions under way before it closes
// their backends. Default 5 s.
func WithDrainTimeout(d time.Duration) Option {
	return sessionOption("WithDrainTimeout", func(s *sessionSettings) error {
		if d < time.Millisecond || d > time.Hour {
			return fmt.Errorf("%v: limit is 1ms to 1h", d)
		}
		s.drainTimeout = d
		return nil
	})
}

// WithSearchEvery sets how often information_schema is searched for views, triggers, stored routines and column defaults that ask for
// LAST_INSERT_ID(), @@identity or LASTVAL(). The first search runs before the first statement that could meet one and delays it by 0.1 s at
// most; later ones run on a backend of the pool. A definition that the account may not read counts as one that asks for LAST_INSERT_ID().
// MySQL shows no trigger to an account without the TRIGGER privilege: unless the account has it on all databases it sees, granted to itself and
// not to a role, every INSERT, UPDATE and DELETE counts as one that meets a trigger.
//
// While one asks for LAST_INSERT_ID(), a session gives its own number to each backend it gets, which costs a round trip if the backend has
// another one, and reads it again after an INSERT outside a transaction. While one asks for LASTVAL(), a session keeps its backend until it
// is checked in, and the backend is reset then. While there is none, nothing is done.
//
// Definitions of this connector's sessions take effect at once, those of others after the next search: until then what they ask for may be
// another session's. So may ROW_COUNT(), FOUND_ROWS(), warnings and @@last_gtid in a view or a routine at any time, and what an object asks
// that the account cannot see but reaches through another object. A session that left a number on a backend before the search found
// anything reads 0 on another backend. Default 1 min, limit 1 ms to 24 h.
func WithSearchEvery(d time.Duration) Option {
	return sessionOption("WithSearchEvery", func(s *sessionSettings) error {
		if d < time.Millisecond || d > 24*time.Hour {
			return fmt.Errorf("%v: limit is 1ms to 24h", d)
		}
		s.searchEvery = d
		return nil
	})
}

// WithoutSearch turns the search of [WithSearchEvery] off. It saves the round trips where no view, trigger, routine or default asks for such a
// number, but the account may not read their definitions. Where one does ask, it may get another session's number.
func WithoutSearch() Option {
	return sessionOption("WithoutSearch", func(s *sessionSettings) error { s.searchEvery = 0; return nil })
}
