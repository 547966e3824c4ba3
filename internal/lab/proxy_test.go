package lab_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
)

func TestProxyPassesBothWays(t *testing.T) {
	p := startProxy(t, startEcho(t, "one").addr)
	c := dial(t, p.Addr())
	wantRead(t, c, "one")
	text := strings.Repeat("0123456789", 100_000)
	go io.WriteString(c, text)
	wantRead(t, c, text)
	if got := p.Accepted(); got != 1 {
		t.Errorf("accepted: got %d, want 1", got)
	}
	wantOpen(t, p, 1)
	must(t, c.Close())
	wantOpen(t, p, 0)
}

func TestProxyUpstreamMovesForNewConnectionsOnly(t *testing.T) {
	p := startProxy(t, startEcho(t, "one").addr)
	first := dial(t, p.Addr())
	wantRead(t, first, "one")
	p.SetUpstream(startEcho(t, "two").addr)
	wantRead(t, dial(t, p.Addr()), "two")
	send(t, first, "still here")
	wantRead(t, first, "still here")
}

func TestProxyLatencyDelaysEachDirectionAndKeepsOrder(t *testing.T) {
	const d = 40 * time.Millisecond
	p := startProxy(t, startEcho(t, "one").addr)
	c := dial(t, p.Addr())
	wantRead(t, c, "one")
	p.SetLatency(d)
	begun := time.Now()
	for range 10 {
		send(t, c, "x")
	}
	send(t, c, "y")
	wantRead(t, c, "xxxxxxxxxxy")
	if took := time.Since(begun); took < 2*d {
		t.Errorf("round trip: got %v, want at least %v", took, 2*d)
	}
	if took := time.Since(begun); took > 11*d {
		t.Errorf("eleven messages under way took %v: they were delayed one after the other", took)
	}
	p.SetLatency(0)
}

func TestProxyBlackHoleSwallowsForEverAndNewConnectionsHeal(t *testing.T) {
	p := startProxy(t, startEcho(t, "one").addr)
	old := dial(t, p.Addr())
	wantRead(t, old, "one")
	p.BlackHole(true)
	send(t, old, "lost")
	during := dial(t, p.Addr())
	send(t, during, "lost too")
	wantSilence(t, old)
	wantSilence(t, during)

	p.BlackHole(false)
	send(t, old, "and lost")
	wantSilence(t, old)
	wantSilence(t, during)
	wantRead(t, dial(t, p.Addr()), "one")
	wantOpen(t, p, 3)
	must(t, old.Close())
	wantOpen(t, p, 2)
}

func TestProxyStallHoldsBackAndDelivers(t *testing.T) {
	p := startProxy(t, startEcho(t, "one").addr)
	old := dial(t, p.Addr())
	wantRead(t, old, "one")
	p.Stall(true)
	send(t, old, "held")
	during := dial(t, p.Addr())
	wantSilence(t, old)
	wantSilence(t, during)
	p.Stall(false)
	wantRead(t, old, "held")
	wantRead(t, during, "one")
}

func TestProxyRefusesAndOpensAgain(t *testing.T) {
	p := startProxy(t, startEcho(t, "one").addr)
	old := dial(t, p.Addr())
	wantRead(t, old, "one")
	for range 2 {
		must(t, p.Refuse(t.Context(), true))
		wantRefused(t, p.Addr())
	}
	send(t, old, "still here")
	wantRead(t, old, "still here")
	must(t, p.Refuse(t.Context(), false))
	wantRead(t, dial(t, p.Addr()), "one")
}

func TestProxyResetAllResetsOpenConnectionsOnly(t *testing.T) {
	p := startProxy(t, startEcho(t, "one").addr)
	c := dial(t, p.Addr())
	wantRead(t, c, "one")
	p.ResetAll()
	if _, err := c.Read(make([]byte, 1)); !isReset(err) {
		t.Errorf("got %v, want connection reset", err)
	}
	wantOpen(t, p, 0)
	wantRead(t, dial(t, p.Addr()), "one")
}

func TestProxyCutsAfterExactlySoManyBytes(t *testing.T) {
	p := startProxy(t, startEcho(t, "").addr)
	old := dial(t, p.Addr())
	send(t, old, "hello")
	wantRead(t, old, "hello")
	p.CutAfter(7)
	for _, c := range []io.ReadWriter{old, dial(t, p.Addr())} {
		io.WriteString(c, "0123456789")
		if got, err := io.ReadAll(c); string(got) != "0123456" || err != nil {
			t.Errorf("got %q, %v, want the first 7 bytes and the end", got, err)
		}
	}
	p.CutNever()
	c := dial(t, p.Addr())
	send(t, c, "0123456789")
	wantRead(t, c, "0123456789")
}

func TestProxyResetsClientsOfAServerThatIsDown(t *testing.T) {
	p := startProxy(t, "127.0.0.1:1")
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Addr())
	if err == nil { // the reset can come before the dial is over
		defer c.Close()
		must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = c.Read(make([]byte, 1))
	}
	if !isReset(err) {
		t.Errorf("got %v, want connection reset", err)
	}
}

func TestProxyCloseEndsConnectionsInEveryState(t *testing.T) {
	p := startProxy(t, startEcho(t, "one").addr)
	swallowed := dial(t, p.Addr())
	wantRead(t, swallowed, "one")
	p.BlackHole(true)
	p.BlackHole(false)
	p.SetLatency(time.Hour)
	delayed := dial(t, p.Addr())
	p.SetLatency(0)
	p.Stall(true)
	stalled := dial(t, p.Addr())
	send(t, stalled, "held")
	wantOpen(t, p, 3)

	must(t, p.Close())
	wantRefused(t, p.Addr())
	for _, c := range []io.Reader{swallowed, delayed, stalled} {
		if _, err := c.Read(make([]byte, 1)); !isReset(err) {
			t.Errorf("got %v, want connection reset", err)
		}
	}
	must(t, p.Close())
	if err := p.Refuse(t.Context(), false); err == nil {
		t.Error("a closed proxy was opened again")
	}
}

func TestServerKeepsWhatABlackHoleHasSwallowed(t *testing.T) {
	srv := start(t, lab.Config{})
	p := startProxy(t, srv.Addr())
	db := open(t, strings.Replace(srv.DSN("app", "app"), srv.Addr(), p.Addr(), 1))
	must(t, db.PingContext(t.Context()))
	p.BlackHole(true)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := db.PingContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ping into a black hole: got %v, want deadline exceeded", err)
	}
	wantOpen(t, p, 0) // the driver has given the connection up
	if n, err := srv.Processes(t.Context(), "app"); n != 1 || err != nil {
		t.Errorf("processes of app: got %d, %v, want the 1 that nobody told", n, err)
	}
	p.BlackHole(false)
	must(t, db.PingContext(t.Context()))
	p.ResetAll()
	untilProcesses(t, srv, "app", 0)
}

func wantOpen(t *testing.T, p *lab.Proxy, want int) {
	t.Helper()
	until(t, "the proxy's open connections are as wanted", func(context.Context) (bool, error) {
		got := p.Open()
		if got != want {
			return false, errors.New("open: " + strings.Repeat("|", got))
		}
		return true, nil
	})
}
