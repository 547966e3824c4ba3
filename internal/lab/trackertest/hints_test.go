package trackertest_test

import (
	"fmt"
	"testing"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

// TestHintsLeaveNoVariableBehind sets every session variable for one statement, by a
// hint: of a statement that is run, and of one that fails.
func TestHintsLeaveNoVariableBehind(t *testing.T) {
	labtest.Only(t, lab.MySQL, "MariaDB 10.11 has no hints that set variables")
	w := enter(t)
	names, err := w.column(t.Context(), own().variables)
	must(t, err)
	count := newTally()
	for _, variable := range names {
		for _, rest := range []string{"1) */ id FROM t WHERE id IS NULL", "65536) */ 1", "1) */ nosuch"} {
			text := fmt.Sprintf("SELECT /*+ SET_VAR(%s = %s", variable, rest)
			s, o, surprises := w.judged(t.Context(), text, 0)
			must(t, o.probe)
			count.add(s, o)
			report(t, text, s, o, surprises)
		}
	}
	count.log(t)
}
