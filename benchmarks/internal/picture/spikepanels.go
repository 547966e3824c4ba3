package picture

import (
	"fmt"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

const (
	spikeColumns = 2
	spikePlot    = 112 // height of the plot itself
	spikeTitle   = 24
	spikeAxis    = 36
	spikeGapX    = 40
	spikeLegend  = 20
)

// A frame is the ends of the axes, which all panels share so that they compare, and where one panel lies.
type frame struct {
	left, top, width vg.Length
	ms, count        float64
}

func (f frame) at(ms, count float64) vg.Point {
	return vg.Point{X: f.left + f.width*vg.Length(ms/f.ms), Y: f.top + spikePlot*vg.Length(1-count/f.count)}
}

// drawSpikes draws how the same spike goes on several pools.
func drawSpikes(points []SpikePoint) ([]byte, error) {
	courses := coursesOf(points)
	if len(courses) == 0 {
		return nil, nil
	}
	f := frame{width: (sheetWidth - 2*margin - spikeGapX - 22) / spikeColumns}
	for _, c := range courses {
		f.ms = max(f.ms, float64(c.last().MS)*1.06, 1)
		f.count = max(f.count, float64(max(c.most(open), c.most(waiting)))*1.12, 1)
	}
	lines := (len(courses) + spikeColumns - 1) / spikeColumns
	const panelHeight = spikeTitle + spikePlot + spikeAxis
	s := newSheet(headHeight + spikeLegend + vg.Length(lines)*panelHeight + 4)
	s.head("50 callers at once, 5 connections open, opening one takes 150 ms",
		"Each caller needs a connection for 2 ms. What happens in the milliseconds that follow:")
	s.legend(headHeight + 8)
	for i, c := range courses {
		f.left = margin + 22 + vg.Length(i%spikeColumns)*(f.width+spikeGapX)
		f.top = headHeight + spikeLegend + spikeTitle + vg.Length(i/spikeColumns)*panelHeight
		s.course(f, c)
	}
	return s.bytes()
}

func (s *sheet) legend(y vg.Length) {
	h := hand{size: small + 0.5, color: s.ink}
	x := vg.Length(margin)
	s.line(s.strong, 2, vg.Point{X: x, Y: y}, vg.Point{X: x + 9, Y: y})
	s.line(s.other, 2, vg.Point{X: x + 9, Y: y}, vg.Point{X: x + 18, Y: y})
	s.write(h, x+23, y, "open connections")
	x += 23 + s.width(h, "open connections") + 18
	s.box(x, y-4, 9, 8, s.strongPale)
	s.box(x+9, y-4, 9, 8, s.otherPale)
	s.write(h, x+23, y, "callers waiting")
	x += 23 + s.width(h, "callers waiting") + 18
	s.dashes(s.ink, vg.Point{X: x + 4, Y: y - 6}, vg.Point{X: x + 4, Y: y + 6})
	s.write(h, x+11, y, "the last caller is done")
}

func (s *sheet) course(f frame, c course) {
	full, pale := s.of(c.pool == subject)
	title := hand{size: medium + 0.5, bold: true, color: s.ink}
	if c.pool == subject {
		title.color = s.strong
	}
	last := c.last()
	s.write(title, f.left, f.top-12, c.pool)
	said := fmt.Sprintf("%d served after %d ms", last.Served, last.MS)
	s.write(hand{size: small + 0.5, color: s.ink, align: text.XRight}, f.left+f.width, f.top-12, said)
	s.grid(f)
	waits := f.steps(c, waiting)
	if len(waits) > 0 {
		floor := []vg.Point{{X: waits[len(waits)-1].X, Y: f.top + spikePlot}, {X: waits[0].X, Y: f.top + spikePlot}}
		s.area(pale, append(waits, floor...)...)
	}
	s.line(full, 2, f.steps(c, open)...)
	s.dashes(s.ink, f.at(float64(last.MS), 0), f.at(float64(last.MS), f.count))
}

func (s *sheet) grid(f frame) {
	h := hand{size: small, color: s.muted, align: text.XCenter}
	for _, v := range roundValues(f.ms, 8) {
		at := f.at(v, 0)
		s.line(s.faint, 0.8, at, f.at(v, f.count))
		s.write(h, at.X, at.Y+9, fmt.Sprintf("%.4g", v))
	}
	s.write(h, f.left+f.width/2, f.top+spikePlot+22, "ms after the callers came")
	h.align = text.XRight
	for _, v := range roundValues(f.count, 6) {
		at := f.at(0, v)
		s.line(s.faint, 0.8, at, f.at(f.ms, v))
		s.write(h, at.X-5, at.Y, fmt.Sprintf("%.4g", v))
	}
	s.line(s.rule, 1, f.at(0, f.count), f.at(0, 0), f.at(f.ms, 0))
}

// steps is a number over time: it stays until it changes.
func (f frame) steps(c course, of func(SpikePoint) int) []vg.Point {
	var pts []vg.Point
	end := f.ms
	for i, p := range c.points {
		ms := float64(p.MS)
		if ms > end {
			break
		}
		v := float64(of(p))
		switch {
		case i == 0:
			pts = append(pts, f.at(ms, v))
		case of(c.points[i-1]) != of(p):
			pts = append(pts, f.at(ms, float64(of(c.points[i-1]))), f.at(ms, v))
		}
		if i == len(c.points)-1 || float64(c.points[i+1].MS) > end {
			pts = append(pts, f.at(max(ms, end), v))
		}
	}
	return pts
}
