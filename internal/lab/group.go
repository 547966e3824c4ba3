package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// groupNodes is the smallest number of nodes of which one may die: the others are a majority.
const groupNodes = 3

// askWithin is how long a node that does not answer, such as a paused one, holds up a question to all nodes.
const askWithin = time.Second

// Group is three MySQL servers joined by Group Replication with one primary. The
// servers choose another one by themselves when the primary dies.
//
// Each node has a port of its own on 127.0.0.1: Group Replication wants an address
// that the system lists. So what leads to the primary is a [Proxy]. What happens to
// a single node is said with its own methods: [Server.Kill9], [Server.Stop],
// [Server.Pause], [Server.Continue]. The methods may be called concurrently.
type Group struct {
	nodes []*Server
}

// Member is a node as a node sees it.
type Member struct {
	Node  *Server
	State string // ONLINE, RECOVERING, UNREACHABLE, ERROR or OFFLINE
	Role  string // PRIMARY or SECONDARY; empty where it is not known
}

// StartGroup starts three MySQL servers, the first as primary, and returns when
// all are ONLINE. Each server is as base says; the group decides Kind, Host, Port
// and ReadOnly. The others expel a node as soon as they suspect it, which takes
// them some 6 seconds; the servers' own default is 5 seconds more. Without MySQL
// the error matches [ErrNoMySQL].
func StartGroup(ctx context.Context, base Config) (*Group, error) {
	if base.Host != "" || base.Port != 0 || base.ReadOnly {
		return nil, errors.New("lab: a group decides Host, Port and ReadOnly itself")
	}
	base.Kind = MySQL
	base, err := base.withDefaults()
	if err != nil {
		return nil, err
	}
	for range startDraws {
		g := &Group{}
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

func (g *Group) start(ctx context.Context, cfg Config) error {
	ports, err := freePorts(ctx, groupNodes, cfg.Host)
	if err != nil {
		return err
	}
	g.nodes = make([]*Server, groupNodes)
	err = each(g.nodes, func(i int, _ *Server) error {
		cfg := cfg
		cfg.Port = ports[i]
		node, err := startServer(ctx, cfg, i+1, groupArgs(cfg.Host, ports, i))
		g.nodes[i] = node
		return err
	})
	if err != nil {
		return err
	}
	if err := g.bootstrap(ctx, g.nodes[0]); err != nil {
		return err
	}
	return each(g.nodes[1:], func(_ int, node *Server) error { return g.Join(ctx, node) })
}

// each calls f for all nodes at the same time.
func each(nodes []*Server, f func(i int, node *Server) error) error {
	errs := make([]error, len(nodes))
	var calls sync.WaitGroup
	for i, node := range nodes {
		calls.Go(func() { errs[i] = f(i, node) })
	}
	calls.Wait()
	return errors.Join(errs...)
}

// groupArgs makes server number i fit for the group, which it does not join by itself.
func groupArgs(host string, ports []int, i int) []string {
	var seeds []string
	for _, port := range ports {
		seeds = append(seeds, host+":"+strconv.Itoa(port))
	}
	return []string{
		"--performance-schema=1", // the group's members are shown there
		"--log-bin=binlog", "--relay-log=relay", "--gtid-mode=ON", "--enforce-gtid-consistency=ON",
		"--report-host=" + host,
		"--plugin-load-add=group_replication.so",
		"--group-replication-group-name=5e4dc0de-0000-4000-8000-000000000001",
		"--group-replication-start-on-boot=OFF",
		"--group-replication-single-primary-mode=ON",
		"--group-replication-communication-stack=MYSQL", // through the server's own port: another would be open to the network
		"--group-replication-local-address=" + seeds[i],
		"--group-replication-group-seeds=" + strings.Join(seeds, ","),
		"--group-replication-recovery-get-public-key=ON",
		"--group-replication-recovery-reconnect-interval=1", // seconds
		"--group-replication-member-expel-timeout=0",
	}
}

// bootstrap makes node a group of one.
func (g *Group) bootstrap(ctx context.Context, node *Server) error {
	if err := node.SetGlobal(ctx, "group_replication_bootstrap_group", true); err != nil {
		return err
	}
	err := g.enter(ctx, node)
	return errors.Join(err, node.SetGlobal(ctx, "group_replication_bootstrap_group", false))
}

// Join makes node, running or not, an ONLINE member of the group, and returns when it is.
func (g *Group) Join(ctx context.Context, node *Server) error {
	if !slices.Contains(g.nodes, node) {
		return errors.New("lab: join: the node is not one of this group")
	}
	if !node.Running() {
		if err := node.Restart(ctx); err != nil {
			return err
		}
	}
	if err := run(ctx, node, "STOP GROUP_REPLICATION"); err != nil {
		return err
	}
	// The group refuses a node of which it has an older life.
	err := Until(ctx, "the group has forgotten "+node.Addr(), func(ctx context.Context) (bool, error) {
		primary := g.Primary(ctx)
		if primary == nil {
			return false, errors.New("lab: the group has no primary")
		}
		state, err := g.state(ctx, primary, node)
		return state == "", err
	})
	if err != nil {
		return err
	}
	return g.enter(ctx, node)
}

// enter makes a node that has left the group, or never was in it, a member.
func (g *Group) enter(ctx context.Context, node *Server) error {
	for _, query := range []string{
		"SET GLOBAL offline_mode = OFF", // it is ON where the group has expelled the node
		"CHANGE REPLICATION SOURCE TO source_user = 'admin', source_password = 'admin' FOR CHANNEL 'group_replication_recovery'",
		"START GROUP_REPLICATION",
	} {
		if err := run(ctx, node, query); err != nil {
			return err
		}
	}
	return Until(ctx, node.Addr()+" is ONLINE", func(ctx context.Context) (bool, error) {
		state, err := g.state(ctx, node, node)
		return state == "ONLINE", err
	})
}

// run runs a statement of the group's upkeep. What was wrong with it is in the log.
func run(ctx context.Context, node *Server, query string) error {
	if _, err := node.admin.ExecContext(ctx, query); err != nil {
		said, logErr := node.Log()
		return errors.Join(fmt.Errorf("lab: %s on %s: %w\nits error log:\n%s", query, node.Addr(), err, lastLines(said, logTail)), logErr)
	}
	return nil
}

// Heal makes every node an ONLINE member again, whatever has happened to it, as
// long as the others have a primary or choose one. A node that takes itself for
// a member is one only if the primary says so, too.
func (g *Group) Heal(ctx context.Context) error {
	for _, node := range g.nodes {
		if err := node.Continue(); err != nil {
			return err
		}
	}
	var primary *Server
	err := Until(ctx, "the group has a primary", func(ctx context.Context) (bool, error) {
		primary = g.Primary(ctx)
		return primary != nil, nil
	})
	if err != nil {
		return err
	}
	return each(g.nodes, func(_ int, node *Server) error {
		seen, err := g.state(ctx, primary, node)
		if err != nil {
			return err
		}
		if own, err := g.state(ctx, node, node); err == nil && seen == "ONLINE" && own == "ONLINE" {
			return nil
		}
		return g.Join(ctx, node)
	})
}

// Nodes returns all nodes.
func (g *Group) Nodes() []*Server { return slices.Clone(g.nodes) }

// Members is the group as one of its nodes sees it. A node that has left it sees itself alone.
func (g *Group) Members(ctx context.Context, as *Server) ([]Member, error) {
	members, err := g.members(ctx, as)
	if err != nil {
		return nil, fmt.Errorf("lab: members that %s sees: %w", as.Addr(), err)
	}
	return members, nil
}

func (g *Group) members(ctx context.Context, as *Server) ([]Member, error) {
	rows, err := as.admin.QueryContext(ctx, "SELECT member_port, member_state, member_role FROM performance_schema.replication_group_members")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var members []Member
	for rows.Next() {
		var m Member
		var port sql.NullInt64
		if err := rows.Scan(&port, &m.State, &m.Role); err != nil {
			return nil, err
		}
		at := slices.IndexFunc(g.nodes, func(s *Server) bool { return int64(s.Port()) == port.Int64 })
		if at < 0 {
			continue // a node that never was in a group shows no address
		}
		m.Node = g.nodes[at]
		members = append(members, m)
	}
	return members, rows.Err()
}

// state is that of a node in the eyes of another, or in its own; empty, if it is no member there.
func (g *Group) state(ctx context.Context, as, of *Server) (string, error) {
	members, err := g.Members(ctx, as)
	for _, m := range members {
		if m.Node == of {
			return m.State, nil
		}
	}
	return "", err
}

// Primary is the node that calls itself the primary, together with a majority of
// the members that it sees, and that accepts writes; nil, if there is none. One
// node alone does not tell: a primary that was paused takes itself for one for
// some seconds.
func (g *Group) Primary(ctx context.Context) *Server {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	var asked sync.WaitGroup
	defer asked.Wait()
	defer cancel() // whoever has not answered yet is not waited for
	answers := make(chan opinion, len(g.nodes))
	for _, node := range g.nodes {
		asked.Go(func() { answers <- g.opinion(ctx, node) })
	}
	votes, needs := map[*Server]int{}, map[*Server]int{}
	for range g.nodes {
		said := <-answers
		if said.primary == nil {
			continue
		}
		votes[said.primary]++
		if said.of == said.primary {
			needs[said.of] = said.members/2 + 1
		}
		if n := needs[said.primary]; n > 0 && votes[said.primary] >= n {
			if writable(ctx, said.primary) {
				return said.primary
			}
			return nil
		}
	}
	return nil
}

// An opinion is what a node says of the group.
type opinion struct {
	of      *Server
	primary *Server // nil, if it names none or does not answer
	members int
}

func (g *Group) opinion(ctx context.Context, of *Server) opinion {
	said := opinion{of: of}
	members, err := g.Members(ctx, of)
	if err != nil {
		return said
	}
	said.members = len(members)
	for _, m := range members {
		if m.Role == "PRIMARY" && m.State == "ONLINE" {
			said.primary = m.Node
		}
	}
	return said
}

func writable(ctx context.Context, node *Server) bool {
	var readOnly bool
	err := node.admin.QueryRowContext(ctx, "SELECT @@super_read_only").Scan(&readOnly)
	return err == nil && !readOnly
}

// Switch makes the node the primary, as one plans it. Transactions on the old one
// that have written are waited for.
func (g *Group) Switch(ctx context.Context, to *Server) error {
	return g.switchTo(ctx, to, "SELECT group_replication_set_as_primary(?)")
}

// SwitchWithin is [Group.Switch] with a limit in whole seconds, 0 included:
// meanwhile the old primary answers no other statement (4094), and then it cuts
// off the transactions that are open.
func (g *Group) SwitchWithin(ctx context.Context, to *Server, limit time.Duration) error {
	return g.switchTo(ctx, to, "SELECT group_replication_set_as_primary(?, ?)", int(limit/time.Second))
}

func (g *Group) switchTo(ctx context.Context, to *Server, query string, limit ...any) error {
	old := g.Primary(ctx)
	if old == nil {
		return fmt.Errorf("lab: switch to %s: the group has no primary", to.Addr())
	}
	var id, said string
	err := to.admin.QueryRowContext(ctx, "SELECT @@server_uuid").Scan(&id)
	if err == nil {
		err = old.admin.QueryRowContext(ctx, query, append([]any{id}, limit...)...).Scan(&said)
	}
	if err != nil {
		return fmt.Errorf("lab: switch to %s: %w", to.Addr(), err)
	}
	return nil
}

// Close kills all nodes and removes their data directories.
func (g *Group) Close() error { return closeNodes(g.nodes) }

func closeNodes(nodes []*Server) error {
	return each(nodes, func(_ int, node *Server) error {
		if node == nil {
			return nil
		}
		return node.Close()
	})
}
