package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ended(ends map[string]outcome) results { return results{ends: ends} }

func TestJudge(t *testing.T) {
	table := []difference{{test: "TestA/x", want: failed, why: "on purpose"}}
	for _, c := range []struct {
		name           string
		stock, through map[string]outcome
		all            bool
		surprises      []string // how each begins
	}{
		{"the same but for the table",
			map[string]outcome{"TestA": passed, "TestA/x": passed, "TestB": skipped},
			map[string]outcome{"TestA": failed, "TestA/x": failed, "TestB": skipped}, true, nil},
		{"a subtest of what is in the table",
			map[string]outcome{"TestA": passed, "TestA/x": passed, "TestA/x/y": passed},
			map[string]outcome{"TestA": failed, "TestA/x": failed}, true, nil},
		{"a failure that is not in the table",
			map[string]outcome{"TestA": passed, "TestA/x": passed, "TestB": passed},
			map[string]outcome{"TestA": failed, "TestA/x": failed, "TestB": failed}, true, []string{"TestB: fail with the connector and pass without"}},
		{"a test that is skipped over the connector alone",
			map[string]outcome{"TestA": passed, "TestA/x": passed, "TestB": passed},
			map[string]outcome{"TestA": failed, "TestA/x": failed, "TestB": skipped}, true, []string{"TestB: skip with the connector and pass without"}},
		{"a test that vanishes over the connector",
			map[string]outcome{"TestA": passed, "TestA/x": passed, "TestB": passed},
			map[string]outcome{"TestA": failed, "TestA/x": failed}, true, []string{"TestB: nothing with the connector and pass without"}},
		{"an expected failure that passes",
			map[string]outcome{"TestA": passed, "TestA/x": passed},
			map[string]outcome{"TestA": passed, "TestA/x": passed}, true, []string{"TestA/x: pass with the connector and pass without: the table"}},
		{"an expected failure that fails without the connector too",
			map[string]outcome{"TestA": failed, "TestA/x": failed},
			map[string]outcome{"TestA": failed, "TestA/x": failed}, true, []string{"TestA/x: fail with the connector and fail without: the table"}},
		{"an expected failure that did not run", nil, nil, true, []string{"TestA/x: nothing with the connector and nothing without: the table"}},
		{"an expected failure that was not asked for", nil, nil, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := judge(ended(c.stock), ended(c.through), table, c.all)
			if len(v.surprises) != len(c.surprises) {
				t.Fatalf("surprises %q, want %q", v.surprises, c.surprises)
			}
			for i, want := range c.surprises {
				if !strings.HasPrefix(v.surprises[i], want) {
					t.Errorf("surprise %q, want %q", v.surprises[i], want)
				}
			}
		})
	}
}

func TestJudgeLetsARaceEndEitherWay(t *testing.T) {
	table := []difference{{test: "TestA", want: failed, why: "a race", races: true}}
	stock := ended(map[string]outcome{"TestA": passed})
	for got, surprises := range map[outcome]int{failed: 0, passed: 0, skipped: 1, absent: 1} {
		if v := judge(stock, ended(map[string]outcome{"TestA": got}), table, true); len(v.surprises) != surprises {
			t.Errorf("%v: surprises %q, want %d", got, v.surprises, surprises)
		}
	}
}

func TestReportIsAnErrorForASurprise(t *testing.T) {
	var out strings.Builder
	if err := report(&out, verdict{explained: []difference{{test: "TestA", why: "on purpose"}}}); err != nil {
		t.Errorf("no surprise: %v", err)
	}
	if !strings.Contains(out.String(), "TestA") || !strings.Contains(out.String(), "on purpose") {
		t.Errorf("the report does not name what differs and why:\n%s", &out)
	}
	if err := report(&out, verdict{surprises: []string{"TestB: fail"}}); err == nil || !strings.Contains(err.Error(), "TestB") {
		t.Errorf("a surprise: got %v, want an error that names it", err)
	}
}

func TestParse(t *testing.T) {
	r, err := parse(strings.NewReader(`{"Action":"start"}
{"Action":"run","Test":"TestA"}
{"Action":"run","Test":"TestA/x"}
{"Action":"output","Test":"TestA/x","Output":"one\n"}
{"Action":"output","Test":"TestA/x","Output":"two\n"}
{"Action":"fail","Test":"TestA/x"}
{"Action":"fail","Test":"TestA"}
{"Action":"run","Test":"TestB"}
{"Action":"pass","Test":"TestB"}
{"Action":"fail"}
`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]outcome{"TestA": failed, "TestA/x": failed, "TestB": passed}, r.ends); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, want := r.said["TestA/x"], "one\ntwo\n"; got != want {
		t.Errorf("TestA/x said %q, want %q", got, want)
	}
	if got, want := r.String(), "1 passed, 1 failed, 0 skipped; subtests: 0 passed, 1 failed, 0 skipped"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := r.complete(); err != nil {
		t.Errorf("all ended: %v", err)
	}
}

func TestRunThatDidNotEndIsAnError(t *testing.T) {
	for _, c := range []struct{ name, output string }{
		{"nothing ran", `{"Action":"fail"}`},
		{"a panic left a test without an end", `{"Action":"run","Test":"TestA"}{"Action":"run","Test":"TestB"}{"Action":"fail","Test":"TestA"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := parse(strings.NewReader(c.output))
			if err != nil {
				t.Fatal(err)
			}
			if err := r.complete(); err == nil {
				t.Error("no error")
			}
		})
	}
}
