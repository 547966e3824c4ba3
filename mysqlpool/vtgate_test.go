package mysqlpool

import (
	"strings"
	"testing"
)

func TestAssignmentsOverVtgateLookLikeNobodyElses(t *testing.T) {
	direct, over := &backend{}, &backend{birth: birth{identity: identity{vtgate: true}}}
	for value, wrapped := range map[string]bool{"'ANSI'": true, "''": true, "1024": true, "-1": true, "OFF": false, "DEFAULT": false, "": false} {
		plain := "x = " + value
		if got := direct.assign("x", value); got != plain {
			t.Errorf("to a server: %s, want %s", got, plain)
		}
		first, second := over.assign("x", value), over.assign("x", value)
		if (first != plain) != wrapped || (first != second) != wrapped || wrapped && !strings.HasSuffix(first, ", "+value+", "+value+")") {
			t.Errorf("%s: %s, then %s over vtgate", plain, first, second)
		}
	}
	if got := direct.oneRow(); got != " LIMIT 1" {
		t.Errorf("to a server: %q", got)
	}
	if over.oneRow() == over.oneRow() {
		t.Error("two questions are the same over vtgate")
	}
}
