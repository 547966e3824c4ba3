package weirprom_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/weirpool/weir/weirprom"
)

type dashboard struct {
	SchemaVersion int
	Templating    struct{ List []variable }
	Panels        []panel
}

type variable struct{ Name, Type, Definition string }

type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	Datasource  struct{ UID string }
	FieldConfig struct{ Defaults struct{ Unit string } }
	Targets     []struct {
		Expr       string
		Datasource struct{ UID string }
	}
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDashboardHasItsRowsAndVariables(t *testing.T) {
	d := readDashboard(t)
	if d.SchemaVersion < 39 {
		t.Errorf("schema %d, want 39 or later", d.SchemaVersion)
	}
	var rows, variables []string
	for _, p := range d.Panels {
		if p.Type == "row" {
			rows = append(rows, p.Title)
		}
	}
	for _, v := range d.Templating.List {
		variables = append(variables, v.Type+" "+v.Name)
	}
	if want := []string{"Saturation", "Waits", "Opens and failures", "Health", "Leaks", "Sessions"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	if want := []string{"datasource datasource", "query pool", "query instance"}; !slices.Equal(variables, want) {
		t.Errorf("variables %q, want %q", variables, want)
	}
}

func TestEveryPanelIsExplained(t *testing.T) {
	seen := make(map[int]bool)
	for _, p := range readDashboard(t).Panels {
		if seen[p.ID] {
			t.Errorf("panel %q: its number %d is taken", p.Title, p.ID)
		}
		seen[p.ID] = true
		if p.Type == "row" {
			continue
		}
		if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" {
			t.Errorf("panel %q: description %q, unit %q: all are wanted", p.Title, p.Description, p.FieldConfig.Defaults.Unit)
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("panel %q: data source %q, %d queries", p.Title, p.Datasource.UID, len(p.Targets))
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" {
				t.Errorf("panel %q: a query's data source is %q", p.Title, target.Datasource.UID)
			}
		}
	}
}

// The exposed are the names, the labels and the label="value" pairs of all samples.
type exposed struct{ names, labels, pairs map[string]bool }

func expose(t *testing.T, opts ...weirprom.Option) exposed {
	t.Helper()
	e := exposed{names: map[string]bool{}, labels: map[string]bool{}, pairs: map[string]bool{}}
	for line := range strings.Lines(scrape(t, register(t, newSessionCollector(t, opts...)))) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, "{")
		e.names[name] = true
		labels, _, _ := strings.Cut(rest, "}")
		for pair := range strings.SplitSeq(labels, ",") {
			label, _, _ := strings.Cut(pair, "=")
			e.labels[label], e.pairs[pair] = true, true
		}
	}
	return e
}

func TestDashboardAsksOnlyForWhatIsExposed(t *testing.T) {
	e := expose(t)
	e.labels["instance"] = true // from Prometheus itself
	asked := make(map[string]bool)
	d := readDashboard(t)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			for _, name := range checkQuery(t, e, target.Expr) {
				asked[name] = true
			}
		}
	}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			checkVariable(t, e, v.Definition)
		}
	}
	if len(asked) < 40 {
		t.Errorf("found only %d names in the queries: the test shows little", len(asked))
	}
}

// checkQuery takes a query apart: selectors and groupings first, then every word that is left must be a function of
// PromQL or an exposed name. It returns the names.
func checkQuery(t *testing.T, e exposed, query string) (names []string) {
	t.Helper()
	selector, grouping := regexp.MustCompile(`\{([^}]*)\}`), regexp.MustCompile(`\bby \(([^)]*)\)`)
	word := regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	for _, group := range grouping.FindAllStringSubmatch(query, -1) {
		for label := range strings.SplitSeq(group[1], ", ") {
			if !e.labels[label] {
				t.Errorf("query %s: groups by the label %q, which is not exposed", query, label)
			}
		}
	}
	for _, matchers := range selector.FindAllStringSubmatch(query, -1) {
		checkMatchers(t, e, query, matchers[1])
	}
	rest := grouping.ReplaceAllString(selector.ReplaceAllString(query, ""), "")
	rest = strings.ReplaceAll(rest, "[$__rate_interval]", "")
	functions := []string{"sum", "max", "rate", "increase", "changes", "histogram_quantile"}
	for _, name := range word.FindAllString(rest, -1) {
		if slices.Contains(functions, name) {
			continue
		}
		names = append(names, name)
		if !e.names[name] {
			t.Errorf("query %s: %q is not exposed", query, name)
		}
	}
	return names
}

func checkMatchers(t *testing.T, e exposed, query, matchers string) {
	t.Helper()
	matcher := regexp.MustCompile(`^(\w+)(=~?)"([^"]*)"$`)
	for text := range strings.SplitSeq(matchers, ",") {
		m := matcher.FindStringSubmatch(text)
		if m == nil {
			t.Errorf("query %s: %q is no matcher that this test reads", query, text)
			continue
		}
		if !e.labels[m[1]] {
			t.Errorf("query %s: matches the label %q, which is not exposed", query, m[1])
		}
		if strings.HasPrefix(m[3], "$") {
			continue
		}
		for value := range strings.SplitSeq(m[3], "|") {
			if pair := m[1] + `="` + value + `"`; !e.pairs[pair] {
				t.Errorf("query %s: %s is not exposed", query, pair)
			}
		}
	}
}

func checkVariable(t *testing.T, e exposed, definition string) {
	t.Helper()
	m := regexp.MustCompile(`^label_values\((\w+)(?:\{(.*)\})?, (\w+)\)$`).FindStringSubmatch(definition)
	if m == nil || !e.names[m[1]] || !e.labels[m[3]] {
		t.Errorf("variable %s: its metric or label is not exposed", definition)
		return
	}
	if m[2] != "" {
		checkMatchers(t, e, definition, m[2])
	}
}

func TestReadmeListsEveryMetricWithItsType(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]string)
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)`[^|]*\\| (\\w+) \\|").FindAllStringSubmatch(string(text), -1) {
		listed[m[1]] = m[2]
	}
	found := 0
	for line := range strings.Lines(scrape(t, register(t, newSessionCollector(t, weirprom.WithGoSQLMetrics())))) {
		words := strings.Fields(line)
		if words[1] != "TYPE" {
			continue
		}
		found++
		if listed[words[2]] != words[3] {
			t.Errorf("%s is a %s, and %q in the README", words[2], words[3], listed[words[2]])
		}
	}
	if found != len(listed) {
		t.Errorf("%d metrics are exposed, %d are listed", found, len(listed))
	}
}
