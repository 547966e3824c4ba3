package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// saidLimit bounds what a surprise repeats of a test's output, in bytes.
const saidLimit = 2000

type verdict struct {
	explained []difference // in the table's order
	surprises []string     // sorted
}

// judge compares two runs. Where all the tests ran, each of the expected differences must have shown.
func judge(stock, through results, expected []difference, all bool) verdict {
	var v verdict
	known := map[string]bool{}
	for _, d := range expected {
		known[d.test] = true
		got, was := through.ends[d.test], stock.ends[d.test]
		switch {
		case got == d.want && got != was:
			v.explained = append(v.explained, d)
		case d.races && got == was && got != absent:
		case got != absent || was != absent || all:
			v.surprises = append(v.surprises, fmt.Sprintf("%s: %v with the connector and %v without: the table of differences is stale", d.test, got, was))
		}
	}
	names := maps.Clone(stock.ends)
	maps.Copy(names, through.ends)
	for name := range names {
		got, was := through.ends[name], stock.ends[name]
		if got == was || within(known, name) || got == failed && hasBelow(known, name) {
			continue
		}
		v.surprises = append(v.surprises, fmt.Sprintf("%s: %v with the connector and %v without\n%s", name, got, was, beginning(through.said[name])))
	}
	slices.Sort(v.surprises)
	return v
}

// within tells whether the test, or one that it is a subtest of, is in names.
func within(names map[string]bool, test string) bool {
	for name := range names {
		if test == name || strings.HasPrefix(test, name+"/") {
			return true
		}
	}
	return false
}

// hasBelow tells whether names has a subtest of the test: its failure is the parent's too.
func hasBelow(names map[string]bool, test string) bool {
	for name := range names {
		if strings.HasPrefix(name, test+"/") {
			return true
		}
	}
	return false
}

func beginning(s string) string {
	if len(s) > saidLimit {
		return s[:saidLimit] + "...\n"
	}
	return s
}
