package mysqlpool_test

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

func number(n uint16) error { return &mysql.MySQLError{Number: n, Message: "as the server puts it"} }

func dialError(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }

// exhausted is the error of a pool whose last open was refused for a wrong password.
func exhausted(t *testing.T) error {
	t.Helper()
	p, err := weir.New(t.Context(), weir.Factory[int]{
		Open:  func(context.Context) (int, error) { return 0, number(1045) },
		Close: func(int) error { return nil },
	}, weir.WithFailFast(), weir.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(t.Context())
	_, err = p.Acquire(t.Context())
	if !errors.Is(err, weir.ErrExhausted) {
		t.Fatalf("got %v, want an exhausted pool's error", err)
	}
	return err
}

// closedDB is the error of a *sql.DB that was closed.
func closedDB(t *testing.T) error {
	t.Helper()
	connector, err := mysql.NewConnector(mysql.NewConfig())
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "DO 1")
	return err
}

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
		"pool exhausted":             {exhausted(t), mysqlpool.NotSent, weir.Keep},
		"pins exhausted":             {&mysqlpool.PinLimitError{}, mysqlpool.NotSent, weir.Keep},
		"pool closed":                {fmt.Errorf("weir: acquire: %w", weir.ErrClosed), mysqlpool.NotSent, weir.Keep},
		"DB closed":                  {closedDB(t), mysqlpool.NotSent, weir.Keep},
		"dial refused":               {dialError(syscall.ECONNREFUSED), mysqlpool.NotSent, weir.Keep},
		"dial out of time":           {dialError(os.ErrDeadlineExceeded), mysqlpool.NotSent, weir.Keep},
		"dial canceled":              {dialError(context.Canceled), mysqlpool.NotSent, weir.Keep},
		"no such host":               {&net.DNSError{Err: "no such host", Name: "db"}, mysqlpool.NotSent, weir.Keep},
		"session layer, unknown":     {errors.Join(mysqlpool.ErrOutcomeUnknown, mysqlpool.ErrSessionLost, context.Canceled), mysqlpool.Unknown, weir.Discard},
		"session lost, was pinned":   {errors.Join(mysqlpool.ErrSessionLost, mysql.ErrInvalidConn), mysqlpool.NotSent, weir.Discard},
		"no TLS on the server":       {mysql.ErrNoTLS, mysqlpool.Denied, weir.Keep},
		"TLS refused by the server":  {&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, mysqlpool.Denied, weir.Keep},
		"server's certificate":       {&tls.CertificateVerificationError{Err: errors.New("unknown authority")}, mysqlpool.Denied, weir.Keep},
		"hook failed at COMMIT":      {number(3100), mysqlpool.Unknown, weir.Discard},
		"answer not written":         {number(1160), mysqlpool.Unknown, weir.Discard},
		"answer not written in time": {number(1161), mysqlpool.Unknown, weir.Discard},
		"a proxy's lost server":      {number(2013), mysqlpool.Unknown, weir.Discard},
		"a proxy's server is gone":   {number(2006), mysqlpool.Unknown, weir.Discard},
		"statement not read":         {number(1158), mysqlpool.GoingAway, weir.Discard},
		"statement not read in time": {number(1159), mysqlpool.GoingAway, weir.Discard},
		"certification, MySQL":       {number(3101), mysqlpool.RolledBack, weir.Keep},
		"error during COMMIT":        {number(1180), mysqlpool.Unknown, weir.Discard},
		"switchover blocks queries":  {number(4094), mysqlpool.NotSent, weir.Discard},
		"outside Galera's component": {number(1047), mysqlpool.NotSent, weir.Discard},
		"offline mode":               {number(3032), mysqlpool.NotSent, weir.Discard},
		"offline mode, by the group": {number(6400), mysqlpool.NotSent, weir.Discard},
		"TLS is required":            {number(3159), mysqlpool.Denied, weir.Keep},
		"compression is required":    {number(3922), mysqlpool.Denied, weir.Keep},
		"account blocked, MySQL":     {number(3955), mysqlpool.Denied, weir.Keep},
		"account blocked, MariaDB":   {number(4150), mysqlpool.Denied, weir.Keep},
		"login unknown to client":    {number(1251), mysqlpool.Denied, weir.Keep},
		"login switched off":         {number(1275), mysqlpool.Denied, weir.Keep},
		"login plugin not loaded":    {number(1524), mysqlpool.Denied, weir.Keep},
		"login plugin of the server": {mysql.ErrUnknownPlugin, mysqlpool.Denied, weir.Keep},
		"login in clear text":        {mysql.ErrCleartextPassword, mysqlpool.Denied, weir.Keep},
		"login by native password":   {mysql.ErrNativePassword, mysqlpool.Denied, weir.Keep},
		"login by old password":      {mysql.ErrOldPassword, mysqlpool.Denied, weir.Keep},
		"account locked, MySQL":      {number(3118), mysqlpool.Denied, weir.Keep},
		"account locked, MariaDB":    {number(4151), mysqlpool.Denied, weir.Keep},
		"password expired, login":    {number(1862), mysqlpool.Denied, weir.Keep},
		"password expired":           {number(1820), mysqlpool.Denied, weir.Keep},
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
		"memory of all, MySQL":       {number(4081), mysqlpool.GoingAway, weir.Discard},
		"memory of one, MySQL":       {number(4082), mysqlpool.GoingAway, weir.Discard},
		"idle for too long, MySQL":   {number(4031), mysqlpool.NotSent, weir.Discard},
		"packet too big, server":     {number(1153), mysqlpool.GoingAway, weir.Discard},
		"no right on the database":   {number(1044), mysqlpool.Denied, weir.Keep},
		"wrong password":             {number(1045), mysqlpool.Denied, weir.Keep},
		"unknown database":           {number(1049), mysqlpool.Denied, weir.Keep},
		"query killed":               {number(1317), mysqlpool.Other, weir.Keep},
		"time limit, MariaDB":        {number(1969), mysqlpool.Other, weir.Keep},
		"time limit, MySQL":          {number(3024), mysqlpool.Other, weir.Keep},
		"lock wait timeout":          {number(1205), mysqlpool.Other, weir.Keep},
		"deadlock":                   {number(1213), mysqlpool.RolledBack, weir.Keep},
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
