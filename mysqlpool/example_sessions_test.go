package mysqlpool_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

// openSessions stands for mysqlpool.Open(ctx, "app:secret@tcp(db:3306)/shop", opts...), on a server made for the examples.
func openSessions(opts ...mysqlpool.Option) (db *sql.DB, done func()) {
	server := mysqltest.NewServer(mysqltest.Config{})
	opts = append(opts, weir.WithLogger(slog.New(slog.DiscardHandler)))
	c, err := mysqlpool.NewConnector(context.Background(), configOf(server), opts...)
	if err != nil {
		log.Fatal(err)
	}
	db = c.OpenDB()
	return db, func() {
		if err := db.Close(); err != nil {
			log.Fatal(err)
		}
		server.Close()
	}
}

// A hundred sessions, each with a time zone of its own, share two connections.
func ExampleOpen() {
	ctx := context.Background()
	db, done := openSessions(weir.WithMaxOpen(2))
	defer done()

	var sessions []*sql.Conn
	for i := range 100 {
		conn, err := db.Conn(ctx)
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("SET time_zone = '+%02d:00'", i%12)); err != nil {
			log.Fatal(err)
		}
		sessions = append(sessions, conn)
	}
	var zone string
	if err := sessions[41].QueryRowContext(ctx, "SELECT @@session.time_zone").Scan(&zone); err != nil {
		log.Fatal(err)
	}
	c, _ := mysqlpool.ConnectorOf(db)
	fmt.Println(zone, "-", c.Sessions().Sessions, "sessions, at most", c.Stats().MaxOpen, "connections")
	// Output:
	// +05:00 - 100 sessions, at most 2 connections
}

// A user variable lives on one connection: the session is pinned to it until it is checked in.
func ExampleConnector_Sessions() {
	ctx := context.Background()
	db, done := openSessions(weir.WithMaxOpen(2))
	defer done()
	c, _ := mysqlpool.ConnectorOf(db)

	conn, err := db.Conn(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := conn.ExecContext(ctx, "SET @running_total = 0"); err != nil {
		log.Fatal(err)
	}
	for _, pin := range c.Sessions().Pinned {
		fmt.Println(pin.Reason, "-", pin.Text)
	}
	if err := conn.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(c.Sessions().Pinned), "pinned")
	// Output:
	// user variable - SET @running_total = ?
	// 0 pinned
}

// In tests, pins can be made errors.
func ExampleWithStrictPins() {
	db, done := openSessions(mysqlpool.WithStrictPins())
	defer done()

	_, err := db.Exec("SET @running_total = 0")
	var pin *mysqlpool.PinError
	fmt.Println(errors.As(err, &pin), pin.Reason)
	// Output:
	// true user variable
}

// Code that relies on keeping one connection, without a transaction, asks for that.
func ExampleContextWithMode() {
	db, done := openSessions(weir.WithMaxOpen(2))
	defer done()
	c, _ := mysqlpool.ConnectorOf(db)

	ctx := mysqlpool.ContextWithMode(context.Background(), mysqlpool.SessionMode)
	conn, err := db.Conn(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := conn.PingContext(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("in use:", c.Stats().InUse)
	if err := conn.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("in use:", c.Stats().InUse)
	// Output:
	// in use: 1
	// in use: 0
}

// What asks for something of an earlier statement is answered right or not at all.
func ExampleStickyError() {
	db, done := openSessions()
	defer done()

	var id int64
	err := db.QueryRow("SELECT LAST_INSERT_ID()").Scan(&id)
	var sticky *mysqlpool.StickyError
	fmt.Println(errors.As(err, &sticky), sticky.Asked)
	// Output:
	// true LAST_INSERT_ID()
}

// Results that nobody closes are bounded, and the error says that they are the cause, and where they were asked for.
func ExampleWithMaxSessions() {
	ctx := context.Background()
	db, done := openSessions(mysqlpool.WithMaxSessions(2), weir.WithMaxWait(10*time.Millisecond))
	defer done()

	for range 3 {
		rows, err := db.QueryContext(ctx, "SELECT @@version")
		if err != nil {
			e, _ := errors.AsType[*mysqlpool.SessionLimitError](err)
			fmt.Println(errors.Is(err, weir.ErrExhausted), "-", e.Limit, "sessions in use, taken in", strings.Split(e.Held[0].Site, ":")[0])
			return
		}
		defer rows.Close() // at the end, not in the loop: too late
	}
	// Output:
	// true - 2 sessions in use, taken in example_sessions_test.go
}
