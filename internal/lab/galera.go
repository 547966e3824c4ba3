package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Galera is three MariaDB servers joined by Galera: each accepts writes, and a
// write is acknowledged when all have it.
//
// Each node has an address of its own, 127.0.0.2 and up, and all have the same
// port: a name that moves ([Resolver]) can lead to any of them. What happens to a
// single node is said with its own methods: [Server.Kill9], [Server.Stop],
// [Server.Pause], [Server.Continue]. The methods may be called concurrently.
type Galera struct {
	nodes []*Server
}

// galerad is what a MariaDB server with Galera's library has of its own.
type galerad struct{ mariadbd }

func (galerad) find(dirs []string) (programs, error) {
	progs, err := mariadbd{}.find(dirs)
	if err == nil {
		progs.server, err = find("mariadbd-galera", dirs, anyProgram, ErrNoGalera)
	}
	return progs, err
}

// StartGalera starts three MariaDB servers with Galera's library, and returns when
// each has the others' rows and takes part. Each server is as base says; the
// cluster decides Kind, Host, Port and ReadOnly. A node that does not answer is
// left behind after 2 seconds; 5 are usual. Without Galera the error matches
// [ErrNoGalera].
func StartGalera(ctx context.Context, base Config) (*Galera, error) {
	if base.Kind != MariaDB || base.Host != "" || base.Port != 0 || base.ReadOnly {
		return nil, errors.New("lab: a Galera cluster decides Kind, Host, Port and ReadOnly itself")
	}
	base, err := base.withDefaults()
	if err != nil {
		return nil, err
	}
	base.galera = true
	for range startDraws {
		g := &Galera{}
		if err = g.start(ctx, base); err == nil {
			return g, nil
		}
		err = errors.Join(err, g.Close())
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	return nil, err
}

// start starts the nodes one after another: each copies the rows of one that is there.
func (g *Galera) start(ctx context.Context, cfg Config) error {
	hosts := nodeHosts(groupNodes)
	ports, err := freePorts(ctx, galeraPorts, hosts...)
	if err != nil {
		return err
	}
	cfg.Port = ports[0]
	for i, host := range hosts {
		cfg.Host = host
		join := galeraArgs(hosts, i, ports)
		first := join
		if i == 0 {
			first = append(slices.Clone(join), "--wsrep-new-cluster")
		}
		node, err := startServer(ctx, cfg, i+1, first)
		if err != nil {
			return err
		}
		node.joinWith(join)
		g.nodes = append(g.nodes, node)
		if err := g.awaitSynced(ctx); err != nil {
			return err
		}
	}
	return nil
}

// galeraPorts is how many ports a node has: for clients, for the other nodes, and for what it has missed.
const galeraPorts = 3

func galeraArgs(hosts []string, i int, ports []int) []string {
	at := func(host string, port int) string { return host + ":" + strconv.Itoa(port) }
	var seeds []string
	for _, host := range hosts {
		seeds = append(seeds, at(host, ports[1]))
	}
	provider := []string{
		"base_host=" + hosts[i], "base_port=" + strconv.Itoa(ports[1]),
		"gmcast.listen_addr=tcp://" + seeds[i],
		"ist.recv_addr=" + at(hosts[i], ports[2]),
		"gcache.size=32M",
		"evs.suspect_timeout=PT2S", "evs.inactive_timeout=PT4S", "evs.keepalive_period=PT0.5S",
	}
	return []string{
		"--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", // Galera wants both
		"--wsrep-on=ON", "--wsrep-cluster-name=lab",
		"--wsrep-cluster-address=gcomm://" + strings.Join(seeds, ","),
		"--wsrep-node-name=" + hosts[i],
		"--wsrep-node-address=" + hosts[i],
		"--wsrep-node-incoming-address=" + at(hosts[i], ports[0]),
		"--wsrep-provider-options=" + strings.Join(provider, ";"),
	}
}

// joinWith says what the next starts add for a cluster.
func (s *Server) joinWith(args []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joinArgs = args
}

// awaitSynced waits until all nodes have all rows and take part in the same
// cluster. A node that was paused has an outdated view of it for some seconds.
func (g *Galera) awaitSynced(ctx context.Context) error {
	want := fmt.Sprintf("Synced, one of %d in view ", len(g.nodes))
	return Until(ctx, fmt.Sprintf("%d nodes are Synced", len(g.nodes)), func(ctx context.Context) (bool, error) {
		first, err := galeraView(ctx, g.nodes[0])
		if err != nil || !strings.HasPrefix(first, want) {
			return false, errors.Join(err, errors.New(first))
		}
		for _, node := range g.nodes[1:] {
			if view, err := galeraView(ctx, node); err != nil || view != first {
				return false, errors.Join(err, errors.New(view))
			}
		}
		return true, nil
	})
}

// galeraView is the node's state, and the number and size of the cluster it sees.
func galeraView(ctx context.Context, node *Server) (string, error) {
	state, err := galeraStatus(ctx, node, "wsrep_local_state_comment")
	if err != nil {
		return "", err
	}
	size, err := galeraStatus(ctx, node, "wsrep_cluster_size")
	if err != nil {
		return "", err
	}
	view, err := galeraStatus(ctx, node, "wsrep_cluster_conf_id")
	return fmt.Sprintf("%s, one of %s in view %s", state, size, view), err
}

func galeraStatus(ctx context.Context, node *Server, name string) (value string, err error) {
	err = node.admin.QueryRowContext(ctx, "SELECT variable_value FROM information_schema.global_status WHERE variable_name = ?", name).Scan(&value)
	if err != nil {
		return "", fmt.Errorf("lab: %s of %s: %w", name, node.Addr(), err)
	}
	return value, nil
}

// Ready reports whether a node takes part: it is up, among the majority, and
// accepts statements. A node that has just been left behind says so for some
// seconds, too.
func (g *Galera) Ready(ctx context.Context, node *Server) bool {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	ready, err := galeraStatus(ctx, node, "wsrep_ready")
	if err != nil || ready != "ON" {
		return false
	}
	status, err := galeraStatus(ctx, node, "wsrep_cluster_status")
	return err == nil && status == "Primary"
}

// Size is how many nodes a node counts in its cluster.
func (g *Galera) Size(ctx context.Context, node *Server) (int, error) {
	text, err := galeraStatus(ctx, node, "wsrep_cluster_size")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("lab: cluster size of %s: %w", node.Addr(), err)
	}
	return n, nil
}

// Heal makes every node take part again, whatever has happened to it, as long as a majority does.
func (g *Galera) Heal(ctx context.Context) error {
	for _, node := range g.nodes {
		if err := node.Continue(); err != nil {
			return err
		}
	}
	for _, node := range g.nodes {
		if node.Running() {
			continue
		}
		if err := node.Restart(ctx); err != nil {
			return err
		}
	}
	return g.awaitSynced(ctx)
}

// Nodes returns all nodes in the order of their addresses.
func (g *Galera) Nodes() []*Server { return slices.Clone(g.nodes) }

// Close kills all nodes and removes their data directories.
func (g *Galera) Close() error { return closeNodes(g.nodes) }
