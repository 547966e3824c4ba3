package lab

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestConfigRefusesBadValues(t *testing.T) {
	tests := map[string]Config{
		"Host \"10.0.0.1\"":  {Host: "10.0.0.1"},
		"Host \"localhost\"": {Host: "localhost"},
		"Host \"::1\"":       {Host: "::1"},
		"Port 65536":         {Port: 65536},
		"Port -1":            {Port: -1},
		"MaxConnections 9":   {MaxConnections: 9},
		"MaxConnections -1":  {MaxConnections: -1},
		"WaitTimeout 1.5s":   {WaitTimeout: 1500 * time.Millisecond},
		"WaitTimeout -1s":    {WaitTimeout: -time.Second},
		"Kind 2":             {Kind: 2},
		"TLS 3":              {TLS: 3},
	}
	for want, cfg := range tests {
		if _, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want an error about %s", cfg, err, want)
		}
	}
}

func TestClusterRefusesWhatItDecidesItself(t *testing.T) {
	for _, base := range []Config{{Host: "127.0.0.5"}, {ReadOnly: true}, {MaxConnections: 1}, {Kind: 2}} {
		if _, err := StartCluster(t.Context(), 2, base); err == nil {
			t.Errorf("%+v was accepted", base)
		}
	}
	for _, n := range []int{0, -1, 10} {
		if _, err := StartCluster(t.Context(), n, Config{}); err == nil {
			t.Errorf("a cluster of %d was accepted", n)
		}
	}
}

func TestMissingServerSaysWhatToInstall(t *testing.T) {
	for kind, want := range map[Kind]struct {
		err  error
		says string
	}{MariaDB: {ErrNoMariaDB, "apt-get install"}, MySQL: {ErrNoMySQL, "scripts/install-mysql"}} {
		_, err := kind.family().find([]string{t.TempDir()})
		if !errors.Is(err, want.err) {
			t.Fatalf("%v: got %v, want %v", kind, err, want.err)
		}
		if msg := err.Error(); !strings.Contains(msg, want.says) || strings.Contains(msg, "\n") {
			t.Errorf("%v: got %q, want one line that says what to install", kind, msg)
		}
	}
}

// MariaDB installs its server under MySQL's name, too.
func TestMariaDBIsNotTakenForMySQL(t *testing.T) {
	dir := t.TempDir()
	for name, version := range map[string]string{"mysqld": "10.11.6-MariaDB", "other": "8.4.0"} {
		script := "#!/bin/sh\necho mysqld Ver " + version + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if progs, err := MySQL.family().find([]string{dir}); !errors.Is(err, ErrNoMySQL) {
		t.Errorf("got %v, %v, want ErrNoMySQL", progs, err)
	}
	if !isMySQL(filepath.Join(dir, "other")) {
		t.Error("MySQL was not recognized")
	}
}

func TestFreePortIsFreeAndNotEphemeral(t *testing.T) {
	port, err := freePort(t.Context(), "127.0.0.1", "127.0.0.2")
	if err != nil {
		t.Fatal(err)
	}
	if port < firstPort || port >= lastPort {
		t.Errorf("port %d is outside %d to %d", port, firstPort, lastPort)
	}
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := probePort(t.Context(), port, []string{"127.0.0.1", "127.0.0.2"}); err == nil {
		t.Error("a port that is taken on one host was called free")
	}
}

func TestKindIsAnOption(t *testing.T) {
	for _, want := range []Kind{MariaDB, MySQL} {
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{string(text), want.String()} {
			got := Kind(7)
			if err := got.UnmarshalText([]byte(name)); err != nil || got != want {
				t.Errorf("%q is %v, %v, want %v", name, got, err, want)
			}
		}
	}
	if err := new(Kind).UnmarshalText([]byte("Percona")); err == nil || !strings.Contains(err.Error(), `mariadb or mysql, not "Percona"`) {
		t.Errorf("an unknown server: %v, want an error that names those there are", err)
	}
}
