package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/weirpool/weir/examples/internal/embedded"
	"github.com/weirpool/weir/internal/lab"
)

// testPace is fast, and leaves a machine that is busy with other tests time to keep every promise.
const testPace pace = 0.3

// A page is what was printed so far.
type page struct {
	mu   sync.Mutex // guards the fields below
	text bytes.Buffer
	seen func(text string) // told of all that was printed, after each line
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text.Write(b)
	if p.seen != nil {
		p.seen(p.text.String())
	}
	return len(b), nil
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// wantStory checks that a story ended well, told these chapters, left out those, and fits on the screen.
func wantStory(t *testing.T, p *page, err error, leftOut ...string) {
	t.Helper()
	text := p.String()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(line); n > 100 {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	if got, want := strings.Count(text, "\n   => "), len(chapters())-len(leftOut); got != want {
		t.Errorf("got %d conclusions, want %d", got, want)
	}
	for _, title := range leftOut {
		if !strings.Contains(text, title+"\n   Left out here: ") {
			t.Errorf("%q is not said to be left out", title)
		}
	}
	if !strings.Contains(text, ", 0 broken, in ") {
		t.Error("the promises are not counted at the end")
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestTheStoryHoldsOnEmbeddedServers(t *testing.T) {
	var p page
	err := demonstrate(t.Context(), &screen{out: &p}, testPace, startEmbedded)
	wantStory(t, &p, err)
}

func TestTheStoryHoldsOnATerminal(t *testing.T) {
	var p page
	if err := demonstrate(t.Context(), &screen{out: &p, terminal: true, colour: true}, testPace, startEmbedded); err != nil {
		t.Fatalf("%v\n%s", err, p.String())
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(p.String(), "\n", "\r"), "\r") {
		if n := utf8.RuneCountInString(line); strings.HasPrefix(line, "\x1b[K") && n > width+len("\x1b[K") {
			t.Errorf("a live line of %d characters does not fit: %q", n, line)
		}
	}
	if got := strings.Count(p.String(), "\r\x1b[K"); got < 50 {
		t.Errorf("live lines were rewritten %d times", got)
	}
}

func TestTheHarmlessPartHoldsOnAServerOfTheUsers(t *testing.T) {
	srv := startServer(t)
	var p page
	err := demonstrate(t.Context(), &screen{out: &p}, testPace, func(context.Context) (ground, error) { return useServer(srv.DSN()) })
	wantStory(t, &p, err, "Connections killed behind the pool's back", "Demotion of the primary", "Statements given up")
	srv.SetRole(embedded.Replica) // what had been written would be there
	if rows, err := (&embeddedPair{primary: srv}).rows(t.Context()); len(rows) > 0 || err != nil {
		t.Errorf("the demo wrote %d rows on the user's server (%v)", len(rows), err)
	}
	if err := until(t.Context(), "no connection is left", func() (bool, error) { return srv.ConnectionCount() == 0, nil }); err != nil {
		t.Error(err)
	}
}

// onEachKind runs a test on each kind of server that there is.
func onEachKind(t *testing.T, test func(t *testing.T, kind lab.Kind)) {
	for _, kind := range []lab.Kind{lab.MariaDB, lab.MySQL} {
		t.Run(kind.String(), func(t *testing.T) {
			if err := lab.Available(kind); errors.Is(err, lab.ErrNoMySQL) {
				t.Skip(err)
			}
			test(t, kind)
		})
	}
}

func TestTheHarmlessPartNeedsNoRightToWrite(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind lab.Kind) {
		srv, err := lab.Start(t.Context(), lab.Config{Kind: kind, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { srv.Close() })
		var p page
		err = demonstrate(t.Context(), &screen{out: &p}, testPace, func(context.Context) (ground, error) {
			return useServer(srv.DSN(appUser, "app"))
		})
		wantStory(t, &p, err, "Connections killed behind the pool's back", "Demotion of the primary", "Statements given up")
	})
}

func TestTheStoryHoldsOnRealServers(t *testing.T) {
	onEachKind(t, func(t *testing.T, kind lab.Kind) {
		var p page
		err := demonstrate(t.Context(), &screen{out: &p}, testPace, func(ctx context.Context) (ground, error) {
			return startReal(ctx, kind)
		})
		wantStory(t, &p, err)
	})
}

// A liar says that more connections were killed than there were.
type liar struct{ *embeddedPair }

func (l liar) killAll(ctx context.Context) (int, error) {
	killed, err := l.embeddedPair.killAll(ctx)
	return killed + 1, err
}

func TestABrokenPromiseIsShownAndFailsTheDemo(t *testing.T) {
	var p page
	err := demonstrate(t.Context(), &screen{out: &p}, testPace, func(ctx context.Context) (ground, error) {
		g, err := startEmbedded(ctx)
		if err != nil {
			return nil, err
		}
		return liar{g.(*embeddedPair)}, nil
	})
	if !errors.Is(err, errBroken) {
		t.Errorf("got %v, want %v", err, errBroken)
	}
	if !strings.Contains(p.String(), "\n   FAIL 9 connections killed by the server, 8 were open in the pool\n") {
		t.Errorf("the broken promise is not shown:\n%s", p.String())
	}
}

func TestAnInterruptedStoryLeavesNothingBehind(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := &page{seen: func(text string) {
		if strings.Contains(text, "| lent") {
			cancel()
		}
	}}
	var played *embeddedPair
	err := demonstrate(ctx, &screen{out: p}, testPace, func(ctx context.Context) (ground, error) {
		g, err := startEmbedded(ctx)
		if err == nil {
			played = g.(*embeddedPair)
		}
		return g, err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	counts, _ := played.census(t.Context(), nil)
	if total(counts) != 0 {
		t.Errorf("connections are left: %v", counts)
	}
	primary, replica := played.nodes()
	for _, n := range []*embedded.Server{primary, replica} {
		if conn, err := net.DialTimeout("tcp", n.Addr(), time.Second); err == nil {
			conn.Close()
			t.Errorf("%s still listens", n.Name())
		}
	}
	if strings.Contains(p.String(), "3. ") {
		t.Error("the story went on")
	}
}

func TestExitCodesTellWhatWentWrong(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		args []string
		want int
		says string
	}{
		{"help", t.Context(), []string{"-h"}, 0, "-dsn"},
		{"unknown flag", t.Context(), []string{"-nonsense"}, exitUsage, "-nonsense"},
		{"both grounds", t.Context(), []string{"-mariadb", "-dsn", "x"}, exitUsage, "-mysql or nothing"},
		{"both kinds", t.Context(), []string{"-mariadb", "-mysql"}, exitUsage, "-mysql or nothing"},
		{"stray argument", t.Context(), []string{"x"}, exitUsage, "nothing"},
		{"bad DSN", t.Context(), []string{"-dsn", "nonsense"}, exitFailed, "-dsn: "},
		{"nobody there", t.Context(), []string{"-dsn", "u:secret@tcp(127.0.0.1:1)/d"}, exitFailed, "warm start: "},
		{"interrupted", interrupted, []string{"-dsn", "u:secret@tcp(127.0.0.1:1)/d"}, exitInterrupted, "interrupted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p page
			var complaints bytes.Buffer
			if got := run(c.ctx, c.args, &screen{out: &p}, &complaints); got != c.want {
				t.Errorf("got exit code %d, want %d", got, c.want)
			}
			if !strings.Contains(complaints.String(), c.says) {
				t.Errorf("the complaint lacks %q: %s", c.says, complaints.String())
			}
			if all := p.String() + complaints.String(); strings.Contains(all, "secret") {
				t.Errorf("the password is shown: %s", all)
			}
		})
	}
}

func startServer(t *testing.T) *embedded.Server {
	t.Helper()
	srv, err := embedded.Start(t.Context(), embedded.Config{Name: "yours"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	return srv
}
