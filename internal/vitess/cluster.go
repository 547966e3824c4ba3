package vitess

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/lab"
)

// A Cluster is a Vitess on one machine: a MySQL server, and over it one process that is the tablets, their topology and two ports of one
// vtgate. Its methods may be called concurrently.
type Cluster struct {
	MySQL *lab.Server

	cfg     Config
	dir     string
	built   string // where make vitess has put vtcombo
	program string
	port    int
	web     int
	grpc    int
	proc    *process
	logs    *os.File
}

// The keyspaces.
const (
	Unsharded = "shop" // one shard
	Sharded   = "mall" // two shards, by user_id
)

// databases are the shards' own on the MySQL server.
var databases = []string{"vt_shop_0", "vt_mall_a", "vt_mall_b"}

const topology = `keyspaces:{name:"shop" shards:{name:"0" db_name_override:"vt_shop_0"}} ` +
	`keyspaces:{name:"mall" shards:{name:"-80" db_name_override:"vt_mall_a"} shards:{name:"80-" db_name_override:"vt_mall_b"}} cells:"test"`

// vschemas tell vtgate where the rows of a table are, and where new ids come from.
var vschemas = map[string]string{
	Unsharded: `{"tables": {"item_seq": {"type": "sequence"}}}`,
	Sharded: `{"sharded": true, "vindexes": {"hash": {"type": "hash"}}, "tables": {"item": {
		"column_vindexes": [{"column": "user_id", "name": "hash"}], "auto_increment": {"column": "id", "sequence": "item_seq"}}}}`,
}

// Config says how a cluster starts.
type Config struct {
	// Args are further arguments of vtcombo. They come last and win.
	Args []string
}

// Start starts a cluster and returns when vtgate answers. The caller must [Cluster.Close] it. The error matches [ErrNoVitess] where vtcombo has
// not been built, and [lab.ErrNoMySQL] where there is no MySQL server.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "weir-vitess-")
	if err != nil {
		return nil, fmt.Errorf("vitess: %w", err)
	}
	c := &Cluster{cfg: cfg, dir: dir, built: program, program: program}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	if err := c.layOut(); err != nil {
		return err
	}
	var err error
	c.MySQL, err = lab.Start(ctx, lab.Config{Kind: lab.MySQL, MaxConnections: 1000, Args: []string{
		"--socket=" + c.socket(), "--log-bin=binlog", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--server-id=1",
	}})
	if err != nil {
		return err
	}
	for _, statement := range preparations() {
		if _, err := c.MySQL.Admin().ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("vitess: %s: %w", statement, err)
		}
	}
	return c.launch(ctx)
}

// preparations make what the tablets need of MySQL.
func preparations() []string {
	var out []string
	for _, user := range []string{"vt", "vt_app", "vt_dba", "vt_repl", "vt_filtered", "vt_allprivs", "vt_appdebug"} {
		out = append(out, fmt.Sprintf("CREATE USER %s@localhost IDENTIFIED BY ''", user),
			fmt.Sprintf("GRANT ALL PRIVILEGES ON *.* TO %s@localhost WITH GRANT OPTION", user))
	}
	for _, database := range databases {
		out = append(out, "CREATE DATABASE "+database)
	}
	out = append(out,
		"CREATE TABLE vt_shop_0.item_seq (id INT PRIMARY KEY, next_id BIGINT, cache BIGINT) COMMENT 'vitess_sequence'",
		"INSERT INTO vt_shop_0.item_seq VALUES (0, 1, 100)")
	for _, database := range databases[1:] {
		out = append(out, "CREATE TABLE "+database+".item (id BIGINT PRIMARY KEY, user_id BIGINT NOT NULL, v VARCHAR(40))")
	}
	return out
}

// layOut writes the vschemas. Another user runs vtcombo if this is root.
func (c *Cluster) layOut() error {
	for keyspace, vschema := range vschemas {
		at := filepath.Join(c.dir, "schema", keyspace)
		if err := os.MkdirAll(at, 0o755); err != nil {
			return fmt.Errorf("vitess: %w", err)
		}
		if err := os.WriteFile(filepath.Join(at, "vschema.json"), []byte(vschema), 0o644); err != nil {
			return fmt.Errorf("vitess: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Join(c.dir, "home", "tmp"), 0o755); err != nil {
		return fmt.Errorf("vitess: %w", err)
	}
	if os.Geteuid() != 0 {
		return nil
	}
	return c.giveAway()
}

func (c *Cluster) socket() string { return filepath.Join(c.dir, "mysql.sock") }

func (c *Cluster) home() string { return filepath.Join(c.dir, "home") }

// launch starts vtcombo and waits until both keyspaces answer.
func (c *Cluster) launch(ctx context.Context) error {
	for _, port := range []*int{&c.port, &c.web, &c.grpc} {
		var err error
		if *port, err = freePort(); err != nil {
			return err
		}
	}
	var err error
	if c.logs, err = os.OpenFile(filepath.Join(c.dir, "vtcombo.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return fmt.Errorf("vitess: %w", err)
	}
	if c.proc, err = startProcess(c.program, c.args(), c.home(), c.logs); err != nil {
		return fmt.Errorf("vitess: start vtcombo: %w", err)
	}
	if err := c.awaitAnswer(ctx); err != nil {
		said, _ := os.ReadFile(c.logs.Name())
		return fmt.Errorf("%w\nvtcombo said:\n%s", err, said[max(0, len(said)-4000):])
	}
	return nil
}

func (c *Cluster) args() []string {
	return append([]string{
		"--port", strconv.Itoa(c.web), "--bind-address", "127.0.0.1", "--grpc-port", strconv.Itoa(c.grpc), "--grpc-bind-address", "127.0.0.1",
		"--service-map", "grpc-vtctld", "--db-charset", "utf8mb4", "--db-socket", c.socket(), "--db-app-user", "vt", "--db-dba-user", "vt",
		"--proto-topo", topology, "--schema-dir", filepath.Join(c.dir, "schema"), "--cell", "test", "--mycnf-server-id", "1", "--mycnf-socket-file", c.socket(),
		"--normalize-queries", "--dbddl-plugin", "vttest", "--foreign-key-mode", "allow", "--enable-system-settings=true", "--mysql-auth-server-impl", "none",
		"--mysql-server-port", strconv.Itoa(c.port), "--mysql-server-bind-address", "127.0.0.1", "--mysql-server-version", "8.4.0-Vitess",
		"--queryserver-config-transaction-timeout", "300s", "--vschema-ddl-authorized-users", "%", "--allow-kill-statement", "--enable-consolidator=false",
	}, c.cfg.Args...)
}

func (c *Cluster) awaitAnswer(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, keyspace := range []string{Unsharded, Sharded} {
		cfg, err := mysql.ParseDSN(c.DSN(keyspace))
		if err != nil {
			return err
		}
		cfg.Logger = &mysql.NopLogger{}
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			return err
		}
		db := sql.OpenDB(connector)
		defer db.Close()
		err = lab.Until(ctx, "vtgate answers for "+keyspace, func(ctx context.Context) (bool, error) {
			if c.proc.ended() {
				cancel(fmt.Errorf("vtcombo ended: %w", c.proc.err))
				return false, nil
			}
			_, err := db.ExecContext(ctx, "SELECT 1 FROM "+map[string]string{Unsharded: "item_seq", Sharded: "item"}[keyspace])
			return err == nil, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Addr is vtgate's host:port.
func (c *Cluster) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)) }

// DSN leads to a keyspace, which may name a shard and the type of tablets: shop, shop@replica, mall:-80@primary.
func (c *Cluster) DSN(keyspace string) string {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "app", "tcp", c.Addr(), keyspace
	return cfg.FormatDSN()
}

// Close ends both processes and removes what they wrote.
func (c *Cluster) Close() error {
	var errs []error
	if c.proc != nil {
		errs = append(errs, c.proc.kill())
	}
	if c.logs != nil {
		errs = append(errs, c.logs.Close())
	}
	if c.MySQL != nil {
		errs = append(errs, c.MySQL.Close())
	}
	if err := errors.Join(append(errs, os.RemoveAll(c.dir))...); err != nil {
		return fmt.Errorf("vitess: close: %w", err)
	}
	return nil
}

// Logs are the last lines that vtcombo wrote.
func (c *Cluster) Logs(lines int) string {
	said, err := os.ReadFile(c.logs.Name())
	if err != nil {
		return err.Error()
	}
	all := strings.Split(string(said), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Reparent makes another tablet the primary of its shard. The unsharded keyspace has tablets 1, 2 and 3, of which 1 is the primary at the
// beginning. All tablets are over one MySQL server, which notices nothing: vtgate and the tablets do what they do when a primary was replaced
// by somebody else than Vitess.
func (c *Cluster) Reparent(ctx context.Context, tablet int) error {
	cmd := exec.CommandContext(ctx, c.built, "reparent", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.grpc)), "test", strconv.Itoa(tablet))
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("vitess: reparent to %d: %w\n%s", tablet, err, said)
	}
	return nil
}

// Vars are the counters of vtgate and of the tablets.
func (c *Cluster) Vars(ctx context.Context) (map[string]any, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", strconv.Itoa(c.web))+"/debug/vars", nil)
	if err != nil {
		return nil, fmt.Errorf("vitess: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("vitess: %w", err)
	}
	defer answer.Body.Close()
	vars := map[string]any{}
	if err := json.NewDecoder(answer.Body).Decode(&vars); err != nil {
		return nil, fmt.Errorf("vitess: %w", err)
	}
	return vars, nil
}
