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
		out = append(out, "SELECT @@max_allowed_packet")
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

// statements is what the pool runs on a new connection before it is lent; the check is that of the connection opened last.
func (b *backend) statements() []string {
	out := []string{b.learnQuery()}
	if b.sessionSetup != "" {
		out = append(out, b.sessionSetup)
	}
	if !b.adviser.pool.Checks[weir.OnOpen] {
		return out
	}
	if b.role == Any || b.validationQuery != "" {
		out = append(out, b.query())
	}
	if b.role == Any {
		return out
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.latest != nil {
		return append(out, b.latest.flavour.query)
	}
	return append(out, b.roleQuery(roleVariables[:]))
}

// tryEvery is the pause between attempts to open a first connection.
const tryEvery = 100 * time.Millisecond

// try opens, checks and closes one connection, and goes on trying for as long as the start policy says.
func (b *backend) try(ctx context.Context, w weir.Settings) error {
	if w.StartWait == 0 {
		return b.tryOne(ctx, w)
	}
	ctx, cancel := context.WithTimeout(ctx, w.StartWait)
	defer cancel()
	var last error
	for {
		err := b.tryOne(ctx, w)
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

func (b *backend) tryOne(ctx context.Context, w weir.Settings) error {
	ctx, cancel := context.WithTimeout(ctx, w.OpenTimeout)
	defer cancel()
	conn, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer b.close(conn) // it has served its purpose
	if !w.Checks[weir.OnOpen] {
		return nil
	}
	return b.check(ctx, conn)
}
