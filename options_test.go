package weir_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirpool/weir"
)

func TestBadValuesNameOptionValueAndLimit(t *testing.T) {
	tooMany := math.MaxInt // a variable: it is no int where ints have 32 bits
	for _, c := range []struct {
		opt  weir.Option
		want string
	}{
		{nil, "option 1 is nil"},
		{weir.WithName(""), `WithName: "": limit is at least one character`},
		{weir.WithMaxOpen(0), "WithMaxOpen: 0: limit is 1 to 2147483647"},
		{weir.WithMaxOpen(-3), "WithMaxOpen: -3: limit is 1 to 2147483647"},
		{weir.WithMaxOpen(tooMany), fmt.Sprintf("WithMaxOpen: %d: limit is 1 to 2147483647", tooMany)},
		{weir.WithMinIdle(-1), "WithMinIdle: -1: limit is 0 to 2147483647"},
		{weir.WithMinIdle(11), "WithMinIdle: 11: limit is MaxOpen, 10"},
		{weir.WithMaxWait(0), "WithMaxWait: 0s: limit is above 0"},
		{weir.WithMaxWait(-time.Second), "WithMaxWait: -1s: limit is above 0"},
		{weir.WithMaxWaiters(-1), "WithMaxWaiters: -1: limit is 0 to 2147483647"},
		{weir.WithOpenTimeout(0), "WithOpenTimeout: 0s: limit is above 0"},
		{weir.WithMaxOpening(0), "WithMaxOpening: 0: limit is 1 to 2147483647"},
		{weir.WithOpenBackoff(0, time.Second), "WithOpenBackoff: 0s: limit is above 0"},
		{weir.WithOpenBackoff(time.Second, -1), "WithOpenBackoff: -1ns: limit is above 0"},
		{weir.WithOpenBackoff(time.Minute, time.Second), "WithOpenBackoff: min 1m0s: limit is max, 1s"},
		{weir.WithStartWait(0), "WithStartWait: 0s: limit is above 0"},
		{weir.WithoutCheck(3), "WithoutCheck: moment 3: limit is OnOpen, OnAcquire or WhileIdle"},
		{weir.WithCheckTimeout(weir.OnOpen, 0), "WithCheckTimeout: 0s: limit is above 0"},
		{weir.WithCheckTimeout(7, time.Second), "WithCheckTimeout: moment 7: limit is OnOpen, OnAcquire or WhileIdle"},
		{weir.WithCheckWindow(-1), "WithCheckWindow: -1ns: limit is at least 0"},
		{weir.WithCheckIdleEvery(0), "WithCheckIdleEvery: 0s: limit is above 0"},
		{weir.WithMaxLifetime(0), "WithMaxLifetime: 0s: limit is above 0"},
		{weir.WithMaxLifetimeJitter(-1), "WithMaxLifetimeJitter: -1ns: limit is at least 0"},
		{weir.WithMaxLifetimeJitter(15 * time.Minute), "WithMaxLifetimeJitter: 15m0s: limit is below MaxLifetime, 15m0s"},
		{weir.WithIdleTimeout(0), "WithIdleTimeout: 0s: limit is above 0"},
		{weir.WithSweepEvery(0), "WithSweepEvery: 0s: limit is above 0"},
		{weir.WithCloseTimeout(0), "WithCloseTimeout: 0s: limit is above 0"},
		{weir.WithLeakThreshold(0), "WithLeakThreshold: 0s: limit is above 0"},
		{weir.WithReclaimAfter(0), "WithReclaimAfter: 0s: limit is above 0"},
		{weir.WithReclaimAfter(time.Minute), "WithReclaimAfter: 1m0s: limit is at least LeakThreshold, which must be on, now 0s"},
		{weir.WithObserver(nil), "WithObserver: nil: an observer is required"},
		{weir.WithLogger(nil), "WithLogger: nil: a logger is required; slog.DiscardHandler makes a silent one"},
	} {
		t.Run(c.want, func(t *testing.T) {
			p, err := weir.New(t.Context(), (&maker{}).factory(), c.opt)
			if err == nil {
				p.Close(t.Context())
				t.Fatal("New succeeded")
			}
			wantText(t, err, "weir: new: "+c.want)
			if _, again := weir.ReadSettings(c.opt); again == nil || again.Error() != c.want {
				t.Errorf("ReadSettings says %v, want the same", again)
			}
		})
	}
}

func TestReclaimBelowTheLeakThresholdIsRefused(t *testing.T) {
	_, err := weir.ReadSettings(weir.WithLeakThreshold(time.Minute), weir.WithReclaimAfter(time.Second))
	if err == nil {
		t.Fatal("no error")
	}
	wantText(t, err, "WithReclaimAfter: 1s: limit is at least LeakThreshold, which must be on, now 1m0s")
}

func TestAStartThatWaitsInTheBackgroundIsRefused(t *testing.T) {
	for _, opts := range [][]weir.Option{
		{weir.WithStartWait(time.Minute), weir.WithStartBackground()},
		{weir.WithStartBackground(), weir.WithStartWait(time.Minute)},
	} {
		_, err := weir.ReadSettings(opts...)
		if err == nil {
			t.Fatal("no error")
		}
		wantText(t, err, "WithStartWait: 1m0s: WithStartBackground is given too, with which New does not wait: use one of them")
	}
}

func TestAllFaultsOfACallAreToldTogether(t *testing.T) {
	_, err := weir.New(t.Context(), weir.Factory[int]{}, weir.WithMaxOpen(0), nil, weir.WithMaxWait(-1))
	if err == nil {
		t.Fatal("New succeeded")
	}
	wantText(t, err, strings.Join([]string{
		"weir: new: Factory.Open is nil: a function is required",
		"Factory.Close is nil: a function is required",
		"WithMaxOpen: 0: limit is 1 to 2147483647",
		"option 2 is nil",
		"WithMaxWait: -1ns: limit is above 0",
	}, "\n"))
}

func TestDefaultsAreTheDocumentedOnes(t *testing.T) {
	got, err := weir.ReadSettings()
	if err != nil {
		t.Fatal(err)
	}
	if got.Logger != slog.Default() {
		t.Error("the logger is not slog.Default")
	}
	got.Logger = nil
	want := weir.Settings{
		Name:              "pool",
		MaxOpen:           10,
		MaxWait:           time.Second,
		OpenTimeout:       5 * time.Second,
		MaxOpening:        10,
		CheckWindow:       500 * time.Millisecond,
		CheckIdleEvery:    30 * time.Second,
		MaxLifetime:       15 * time.Minute,
		MaxLifetimeJitter: 90 * time.Second,
		IdleTimeout:       10 * time.Minute,
		SweepEvery:        time.Second,
		Checks:            [weir.Moments]bool{weir.OnOpen: true, weir.OnAcquire: true, weir.WhileIdle: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestSettingsTellWhatAPoolWasMadeWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, seen := slog.New(slog.DiscardHandler), &recorder{}
		p := newPool(t, &maker{},
			weir.WithName("first"), weir.WithName("orders"), weir.WithMaxOpen(20), weir.WithMinIdle(2), weir.WithMaxWait(weir.NoLimit),
			weir.WithOpenTimeout(2*time.Second), weir.WithMaxOpening(3), weir.WithCheckWindow(0), weir.WithCheckIdleEvery(time.Minute),
			weir.WithoutCheck(weir.WhileIdle), weir.WithMaxLifetime(weir.NoLimit), weir.WithIdleTimeout(weir.NoLimit),
			weir.WithSweepEvery(2*time.Second), weir.WithLeakThreshold(time.Minute), weir.WithReclaimAfter(time.Hour),
			weir.WithLogger(log), weir.WithObserver(seen), weir.WithStartBackground(), weir.WithCloseTimeout(time.Second))
		got := p.Settings()
		if got.Logger != log || len(got.Observers) != 1 || got.Observers[0] != weir.Observer(seen) {
			t.Error("logger or observers are not those given")
		}
		got.Logger, got.Observers = nil, nil
		want := weir.Settings{
			Name: "orders", MaxOpen: 20, MinIdle: 2, MaxWait: weir.NoLimit, OpenTimeout: 2 * time.Second, MaxOpening: 3,
			CheckIdleEvery: weir.NoLimit, MaxLifetime: weir.NoLimit, IdleTimeout: weir.NoLimit, SweepEvery: 2 * time.Second,
			LeakThreshold: time.Minute, ReclaimAfter: time.Hour, BackgroundStart: true,
			Checks: [weir.Moments]bool{weir.OnOpen: true, weir.OnAcquire: true},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("settings (-want +got):\n%s", diff)
		}
	})
}

// adapterSettings are what an adapter of the tests keeps.
type adapterSettings struct{ role string }

func withRole(role string) weir.Option {
	return weir.AdapterOption("WithRole", func(s *adapterSettings) error {
		if role == "" {
			return errors.New("limit is a role")
		}
		s.role = role
		return nil
	})
}

func TestAdapterTakesItsOwnOptionsOutOfTheList(t *testing.T) {
	var s adapterSettings
	other := weir.AdapterOption("WithShard", func(*int) error { return nil })
	rest, errs := weir.AdapterOptions([]weir.Option{weir.WithMaxOpen(3), withRole("primary"), nil, withRole(""), other}, &s)
	if s.role != "primary" || len(rest) != 2 || rest[1] == nil {
		t.Errorf("role %q, %d options left, want primary, the other 2 in their order", s.role, len(rest))
	}
	if len(errs) != 2 {
		t.Fatalf("errors %v, want 2", errs)
	}
	wantText(t, errs[0], "option 3 is nil")
	wantText(t, errs[1], "WithRole: limit is a role")
	got, err := weir.ReadSettings(rest[0])
	if err != nil || got.MaxOpen != 3 {
		t.Errorf("MaxOpen %d, %v, want 3", got.MaxOpen, err)
	}
}

func TestNewRefusesOptionsOfAnAdapter(t *testing.T) {
	_, err := weir.New(context.Background(), (&maker{}).factory(), withRole("primary"))
	if err == nil {
		t.Fatal("New succeeded")
	}
	wantText(t, err, "weir: new: WithRole: this option is not for weir.New")
}
