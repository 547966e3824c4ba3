package tracker

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeOK(t *testing.T) {
	tests := []struct {
		name, body string
		want       Answer
	}{
		{"nothing to report", "\x00\x01\x00\x02\x00\x00\x00", Answer{Flagged: true, Status: Autocommit}},
		{"an insert id", "\x00\x01\x07\x02\x00\x00\x00", Answer{Flagged: true, Status: Autocommit, ID: 7}},
		{
			"the end of rows", "\xfe\x00\x00\x02\x40\x00\x00\x00\x06\x01\x04\x03app",
			Answer{Flagged: true, Status: Autocommit | SessionStateChanged, Changes: []Change{{What: Schema, Value: "app"}}},
		},
		{
			"several trackers after a message", "\x00\xfc\x00\x01\x05\x03\x40\x01\x00\x02hi\x17" +
				"\x00\x09\x01a\x02bc\x01d\x01e" + "\x02\x011" + "\x05\x02\x01T" + "\x03\x03\x00\x01G",
			Answer{Flagged: true, ID: 5, Status: InTransaction | Autocommit | SessionStateChanged, Changes: []Change{
				{What: Variable, Name: "a", Value: "bc"},
				{What: Variable, Name: "d", Value: "e"},
				{What: State, Value: "1"},
				{What: Transaction, Value: "T"},
				{What: GTIDs, Value: "G"},
			}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decodeOK([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeOKCutShort(t *testing.T) {
	const whole = "\x00\x00\x00\x02\x40\x00\x00\x00\x09\x00\x07\x03sql\x02on"
	if _, err := decodeOK([]byte(whole)); err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		if a, err := decodeOK([]byte(whole[:n])); !errors.Is(err, errShort) {
			t.Errorf("%d of %d bytes: %+v, %v, want errShort", n, len(whole), a, err)
		}
	}
}
