package mysqlpool_test

import (
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

func TestOptionsThatContradictEachOtherAreRefused(t *testing.T) {
	for want, pair := range map[string][2]mysqlpool.Option{
		"WithKillTimeout: WithoutKill is given too":              {mysqlpool.WithKillTimeout(time.Second), mysqlpool.WithoutKill()},
		"WithStatementCache: WithoutStatementCache is given too": {mysqlpool.WithStatementCache(8), mysqlpool.WithoutStatementCache()},
		"WithRowBuffer: WithoutRowBuffer is given too":           {mysqlpool.WithRowBuffer(8, 8), mysqlpool.WithoutRowBuffer()},
		"WithSearchEvery: WithoutSearch is given too":            {mysqlpool.WithSearchEvery(time.Second), mysqlpool.WithoutSearch()},
		"WithStartWait: 1m0s: WithStartBackground is given too":  {weir.WithStartWait(time.Minute), weir.WithStartBackground()},
	} {
		for _, opts := range [][]mysqlpool.Option{pair[:], {pair[1], pair[0]}} {
			db, err := mysqlpool.Open(t.Context(), "app:app@tcp(127.0.0.1:1)/app", opts...) // nobody listens there
			if err == nil {
				db.Close()
			}
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "use one of them") {
				t.Errorf("error is %v, want one that says %q, and what to do", err, want)
			}
		}
	}
}
