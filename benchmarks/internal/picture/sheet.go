package picture

import (
	"bytes"
	"image/color"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Lengths are points, of which a screen shows 1.33 pixels: the smallest letters are 12 pixels high, the sheet 787 wide.
const (
	sheetWidth = 590
	margin     = 14

	small  = 9
	medium = 10
	large  = 12.5
)

// palette is a sheet of its own white, so that it reads the same on a dark page.
type palette struct {
	paper, ink, muted, rule, faint       color.Color
	strong, strongPale, other, otherPale color.Color
}

func colours() palette {
	return palette{
		paper: grey(255), ink: grey(0x1f), muted: grey(0x57), rule: grey(0xc8), faint: grey(0xec),
		strong: color.RGBA{0x0b, 0x62, 0xc4, 255}, strongPale: color.RGBA{0x9c, 0xc4, 0xf2, 255},
		other: grey(0x8c), otherPale: grey(0xd9),
	}
}

func grey(v uint8) color.Color { return color.RGBA{v, v, v, 255} }

// of is the colour of a pool, and the pale one beside it.
func (p palette) of(subject bool) (full, pale color.Color) {
	if subject {
		return p.strong, p.strongPale
	}
	return p.other, p.otherPale
}

// A sheet is what one picture is drawn on. Its y runs down from the top.
type sheet struct {
	palette
	svg    *vgsvg.Canvas
	canvas draw.Canvas
	fonts  text.Handler
	height vg.Length
}

func newSheet(height vg.Length) *sheet {
	svg := vgsvg.New(sheetWidth, height)
	s := &sheet{
		palette: colours(), svg: svg, canvas: draw.New(svg), height: height,
		fonts: text.Plain{Fonts: font.NewCache(liberation.Collection())},
	}
	s.box(0, 0, sheetWidth, height, s.paper)
	return s
}

// box fills a rectangle.
func (s *sheet) box(x, y, w, h vg.Length, c color.Color) {
	s.area(c, vg.Point{X: x, Y: y}, vg.Point{X: x + w, Y: y}, vg.Point{X: x + w, Y: y + h}, vg.Point{X: x, Y: y + h})
}

func (s *sheet) area(c color.Color, pts ...vg.Point) { s.canvas.FillPolygon(c, s.upright(pts)) }

func (s *sheet) line(c color.Color, width vg.Length, pts ...vg.Point) {
	s.canvas.StrokeLines(draw.LineStyle{Color: c, Width: width}, s.upright(pts))
}

func (s *sheet) dashes(c color.Color, pts ...vg.Point) {
	s.canvas.StrokeLines(draw.LineStyle{Color: c, Width: 1, Dashes: []vg.Length{3, 2.5}}, s.upright(pts))
}

func (s *sheet) dot(c color.Color, radius vg.Length, at vg.Point) {
	s.canvas.DrawGlyphNoClip(draw.GlyphStyle{Color: c, Radius: radius, Shape: draw.CircleGlyph{}}, s.upright([]vg.Point{at})[0])
}

// upright turns points to the canvas's own y, which runs up.
func (s *sheet) upright(pts []vg.Point) []vg.Point {
	up := make([]vg.Point, len(pts))
	for i, p := range pts {
		up[i] = vg.Point{X: p.X, Y: s.height - p.Y}
	}
	return up
}

// A hand is how letters are written.
type hand struct {
	size  float64
	bold  bool
	color color.Color
	align text.XAlignment
}

func (s *sheet) style(h hand) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(h.size)}
	if h.bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: h.color, Font: f, XAlign: h.align, YAlign: text.YCenter, Handler: s.fonts}
}

// write puts the middle of a line of letters at y: of its small letters, which is above that of the line.
func (s *sheet) write(h hand, x, y vg.Length, txt string) {
	s.canvas.FillText(s.style(h), vg.Point{X: x, Y: s.height - y + vg.Points(h.size)*0.08}, txt)
}

func (s *sheet) width(h hand, txt string) vg.Length { return s.style(h).Width(txt) }

// head writes what the picture shows and how to read it.
func (s *sheet) head(title, reading string) {
	s.write(hand{size: large, bold: true, color: s.ink}, margin, margin+4, title)
	s.write(hand{size: small + 0.5, color: s.muted}, margin, margin+20, reading)
}

const headHeight = 44

// bytes is the finished picture. A reader without the font gets one of the same widths.
func (s *sheet) bytes() ([]byte, error) {
	var out bytes.Buffer
	if _, err := s.svg.WriteTo(&out); err != nil {
		return nil, err
	}
	const family = "font-family:Liberation Sans"
	return []byte(strings.ReplaceAll(out.String(), family+";", family+",Arial,Helvetica,sans-serif;")), nil
}
