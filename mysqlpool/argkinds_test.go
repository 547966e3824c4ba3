package mysqlpool

import (
	"database/sql/driver"
	"encoding/json"
	"math"
	"testing"
	"time"
)

func TestKindsOfArguments(t *testing.T) {
	for _, c := range []struct {
		want   byte
		values []driver.Value
	}{
		{kindNull, []driver.Value{nil, []byte(nil), json.RawMessage(nil)}},
		{kindInt, []driver.Value{int64(0), int64(math.MinInt64)}},
		{kindUint, []driver.Value{uint64(0), uint64(math.MaxUint64)}},
		{kindFloat, []driver.Value{0.0, math.Inf(1)}},
		{kindBool, []driver.Value{true, false}},
		{kindText, []driver.Value{
			"", " ", "-", "+", ".", "-.", "abc", "e5", "NaN", "0", "01", "7", "+7", " 7", "7 ", "\t7\n", "123456789012345678", []byte("7"),
			"7x", "-3x", "1.5x", "1e5x", "1 2", "1.2.3", "2024-01-01", "10:00:00", "0x10", "3e5f", json.RawMessage(`{"a":1}`), []byte{}, time.Time{},
		}},
		{kindNegative, []driver.Value{"-3", " -3 ", []byte("-123456789012345678")}},
		{kindFraction, []driver.Value{"1.0", "1.5", "+1.5", "0.5", ".5", "5.", "12345678901234567.8", []byte("1.0"), json.RawMessage("1.5")}},
		{kindNegativeFraction, []driver.Value{"-1.5", "-3."}},
		{kindOdd, []driver.Value{"1e3", "1E-3", "1e", "1e+", "-1.5e3", "-0", "-0.5", "-.5", "-01", "1234567890123456789", "1.234567890123456789", "18446744073709551615"}},
	} {
		for _, v := range c.values {
			if got := kindOf(v); got != c.want {
				t.Errorf("%T %q: kind %d, want %d", v, v, got, c.want)
			}
		}
	}
}

func TestOddArgumentsAreNotShared(t *testing.T) {
	args := func(values ...driver.Value) (out []driver.NamedValue) {
		for _, v := range values {
			out = append(out, driver.NamedValue{Value: v})
		}
		return out
	}
	if _, known := appendKinds(nil, args(int64(1), "1e3", nil)); known {
		t.Error("a statement with 1e3 as a string may be kept")
	}
	if kinds, known := appendKinds(nil, args(int64(1), "a", nil)); !known || string(kinds) != string([]byte{kindInt, kindText, kindNull}) {
		t.Errorf("got %v, %v", kinds, known)
	}
}
