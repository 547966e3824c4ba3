package weirprom

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// An Option sets one thing about a collector. Options are read once, in [NewCollector]; where two set the same thing the
// later one wins.
type Option interface {
	apply(*options) error
}

type optionFunc func(*options) error

func (f optionFunc) apply(o *options) error { return f(o) }

type options struct {
	poolName    string
	constLabels prometheus.Labels
	goSQL       bool
}

func (o *options) read(opts []Option) error {
	var errs []error
	for i, opt := range opts {
		if opt == nil {
			errs = append(errs, fmt.Errorf("option %d is nil", i+1))
			continue
		}
		errs = append(errs, opt.apply(o))
	}
	if o.poolName == "" {
		errs = append(errs, errors.New("the pool's name is empty: give it one, or use WithPoolName"))
	}
	if !utf8.ValidString(o.poolName) {
		errs = append(errs, fmt.Errorf("the pool's name %q is not valid UTF-8", o.poolName))
	}
	return errors.Join(errs...)
}

// labelsWith returns the constant labels and the pool's name under the given one.
func (o *options) labelsWith(name string) prometheus.Labels {
	labels := prometheus.Labels{name: o.poolName}
	maps.Copy(labels, o.constLabels)
	return labels
}

// WithPoolName sets the value of the label db_client_connection_pool_name, and of db_name for [WithGoSQLMetrics]. Default:
// the name in the pool's Stats. It tells pools apart that have the same name.
func WithPoolName(name string) Option {
	return optionFunc(func(o *options) error {
		if name == "" {
			return errors.New(`WithPoolName: "": limit is at least one character`)
		}
		o.poolName = name
		return nil
	})
}

// WithConstLabels adds labels to every metric. Default none. Collectors on one registry must agree on the names of these
// labels, which is Prometheus's own rule; for go_sql_* that includes client_golang's collector, which has none. The names
// must be none that the collector uses itself and not begin with two underscores.
func WithConstLabels(labels prometheus.Labels) Option {
	return optionFunc(func(o *options) error {
		var errs []error
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			if why := wrongLabel(name, labels[name]); why != "" {
				errs = append(errs, fmt.Errorf("WithConstLabels: label %q: %s", name, why))
			}
		}
		o.constLabels = maps.Clone(labels)
		return errors.Join(errs...)
	})
}

func wrongLabel(name, value string) string {
	taken := []string{poolLabel, stateLabel, dbLabel, ownStateLabel, momentLabel, reasonLabel, "le", "quantile"}
	switch {
	case name == "":
		return "the name is empty"
	case !utf8.ValidString(name):
		return "the name is not valid UTF-8"
	case strings.HasPrefix(name, "__"):
		return "names that begin with two underscores are Prometheus's own"
	case slices.Contains(taken, name):
		return "the collector uses this name itself"
	case !utf8.ValidString(value):
		return fmt.Sprintf("the value %q is not valid UTF-8", value)
	}
	return ""
}

// WithGoSQLMetrics adds the nine go_sql_* metrics of client_golang's NewDBStatsCollector, with the pool's name as db_name,
// for dashboards and alerts that exist already. They keep the rules of [database/sql.DBStats]: in use plus idle is open, and
// what is being opened or checked counts as in use. README.md tells how each is filled. Default off.
//
// They may share a registry with client_golang's collector, under another db_name.
func WithGoSQLMetrics() Option {
	return optionFunc(func(o *options) error { o.goSQL = true; return nil })
}
