package lab_test

import (
	"errors"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirpool/weir/internal/lab"
)

func startResolver(t *testing.T, names map[string]string) *lab.Resolver {
	t.Helper()
	r, err := lab.NewResolver(names)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

func wantHost(t *testing.T, r *lab.Resolver, name string, want ...string) {
	t.Helper()
	got, err := r.Resolver().LookupHost(t.Context(), name)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses of %s (-want +got):\n%s", name, diff)
	}
}

func TestNameMovesWithTheNextLookup(t *testing.T) {
	r := startResolver(t, map[string]string{"db.cluster.lab": "127.0.0.2", "other.lab": "127.0.0.9"})
	wantHost(t, r, "db.cluster.lab", "127.0.0.2")
	must(t, r.Set("db.cluster.lab", "127.0.0.3"))
	wantHost(t, r, "DB.cluster.lab.", "127.0.0.3")
	if got := r.Lookups("db.cluster.lab"); got != 2 {
		t.Errorf("lookups: got %d, want 2", got)
	}
	if got := r.Lookups("other.lab"); got != 0 {
		t.Errorf("lookups of another name: got %d, want 0", got)
	}
}

func TestNameMayHaveAnIPv6Address(t *testing.T) {
	wantHost(t, startResolver(t, map[string]string{"six.lab": "::1"}), "six.lab", "::1")
}

func TestRemovedNameIsNotFound(t *testing.T) {
	r := startResolver(t, map[string]string{"db.lab": "127.0.0.2"})
	r.Remove("db.lab")
	_, err := r.Resolver().LookupHost(t.Context(), "db.lab.")
	said, ok := errors.AsType[*net.DNSError](err)
	if !ok || !said.IsNotFound {
		t.Errorf("got %v, want not found", err)
	}
}

func TestBrokenResolverIsATemporaryError(t *testing.T) {
	r := startResolver(t, map[string]string{"db.lab": "127.0.0.2"})
	r.Break(true)
	_, err := r.Resolver().LookupHost(t.Context(), "db.lab.")
	said, ok := errors.AsType[*net.DNSError](err)
	if !ok || said.IsNotFound || !said.IsTemporary {
		t.Errorf("got %v, want a temporary failure", err)
	}
	r.Break(false)
	wantHost(t, r, "db.lab.", "127.0.0.2")
}

func TestResolverSurvivesGarbage(t *testing.T) {
	r := startResolver(t, map[string]string{"db.lab": "127.0.0.2"})
	c, err := r.Resolver().Dial(t.Context(), "udp", "")
	must(t, err)
	defer c.Close()
	header := "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
	for _, msg := range []string{"x", header, header + "\xc0\x0c", header + "\x3fshort", header + "\x02db\x00\x00"} {
		send(t, c, msg)
	}
	wantHost(t, r, "db.lab.", "127.0.0.2")
}

func TestResolverRefusesWhatIsNoAddress(t *testing.T) {
	if _, err := lab.NewResolver(map[string]string{"db.lab": "db2.lab"}); err == nil {
		t.Error("a name was taken for an address")
	}
}
