// Package runnertest is what the tests of the commands that measure have in common.
package runnertest

import (
	"os"
	"strings"
	"testing"
)

// WantParts asserts that the file has each of the parts, and returns its text. Without the file the test ends.
func WantParts(t *testing.T, file string, parts ...string) (text string) {
	t.Helper()
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = string(got)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q:\n%s", file, part, text)
		}
	}
	return text
}
