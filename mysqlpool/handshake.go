package mysqlpool

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

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

// statements is what the pool runs on a new connection before it is lent; the check is that of the connection opened last.
func (j *judge) statements() []string {
	out := []string{j.learnQuery()}
	if j.sessionSetup != "" {
		out = append(out, j.sessionSetup)
	}
	if !j.adviser.pool.Checks[weir.OnOpen] {
		return out
	}
	if j.role == Any || j.validationQuery != "" {
		out = append(out, j.query())
	}
	if j.role == Any {
		return out
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.latest != nil {
		return append(out, j.latest.query)
	}
	return append(out, j.roleQuery(roleVariables[:]))
}

// tryEvery is the pause between attempts to open a first connection.
const tryEvery = 100 * time.Millisecond

// try opens, checks and closes one connection, and goes on trying for as long as the start policy says.
func try[T any](ctx context.Context, f weir.Factory[T], w weir.Settings) error {
	if w.StartWait == 0 {
		return tryOne(ctx, f, w)
	}
	ctx, cancel := context.WithTimeout(ctx, w.StartWait)
	defer cancel()
	var last error
	for {
		err := tryOne(ctx, f, w)
		if err == nil || errors.Is(err, weir.ErrPermanent) {
			return err
		}
		if last == nil || ctx.Err() == nil {
			last = err // and not that time is up
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(tryEvery):
		}
	}
}

func tryOne[T any](ctx context.Context, f weir.Factory[T], w weir.Settings) error {
	ctx, cancel := context.WithTimeout(ctx, w.OpenTimeout)
	defer cancel()
	conn, err := f.Open(ctx)
	if err != nil {
		return err
	}
	defer f.Close(conn) // it has served its purpose
	if !w.Checks[weir.OnOpen] {
		return nil
	}
	return f.Check(ctx, conn)
}
