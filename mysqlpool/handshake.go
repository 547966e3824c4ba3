package mysqlpool

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// driverStatements is what go-sql-driver runs on a new connection with this configuration. Its charset is not a field of the
// configuration; the DSN it formats tells it.
func driverStatements(cfg *mysql.Config) []string {
	var out []string
	if cfg.MaxAllowedPacket == 0 {
		out = append(out, askMaxAllowedPacket)
	}
	_, query, _ := strings.Cut(cfg.FormatDSN(), "?")
	if params, err := url.ParseQuery(query); err == nil && params.Get("charset") != "" {
		charset, _, _ := strings.Cut(params.Get("charset"), ",")
		set := "SET NAMES " + charset
		if cfg.Collation != "" {
			set += " COLLATE " + cfg.Collation
		}
		out = append(out, set)
	}
	var vars []string
	for name, value := range cfg.Params {
		vars = append(vars, name+" = "+value)
	}
	slices.Sort(vars)
	if len(vars) > 0 {
		out = append(out, "SET "+strings.Join(vars, ", "))
	}
	return out
}

const askMaxAllowedPacket = "SELECT @@max_allowed_packet"

// statements is what the pool runs on a new connection before it is lent. On the very first one, and on the first that leads to a server of
// another kind, some may be asked again.
func (j *judge) statements() []string {
	var out []string
	if j.sessionSetup != "" {
		out = append(out, j.sessionSetup)
	}
	j.mu.Lock()
	f := j.guessFlavour("")
	if j.latest != nil {
		f = *j.latest
	}
	j.mu.Unlock()
	out = append(out, j.learnQuery(f))
	if j.validationQuery != "" && j.adviser.pool.Checks[weir.OnOpen] {
		out = append(out, j.validationQuery)
	}
	return out
}

// newPool makes a pool that has opened at least one connection, unless it may start in the background. Where MinIdle is 0 that one is
// kept like any other that is idle.
func newPool[T any](ctx context.Context, f weir.Factory[T], w weir.Settings, opts []Option) (*weir.Pool[T], error) {
	one := w.MinIdle == 0 && !w.BackgroundStart
	if one {
		opts = append(slices.Clone(opts), weir.WithMinIdle(1))
	}
	pool, err := weir.New(ctx, f, opts...)
	if err != nil || !one {
		return pool, err
	}
	if err := pool.Resize(w.MinIdle, w.MaxOpen); err != nil {
		return nil, errors.Join(err, pool.Close(ctx))
	}
	return pool, nil
}
