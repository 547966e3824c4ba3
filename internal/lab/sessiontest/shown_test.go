package sessiontest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// secrets are what no one but the server is to see of the texts below.
var secrets = []string{"ann", "4711", "41"}

func wantSecret(t testing.TB, what, shown string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(shown, s) {
			t.Errorf("%s = %q, which tells %q", what, shown, s)
		}
	}
}

// showings are texts of statements as people get to see them, each by its way.
func showings(t testing.TB, opts ...mysqlpool.Option) map[string]string {
	t.Helper()
	ctx := within(t, time.Minute)
	dsn := database(t)
	out := map[string]string{}

	db, c := open(t, dsn, append(opts, weir.WithMaxOpen(2), mysqlpool.WithMaxPinned(1), weir.WithMaxWait(20*time.Millisecond))...)
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET @name = 'ann', @n = 4711 /* 41 */")
	out["Pin.Text"] = c.Sessions().Pinned[0].Text
	_, err := db.ExecContext(ctx, "SET @y = 'ann'")
	if _, ok := errors.AsType[*mysqlpool.PinLimitError](err); !ok {
		t.Errorf("a second pin: %v, want a PinLimitError", err)
	}
	out["PinLimitError"] = err.Error()
	_, err = db.ExecContext(ctx, "DO 4711, 'ann', ? /* 41 */", 1, 2)
	if err == nil {
		t.Error("two arguments for one place were taken")
	} else {
		out["number of arguments"] = err.Error()
	}

	strict, _ := open(t, dsn, append(opts, mysqlpool.WithStrictPins())...)
	_, err = strict.ExecContext(ctx, "SELECT @x, 'ann', 4711 -- 41")
	pin, ok := errors.AsType[*mysqlpool.PinError](err)
	if !ok {
		t.Fatalf("under WithStrictPins: %v, want a PinError", err)
	}
	out["PinError.Text"], out["PinError"] = pin.Text, pin.Error()
	return out
}

func TestTextsAreShownWithoutTheirLiterals(t *testing.T) {
	got := showings(t)
	for what, text := range got {
		wantSecret(t, what, text)
	}
	want(t, "Pin.Text", got["Pin.Text"], "SET @name = ?, @n = ?")
	want(t, "PinError.Text", got["PinError.Text"], "SELECT @x, ?, ?")
}

func TestTextsAreShownInFullWhereThatIsAsked(t *testing.T) {
	got := showings(t, mysqlpool.WithFullTexts())
	want(t, "Pin.Text", got["Pin.Text"], "SET @name = 'ann', @n = 4711 /* 41 */")
	want(t, "PinError.Text", got["PinError.Text"], "SELECT @x, 'ann', 4711 -- 41")
}
