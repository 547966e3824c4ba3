package mysqlpool

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/weirpool/weir"
)

// An adviser compares the pool's sizes and times with the server's, once, and warns.
type adviser struct {
	settings settings
	pool     weir.Settings

	once sync.Once
	mu   sync.Mutex // guards the field below
	said []string
}

func (a *adviser) learned(version string, maxConnections, waitTimeout int64) {
	a.once.Do(func() {
		said := a.compare(maxConnections, time.Duration(waitTimeout)*time.Second)
		a.mu.Lock()
		a.said = said
		a.mu.Unlock()
		for _, s := range said {
			a.pool.Logger.Warn("mysqlpool: "+s, "pool", a.pool.Name, "server", version)
		}
	})
}

func (a *adviser) warnings() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.said)
}

func (a *adviser) compare(maxConnections int64, waitTimeout time.Duration) []string {
	var out []string
	s := a.settings
	each, kills := fmt.Sprint("MaxOpen ", a.pool.MaxOpen), s.kills-s.reserved
	if kills > 0 {
		each = fmt.Sprintf("(%s + %d for KILL QUERY)", each, kills)
	}
	if need := int64(a.pool.MaxOpen+kills)*int64(s.instances) + int64(s.reserve); need > maxConnections {
		out = append(out, fmt.Sprintf("%s x %d instances + %d reserved = %d connections, but the server's max_connections is %d",
			each, s.instances, s.reserve, need, maxConnections))
	}
	idle := min(a.pool.IdleTimeout, a.pool.MaxLifetime)
	if a.pool.MinIdle > 0 {
		idle = a.pool.MaxLifetime // IdleTimeout leaves that many alone
	}
	if a.pool.CheckIdleEvery < waitTimeout {
		idle = 0 // each check makes the server start counting anew
	}
	if idle >= waitTimeout {
		out = append(out, fmt.Sprintf("IdleTimeout %v and MaxLifetime %v reach the server's wait_timeout, %v: it will close idle connections first",
			a.pool.IdleTimeout, a.pool.MaxLifetime, waitTimeout))
	}
	return out
}
