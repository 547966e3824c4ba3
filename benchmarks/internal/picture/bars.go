package picture

import (
	"math"
	"slices"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"

	"github.com/weirpool/weir/benchmarks/internal/report"
)

// A chart compares, row by row, in panels side by side that share the rows.
type chart struct {
	title, reading string
	rows           []row
	panels         []panel
}

type row struct {
	label   string
	subject bool // it is about weir
	pale    bool // less is made of it than of the row below
}

// A panel shows one measurement.
type panel struct {
	title  string
	unit   string           // on the axis, where it is no time
	values []*report.Spread // for each row; nil: not measured
	floor  float64          // what can't be beaten, as a line; 0: nothing known
	named  string           // what the floor is
}

const (
	rowHeight   = 20
	panelGap    = 18
	titleHeight = 19 // of a panel
	floorHeight = 15 // more, where a panel says what its line is
	axisHeight  = 34
	// widest is how many times the least value the greatest may be before a linear axis makes dust of the small ones.
	widest = 200
)

func (c chart) draw() ([]byte, error) {
	s := newSheet(c.bottom() + axisHeight)
	reading := c.reading
	log := slices.ContainsFunc(c.panels, panel.wide)
	if log {
		reading += " The scale is logarithmic."
	}
	s.head(c.title, reading)
	left := c.labels(s)
	width := (sheetWidth - margin - left + panelGap) / vg.Length(len(c.panels))
	for i, p := range c.panels {
		c.panel(s, p, newScale(s, p, left+vg.Length(i)*width, width-panelGap, log))
	}
	return s.bytes()
}

// labels writes the names of the rows, and says where the panels begin.
func (c chart) labels(s *sheet) vg.Length {
	var widest vg.Length
	for _, r := range c.rows {
		widest = max(widest, s.width(hand{size: medium, bold: r.subject}, r.label))
	}
	right := margin + widest
	for i, r := range c.rows {
		h := hand{size: medium, bold: r.subject, color: s.ink, align: text.XRight}
		if r.subject {
			h.color = s.strong
		}
		s.write(h, right, c.middle(i), r.label)
	}
	return right + 8
}

// top is where the rows begin.
func (c chart) top() vg.Length {
	if slices.ContainsFunc(c.panels, func(p panel) bool { return p.floor > 0 }) {
		return headHeight + titleHeight + floorHeight
	}
	return headHeight + titleHeight
}

func (c chart) bottom() vg.Length { return c.top() + vg.Length(len(c.rows))*rowHeight }

// middle is the height of a row.
func (c chart) middle(i int) vg.Length { return c.top() + (vg.Length(i)+0.5)*rowHeight }

func (c chart) panel(s *sheet, p panel, x scale) {
	s.write(hand{size: medium, bold: true, color: s.ink}, x.left, headHeight+6, p.title)
	x.axis(s, c.top(), c.bottom())
	if p.floor > 0 && x.holds(p.floor) {
		at := x.at(p.floor)
		s.dashes(s.ink, vg.Point{X: at, Y: c.top()}, vg.Point{X: at, Y: c.bottom()})
		s.dashes(s.ink, vg.Point{X: x.left + 3, Y: headHeight + 16}, vg.Point{X: x.left + 3, Y: headHeight + 27})
		s.write(hand{size: small, color: s.muted}, x.left+8, headHeight+21, p.named+": "+x.show(p.floor))
	}
	for i, v := range p.values {
		if v == nil {
			s.write(hand{size: small, color: s.muted}, x.left+4, c.middle(i), "–")
			continue
		}
		full, pale := s.of(c.rows[i].subject)
		if c.rows[i].pale {
			full = pale
		}
		x.mark(s, c.middle(i), *v, full)
		h := hand{size: small, bold: c.rows[i].subject, color: s.ink}
		s.box(x.after(*v)-1, c.middle(i)-5, s.width(h, x.show(v.Median))+2, 10, s.paper) // a line may run here
		s.write(h, x.after(*v), c.middle(i), x.show(v.Median))
	}
}

// wide says that a linear axis would not do. A single run that went wrong is no reason.
func (p panel) wide() bool {
	least, most := math.Inf(1), 0.0
	for _, v := range p.values {
		if v != nil {
			least, most = min(least, v.Median), max(most, v.Median)
		}
	}
	return most > widest*least
}

// ends are the least and the greatest value to be shown. A panel has at least one.
func (p panel) ends() (least, most float64) {
	least, most = math.Inf(1), 0
	for _, v := range p.values {
		if v != nil {
			least, most = min(least, v.Min), max(most, v.Max)
		}
	}
	return least, most
}
