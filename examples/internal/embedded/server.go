package embedded

import (
	"context"
	"fmt"
	"net"
	"sync"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
)

// Server is a running server. All methods are safe for concurrent use.
type Server struct {
	name    string
	addr    string
	engine  *sqle.Engine
	handler *handler
	clients *clients
	stop    func() // may be called more than once
}

// Start starts a server and returns once it accepts connections; ctx bounds the start only. Stop it with [Server.Stop].
//
// The first Start in a process silences the engine's loggers, logrus's standard logger among them: the engine knows
// no other.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	prepareProcess()

	var lc net.ListenConfig
	lis, err := lc.Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("embedded: start %s: %w", cfg.Name, err)
	}
	srv, err := serve(cfg, lis)
	if err != nil {
		lis.Close()
		return nil, fmt.Errorf("embedded: start %s: %w", cfg.Name, err)
	}
	return srv, nil
}

func serve(cfg Config, lis net.Listener) (*Server, error) {
	engine := sqle.NewDefault(cfg.Data.provider)
	engine.ReadOnly.Store(cfg.Role == Replica)
	open := newClients(cfg.MaxConnections)
	h := newHandler(cfg, engine, open)
	addr := lis.Addr().String()
	protocol, err := server.NewServerWithHandler(server.Config{
		Protocol: "tcp",
		Address:  addr,
		Listener: &listener{Listener: lis, clients: open},
	}, engine, sql.NewContext, h.buildSession, nil, h.wrap)
	if err != nil {
		return nil, err
	}

	var accepting sync.WaitGroup
	accepting.Go(func() { protocol.Start() })
	s := &Server{name: cfg.Name, addr: addr, engine: engine, handler: h, clients: open}
	s.stop = sync.OnceFunc(func() {
		protocol.Close()
		s.killEach(open.each(true))
		accepting.Wait()
		open.done.Wait()
		engine.Close()
	})
	return s, nil
}

// Name returns [Config.Name].
func (s *Server) Name() string { return s.name }

// Addr returns the host:port the server listens on.
func (s *Server) Addr() string { return s.addr }

// DSN returns a data source name for go-sql-driver/mysql.
func (s *Server) DSN() string {
	return fmt.Sprintf("%[1]s:%[1]s@tcp(%[2]s)/%[1]s", databaseName, s.addr)
}

// Role returns the current role.
func (s *Server) Role() Role { return s.handler.role() }

// SetRole changes the role. Open connections stay open, as on a real server: a demoted one refuses their writes, and
// the COMMIT of a transaction that wrote, with error 1290. SetRole waits for the statement that is touching a table
// at the moment; when it returns, no later write is accepted with the old role.
func (s *Server) SetRole(role Role) { s.handler.setRole(role) }

// ConnectionCount returns the number of open connections.
func (s *Server) ConnectionCount() int { return s.clients.count() }

// Kill ends the query and closes the connection with this CONNECTION_ID(), without a word to the client. It reports
// whether there was one.
func (s *Server) Kill(id uint32) bool {
	cl := s.clients.find(id)
	if cl == nil {
		return false
	}
	s.engine.ProcessList.Kill(id)
	cl.kill()
	return true
}

// KillAll does what [Server.Kill] does, to every connection, and returns how many there were.
func (s *Server) KillAll() int {
	all := s.clients.each(false)
	s.killEach(all)
	return len(all)
}

func (s *Server) killEach(all []*client) {
	for _, cl := range all {
		// First the query: it might wait for something other than its connection.
		s.engine.ProcessList.Kill(s.clients.idOf(cl))
		cl.kill()
	}
}

// Stop refuses new connections, closes the open ones and waits until nothing of the server runs. Its [Data] lives on.
func (s *Server) Stop() { s.stop() }
