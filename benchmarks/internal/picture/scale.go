package picture

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"

	"github.com/weirpool/weir/benchmarks/internal/report"
)

// A scale is where the values of a panel lie.
type scale struct {
	left, width vg.Length
	low, high   float64 // the ends of the axis
	log         bool
	timed       bool
	unit        string  // what numbers are said in,
	factor      float64 // and how much of it one is
}

// newScale leaves room for the numbers beside the marks.
func newScale(s *sheet, p panel, left, width vg.Length, log bool) scale {
	least, most := p.ends()
	x := scale{left: left, width: width, log: log && least > 0, high: most, unit: p.unit, factor: 1}
	if x.log {
		x.low = least / 1.6
	}
	if x.unit == "" {
		x.timed = true
		x.factor, x.unit = timeUnit(most)
	}
	if most == 0 {
		x.high = 1 // nothing but zeros has an axis, too
	}
	for _, v := range p.values {
		if v == nil {
			continue
		}
		share := float64((width - dotRadius - gapToNumber - s.width(hand{size: small, bold: true}, x.show(v.Median))) / width)
		if x.log {
			x.high = max(x.high, x.low*math.Pow(v.Max/x.low, 1/share))
		} else {
			x.high = max(x.high, v.Max/share)
		}
	}
	return x
}

const (
	gapToNumber = 4
	dotRadius   = 4
)

func (x scale) at(v float64) vg.Length {
	share := v / x.high
	if x.log {
		share = math.Log(v/x.low) / math.Log(x.high/x.low)
	}
	return x.left + x.width*vg.Length(share)
}

// show is a number beside its mark. Only times have a unit, the axis says what else is counted.
func (x scale) show(v float64) string {
	v /= x.factor
	txt := fmt.Sprintf("%.3g", v)
	if v >= 100 {
		txt = fmt.Sprintf("%.0f", v)
	}
	if x.timed {
		txt += " " + x.unit
	}
	return txt
}

func (x scale) holds(v float64) bool { return v >= x.low && v <= x.high }

func (x scale) after(v report.Spread) vg.Length {
	return max(x.at(v.Max), x.at(v.Median)+dotRadius) + gapToNumber
}

// mark draws one value: a bar from zero, or on a logarithmic axis, which has none, a dot.
func (x scale) mark(s *sheet, y vg.Length, v report.Spread, c color.Color) {
	const half = rowHeight * 0.3
	low, mid, high := x.at(max(v.Min, x.low)), x.at(v.Median), x.at(v.Max)
	if x.log {
		s.line(c, 1.4, vg.Point{X: low, Y: y}, vg.Point{X: high, Y: y})
		s.dot(c, dotRadius, vg.Point{X: mid, Y: y})
		return
	}
	s.box(x.left, y-half, max(mid-x.left, 0.7), 2*half, c)
	if high-low < 1 {
		return
	}
	s.line(s.ink, 0.9, vg.Point{X: low, Y: y}, vg.Point{X: high, Y: y})
	for _, end := range []vg.Length{low, high} {
		s.line(s.ink, 0.9, vg.Point{X: end, Y: y - 2.5}, vg.Point{X: end, Y: y + 2.5})
	}
}

func (x scale) axis(s *sheet, top, bottom vg.Length) {
	h := hand{size: small, color: s.muted, align: text.XCenter}
	free := x.left - panelGap
	for _, v := range x.ticks() {
		at := x.at(v)
		s.line(s.faint, 0.8, vg.Point{X: at, Y: top}, vg.Point{X: at, Y: bottom})
		label := fmt.Sprintf("%.7g", v/x.factor)
		if half := s.width(h, label) / 2; at-half > free {
			s.write(h, at, bottom+9, label)
			free = at + half + 4
		}
	}
	s.line(s.rule, 1, vg.Point{X: x.left, Y: top}, vg.Point{X: x.left, Y: bottom})
	s.write(h, x.left+x.width/2, bottom+22, x.unit)
}

// ticks are the round values that have a line.
func (x scale) ticks() []float64 {
	if x.log {
		return decades(x.low, x.high)
	}
	all := roundValues(x.high/x.factor, min(max(2, int(x.width/32)), 6))
	for i := range all {
		all[i] *= x.factor
	}
	return all
}

func decades(low, high float64) []float64 {
	var all []float64
	for v := math.Pow(10, math.Ceil(math.Log10(low))); v <= high; v *= 10 {
		all = append(all, v)
	}
	return all
}

// roundValues go from 0 to high, in at most so many steps of 1, 2 or 5 times a power of ten.
func roundValues(high float64, steps int) []float64 {
	step := math.Pow(10, math.Floor(math.Log10(high/float64(steps))))
	for _, times := range []float64{1, 2, 5, 10} {
		if high/(step*times) <= float64(steps) {
			step *= times
			break
		}
	}
	var all []float64
	for i := 0; float64(i)*step <= high; i++ {
		all = append(all, float64(i)*step)
	}
	return all
}

// timeUnit is what times of this size are said in, and how many nanoseconds it has.
func timeUnit(ns float64) (float64, string) {
	switch {
	case ns < 10e3:
		return 1, "ns"
	case ns < 10e6:
		return 1e3, "µs"
	}
	return 1e6, "ms"
}
