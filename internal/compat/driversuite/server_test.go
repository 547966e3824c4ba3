package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/weirpool/weir/internal/lab"
)

func TestServersAreNamedByFamily(t *testing.T) {
	for name, want := range map[string][]lab.Kind{
		"all": {lab.MariaDB, lab.MySQL}, "mariadb": {lab.MariaDB}, "mysql": {lab.MySQL},
	} {
		if got, err := kindsOf(name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
	err := suite(context.Background(), request{server: "postgres"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `-server must be mariadb, mysql or all, not "postgres"`) {
		t.Errorf("got %v, want an error that names the option and its values", err)
	}
}

func TestEachDifferenceIsNamedOncePerServer(t *testing.T) {
	for _, kind := range []lab.Kind{lab.MariaDB, lab.MySQL} {
		seen := map[string]bool{}
		for _, d := range expectedOn(kind) {
			if seen[d.test] || d.why == "" {
				t.Errorf("%v: %s is there twice, or without a reason", kind, d.test)
			}
			seen[d.test] = true
		}
	}
}
