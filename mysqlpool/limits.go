package mysqlpool

import (
	"database/sql"
	"errors"
	"reflect"
	"sync"
	"time"
)

// wrapped holds the DBs that a pool has taken over, until it is closed: a second pool would take the first one's limits for the
// user's, and give the DB back without any. A DB has no place for such a mark, and two callers of Wrap need not know of each other, so it
// stands here. It keeps no DB alive that would not live anyway: a pool that is not closed holds its DB.
var wrapped sync.Map // of *sql.DB

// claim marks db as taken over. The mark goes when the pool is closed or does not come into being.
func claim(db *sql.DB) error {
	if _, ours := ConnectorOf(db); ours {
		return errors.New("db was made by Open: its connections are sessions over a pool already; use db as it is, and ConnectorOf(db) for its pool")
	}
	if _, taken := wrapped.LoadOrStore(db, nil); taken {
		return errors.New("db is wrapped by another pool: use that one, or close it first")
	}
	return nil
}

func unclaim(db *sql.DB) { wrapped.Delete(db) }

// limits are the limits of a *sql.DB's own pool.
type limits struct {
	maxOpen, maxIdle      int
	maxLifetime, maxIdleT time.Duration
	guessed               bool // all but maxOpen are database/sql's defaults, because they could not be read
}

// limitsOf reads a DB's limits. database/sql has setters for them but, MaxOpen apart, no getters: its fields are read by
// reflection, which changes nothing, and where a later Go has other fields the defaults are taken.
func limitsOf(db *sql.DB) limits {
	l := limits{maxOpen: db.Stats().MaxOpenConnections, maxIdle: defaultMaxIdle}
	v := reflect.ValueOf(db).Elem()
	idle, life, idleT := v.FieldByName("maxIdleCount"), v.FieldByName("maxLifetime"), v.FieldByName("maxIdleTime")
	for _, f := range []reflect.Value{idle, life, idleT} {
		if !f.IsValid() || !f.CanInt() {
			l.guessed = true
			return l
		}
	}
	l.maxLifetime, l.maxIdleT = time.Duration(life.Int()), time.Duration(idleT.Int())
	if n := int(idle.Int()); n != 0 { // 0 stands for the default, below 0 for none
		l.maxIdle = max(n, 0)
	}
	return l
}

// defaultMaxIdle is database/sql's default for SetMaxIdleConns.
const defaultMaxIdle = 2

// takeOver makes the DB open as many connections as it is asked for and keep none, so that our limits govern.
func takeOver(db *sql.DB) {
	limits{}.apply(db)
}

func (l limits) apply(db *sql.DB) {
	db.SetMaxOpenConns(l.maxOpen)
	db.SetMaxIdleConns(l.maxIdle)
	db.SetConnMaxLifetime(l.maxLifetime)
	db.SetConnMaxIdleTime(l.maxIdleT)
}
