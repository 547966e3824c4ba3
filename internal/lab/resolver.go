package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// Resolver is a DNS server on loopback whose names can move. It answers A and
// AAAA questions with one address and a time to live of 0. It is written here
// because a DNS library would bring three modules for a hundred lines. Its
// methods may be called concurrently.
type Resolver struct {
	conn *net.UDPConn
	wg   sync.WaitGroup // the server

	mu      sync.Mutex // guards the fields below
	names   map[string]netip.Addr
	lookups map[string]int
	broken  bool
}

// NewResolver starts a resolver that knows the names with their IP addresses.
// The caller must [Resolver.Close] it.
func NewResolver(names map[string]string) (*Resolver, error) {
	r := &Resolver{names: map[string]netip.Addr{}, lookups: map[string]int{}}
	for name, ip := range names {
		if err := r.Set(name, ip); err != nil {
			return nil, err
		}
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("lab: start resolver: %w", err)
	}
	r.conn = conn
	r.wg.Go(r.serve)
	return r, nil
}

// Resolver returns a resolver that asks this server only. With
//
//	dialer := net.Dialer{Resolver: r.Resolver()}
//
// its DialContext finds the names. Go remembers no answer, so a name that has
// moved leads the next dial to its new place.
func (r *Resolver) Resolver() *net.Resolver {
	addr := r.conn.LocalAddr().String()
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "udp4", addr)
		},
	}
}

// Set makes name lead to ip from the next question on.
func (r *Resolver) Set(name, ip string) error {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return fmt.Errorf("lab: resolver: address of %s: %w", name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names[canonical(name)] = addr.Unmap()
	return nil
}

// Remove makes the resolver answer that there is no such name.
func (r *Resolver) Remove(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.names, canonical(name))
}

// Break makes the resolver answer every question with a server failure.
func (r *Resolver) Break(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = on
}

// Lookups counts how often name was asked for. Go asks for A and AAAA each
// time; only A is counted.
func (r *Resolver) Lookups(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lookups[canonical(name)]
}

// Close ends the server and returns when it has ended.
func (r *Resolver) Close() error {
	err := r.conn.Close()
	r.wg.Wait()
	return err
}

func (r *Resolver) serve() {
	buf := make([]byte, 1500)
	for {
		n, from, err := r.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return // closed
		}
		q, ok := parseQuestion(buf[:n])
		if !ok {
			continue
		}
		addr, code := r.answer(q)
		// A reply that cannot be sent is a lost datagram: the client asks again.
		_, _ = r.conn.WriteToUDPAddrPort(q.reply(addr, code), from)
	}
}

// answer returns the address, which need not be of the kind asked for.
func (r *Resolver) answer(q question) (netip.Addr, byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.kind == typeA {
		r.lookups[q.name]++
	}
	addr, known := r.names[q.name]
	switch {
	case r.broken:
		return netip.Addr{}, codeServerFailure
	case !known:
		return netip.Addr{}, codeNoSuchName
	}
	return addr, codeSuccess
}

func canonical(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}
