package mysqlpool_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

func number(n uint16) error { return &mysql.MySQLError{Number: n, Message: "as the server puts it"} }

func TestErrorsAreClassifiedByTypeThenNumber(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		class   mysqlpool.Class
		verdict weir.Verdict
	}{
		"none":                       {nil, mysqlpool.Other, weir.Keep},
		"dead before sending":        {driver.ErrBadConn, mysqlpool.NotSent, weir.Discard},
		"closed by the borrower":     {sql.ErrConnDone, mysqlpool.NotSent, weir.Discard},
		"answer lost":                {mysql.ErrInvalidConn, mysqlpool.Unknown, weir.Discard},
		"answer lost, wrapped":       {fmt.Errorf("pay: %w", mysql.ErrInvalidConn), mysqlpool.Unknown, weir.Discard},
		"rows still open":            {mysql.ErrBusyBuffer, mysqlpool.Unknown, weir.Discard},
		"garbled":                    {mysql.ErrMalformPkt, mysqlpool.Unknown, weir.Discard},
		"out of sync":                {mysql.ErrPktSync, mysqlpool.Unknown, weir.Discard},
		"network":                    {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, mysqlpool.Unknown, weir.Discard},
		"cut off":                    {io.ErrUnexpectedEOF, mysqlpool.Unknown, weir.Discard},
		"socket closed":              {net.ErrClosed, mysqlpool.Unknown, weir.Discard},
		"cancelled":                  {context.Canceled, mysqlpool.Canceled, weir.Keep},
		"out of time":                {fmt.Errorf("query: %w", context.DeadlineExceeded), mysqlpool.Canceled, weir.Keep},
		"packet too large to send":   {mysql.ErrPktTooLarge, mysqlpool.Other, weir.Keep},
		"no rows":                    {sql.ErrNoRows, mysqlpool.Other, weir.Keep},
		"read_only":                  {number(1290), mysqlpool.ServerDemoted, weir.Demoted},
		"table is read only":         {number(1036), mysqlpool.ServerDemoted, weir.Demoted},
		"read-only mode":             {number(1836), mysqlpool.ServerDemoted, weir.Demoted},
		"READ ONLY transaction":      {number(1792), mysqlpool.ServerDemoted, weir.Demoted},
		"asked for READ ONLY":        {mysqlpool.InReadOnlyTx(number(1792)), mysqlpool.ServerDemoted, weir.Keep},
		"READ ONLY, but demoted":     {mysqlpool.InReadOnlyTx(number(1290)), mysqlpool.ServerDemoted, weir.Demoted},
		"server full":                {number(1040), mysqlpool.ServerFull, weir.Keep},
		"user full":                  {number(1203), mysqlpool.ServerFull, weir.Keep},
		"account's limit":            {number(1226), mysqlpool.ServerFull, weir.Keep},
		"host blocked":               {number(1129), mysqlpool.HostBlocked, weir.Keep},
		"shutdown":                   {number(1053), mysqlpool.GoingAway, weir.Discard},
		"killed, MariaDB":            {number(1927), mysqlpool.GoingAway, weir.Discard},
		"killed, MySQL":              {number(3169), mysqlpool.GoingAway, weir.Discard},
		"inactive, MySQL":            {number(4031), mysqlpool.GoingAway, weir.Discard},
		"packet too big, server":     {number(1153), mysqlpool.GoingAway, weir.Discard},
		"no right on the database":   {number(1044), mysqlpool.Denied, weir.Keep},
		"wrong password":             {number(1045), mysqlpool.Denied, weir.Keep},
		"unknown database":           {number(1049), mysqlpool.Denied, weir.Keep},
		"query killed":               {number(1317), mysqlpool.Other, weir.Keep},
		"time limit, MariaDB":        {number(1969), mysqlpool.Other, weir.Keep},
		"time limit, MySQL":          {number(3024), mysqlpool.Other, weir.Keep},
		"lock wait timeout":          {number(1205), mysqlpool.Other, weir.Keep},
		"deadlock":                   {number(1213), mysqlpool.Other, weir.Keep},
		"duplicate key":              {number(1062), mysqlpool.Other, weir.Keep},
		"broken, says the borrower":  {fmt.Errorf("odd: %w", weir.ErrBroken), mysqlpool.Other, weir.Discard},
		"the pool's role error":      {&mysqlpool.RoleError{Want: mysqlpool.Primary}, mysqlpool.Other, weir.Demoted},
		"text alone proves nothing":  {errors.New("Error 1290: --read-only"), mysqlpool.Other, weir.Keep},
		"READ ONLY helper, no error": {mysqlpool.InReadOnlyTx(nil), mysqlpool.Other, weir.Keep},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mysqlpool.Classify(c.err); got != c.class {
				t.Errorf("Classify(%v) = %v, want %v", c.err, got, c.class)
			}
			if got := mysqlpool.Verdict(c.err); got != c.verdict {
				t.Errorf("Verdict(%v) = %v, want %v", c.err, got, c.verdict)
			}
		})
	}
}

func TestReadOnlyTxMarkKeepsTheErrorReadable(t *testing.T) {
	err := mysqlpool.InReadOnlyTx(fmt.Errorf("report: %w", number(1792)))
	if e, ok := errors.AsType[*mysql.MySQLError](err); !ok || e.Number != 1792 {
		t.Errorf("the server's error is gone from %v", err)
	}
}
