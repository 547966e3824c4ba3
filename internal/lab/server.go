package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// startDraws is how often Start picks another port after losing one.
const startDraws = 5

// Server is one server process with its own data directory. Its methods may be called
// concurrently.
type Server struct {
	family    family
	progs     programs
	cfg       Config // Port is never 0
	extraPort int
	alone     bool // not a node of a cluster
	image     []file
	dir       string // holds data and the log
	admin     *sql.DB

	certificate *certificate // nil without one of the lab's

	life sync.Mutex // held through a start or an end, so that they take turns

	mu        sync.Mutex // guards the fields below
	proc      *process   // the latest; nil only inside Start
	readOnly  bool       // what the next start will say
	id        int        // server_id in a cluster, else 0
	joinArgs  []string   // what a cluster adds
	passwords map[string]string
	closed    bool
}

// Start starts a server and returns when it answers. The server lives on when
// ctx ends: the caller must [Server.Close] it. Without the server's programs the
// error matches [ErrNoMariaDB] or [ErrNoMySQL].
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	drawn := cfg.Port == 0
	for range startDraws {
		if drawn {
			if cfg.Port, err = freePort(ctx, cfg.Host); err != nil {
				return nil, err
			}
		}
		var s *Server
		s, err = startServer(ctx, cfg, 0, nil)
		if err == nil {
			return s, nil
		}
		if !drawn || !errors.Is(err, errPortTaken) {
			break
		}
	}
	return nil, err
}

// startServer starts a server on a port that is decided. An id above 0 is the
// server_id of a node of a cluster, and joinArgs are what the cluster adds.
func startServer(ctx context.Context, cfg Config, id int, joinArgs []string) (*Server, error) {
	family := cfg.family()
	progs, err := family.find(searchPath())
	if err != nil {
		return nil, err
	}
	image, err := dataImage(ctx, cfg.datadir(), progs)
	if err != nil {
		return nil, err
	}
	extraPort := cfg.Port
	for extraPort == cfg.Port { // nobody listens on cfg.Port yet
		if extraPort, err = freePort(ctx, cfg.Host); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "weir-lab-")
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	s := &Server{
		family: family, progs: progs, cfg: cfg, extraPort: extraPort, alone: id == 0, joinArgs: joinArgs, image: image, dir: dir,
		readOnly: cfg.ReadOnly, id: id,
		passwords: map[string]string{"app": "app", "admin": "admin"},
	}
	if err := s.firstLaunch(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) firstLaunch(ctx context.Context) error {
	if err := s.certify(); err != nil {
		return err
	}
	if err := s.openAdmin(); err != nil {
		return err
	}
	if err := writeImage(s.image, s.dataDir()); err != nil {
		return err
	}
	if err := os.WriteFile(s.initFile(), []byte(s.family.initFile()), 0o600); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	return s.launch(ctx)
}

// launch starts the server and waits until it answers. The caller
// holds life, unless nobody else knows the server yet.
func (s *Server) launch(ctx context.Context) error {
	log, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	defer log.Close() // the child has its own descriptor
	begin, err := log.Seek(0, 2)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	proc, err := startProcess(s.progs.server, s.args(), s.dir, log)
	if err != nil {
		return fmt.Errorf("lab: start %v: %w", s.cfg.Kind, err)
	}
	s.mu.Lock()
	s.proc = proc
	s.mu.Unlock()
	if err := s.awaitAnswer(ctx, proc); err != nil {
		return errors.Join(s.explain(err, begin), proc.kill())
	}
	return nil
}

// awaitAnswer asks the server which data directory it has: whoever else might
// listen on that port has another.
func (s *Server) awaitAnswer(ctx context.Context, proc *process) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	return Until(ctx, s.cfg.Kind.String()+" on "+s.Addr()+" answers", func(ctx context.Context) (bool, error) {
		if proc.ended() {
			cancel(fmt.Errorf("%v ended: %w", s.cfg.Kind, proc.err))
			return false, nil
		}
		var dir string
		err := s.admin.QueryRowContext(ctx, "SELECT @@datadir").Scan(&dir)
		return filepath.Clean(dir) == s.dataDir(), err
	})
}

// explain adds the end of what the server logged after begin.
func (s *Server) explain(err error, begin int64) error {
	data, readErr := os.ReadFile(s.logPath())
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	said := string(data[min(begin, int64(len(data))):])
	if strings.Contains(said, "Address already in use") {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return fmt.Errorf("%w\nerror log of %s:\n%s", err, s.Addr(), lastLines(said, logTail))
}

// args is the whole command line. What is committed survives a kill of the
// process; nothing is synced to disk for the sake of a power cut.
func (s *Server) args() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	args := append([]string{
		"--no-defaults",                                 // must be first
		"--datadir=" + s.dataDir(), "--tmpdir=" + s.dir, // a server that starts sweeps its tmpdir: none may share it
		"--socket=server.sock", "--pid-file=server.pid", // inside the data directory
		"--skip-name-resolve", "--performance-schema=0",
		"--innodb-buffer-pool-size=32M",
		"--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync", "--sync-binlog=0",
	}, userArgs()...)
	args = append(args, s.family.args(s.cfg.Host, s.extraPort, s.initFile(), s.alone)...)
	if s.readOnly {
		args = append(args, "--"+strings.ReplaceAll(s.refusal(), "_", "-")+"=1")
	}
	if s.id > 0 {
		args = append(args, "--server-id="+strconv.Itoa(s.id))
	}
	args = append(args, s.tlsArgs()...)
	args = append(args, s.joinArgs...)
	return append(args, s.cfg.args()...)
}

// Addr is the server's host:port. It never changes.
func (s *Server) Addr() string {
	return net.JoinHostPort(s.cfg.Host, strconv.Itoa(s.cfg.Port))
}

// Host is the address the server listens on.
func (s *Server) Host() string { return s.cfg.Host }

// Port is the server's TCP port. It never changes.
func (s *Server) Port() int { return s.cfg.Port }

func (s *Server) replication() replication { return s.family.replication() }

func (s *Server) dataDir() string { return filepath.Join(s.dir, "data") }

func (s *Server) initFile() string { return filepath.Join(s.dir, "users.sql") }
