package trackertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

// past is a database beside the corpus's, where a session can get itself a past.
var past = []string{
	"CREATE DATABASE past",
	"CREATE TABLE past.t (id INT AUTO_INCREMENT PRIMARY KEY, v TINYINT) AUTO_INCREMENT = 70",
	"INSERT INTO past.t (v) VALUES (1), (2), (3), (4), (5), (6), (7)",
}

// world is the server with what statements need: a user who may do everything,
// and the corpus's schema, made anew after what may have changed it.
type world struct {
	admin     *sql.DB       // of another user, whom no statement touches
	login     *mysql.Config // of the user who runs the statements
	globals   facts
	sequences []string
	before    map[string]facts // of a session that has run just these statements
	dirty     bool
	spare     *subject // a session in which nothing has run yet, or nil
}

// theWorld is made once for the package.
var theWorld struct {
	mu sync.Mutex // held by the test that uses the world
	*world
}

// enter returns the world, for this test alone.
func enter(t testing.TB) *world {
	t.Helper()
	theWorld.mu.Lock()
	t.Cleanup(theWorld.mu.Unlock)
	if theWorld.world == nil {
		w, err := makeWorld(t.Context(), server(t))
		must(t, err)
		theWorld.world = w
	}
	return theWorld.world
}

func makeWorld(ctx context.Context, srv *lab.Server) (*world, error) {
	admin, err := mysql.ParseDSN(srv.DSN("admin", ""))
	if err != nil {
		return nil, err
	}
	admin.InterpolateParams = true
	connector, err := mysql.NewConnector(admin)
	if err != nil {
		return nil, err
	}
	w := &world{admin: sql.OpenDB(connector), login: admin.Clone(), before: map[string]facts{}, dirty: true}
	w.login.User, w.login.Passwd, w.login.DBName = "subject", "subject", "corpus"
	w.login.MultiStatements = true // what a text can do at worst
	w.globals, err = w.readGlobals(ctx)
	return w, err
}

// clean puts global variables back and makes the schema and the user anew, if
// anything may have changed them.
func (w *world) clean(ctx context.Context) error {
	if err := w.restoreGlobals(ctx); err != nil || !w.dirty {
		return err
	}
	// Prepared transactions outlive their sessions and hold their locks.
	if err := own().rollBackXA(ctx, w); err != nil {
		return err
	}
	todo, err := w.drops(ctx)
	if err != nil {
		return err
	}
	todo = append(todo, past...)
	for _, text := range corpus.Schema {
		if strings.Contains(text, "FULLTEXT") {
			text += " ENGINE = MyISAM" // InnoDB takes up to a second to drop a full-text index
		}
		todo = append(todo, text)
	}
	todo = append(todo, own().schema...)
	todo = append(todo, "CREATE USER subject@'%' IDENTIFIED BY 'subject'", "GRANT ALL ON *.* TO subject@'%' WITH GRANT OPTION")
	todo = append(todo, own().grants...)
	conn, err := w.admin.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, text := range todo {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	if own().sequences != "" {
		w.sequences, err = w.column(ctx, own().sequences)
	}
	w.dirty = err != nil
	return err
}

// drops are the statements that remove what statements made.
func (w *world) drops(ctx context.Context) (out []string, err error) {
	for _, query := range append(own().others, "SELECT CONCAT('DROP SERVER `', server_name, '`') FROM mysql.servers", "SELECT CONCAT('DROP DATABASE `', REPLACE(schema_name, '`', '``'), '`')"+` FROM information_schema.schemata
		WHERE schema_name NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema', 'app', 'lab')`, own().accounts) {
		more, err := w.column(ctx, query)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// readGlobals returns the global values as a SET GLOBAL takes them.
func (w *world) readGlobals(ctx context.Context) (facts, error) {
	rows, err := w.admin.QueryContext(ctx, own().globals)
	if err != nil {
		return nil, err
	}
	f := facts{}
	return f, f.add("", rows)
}

func (w *world) restoreGlobals(ctx context.Context) error {
	now, err := w.readGlobals(ctx)
	if err != nil {
		return err
	}
	for name, value := range w.globals {
		if now[name] == value {
			continue
		}
		if _, err := w.admin.ExecContext(ctx, "SET GLOBAL "+name+" = "+value); err != nil {
			return fmt.Errorf("restore %s: %w", name, err)
		}
	}
	return nil
}

func (w *world) column(ctx context.Context, query string) (out []string, err error) {
	rows, err := w.admin.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
