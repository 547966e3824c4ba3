package picture

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A SpikePoint is how it stands with a pool at a millisecond after the callers came.
type SpikePoint struct {
	Pool    string
	MS      int
	Open    int // resources
	Waiting int // callers without a resource
	Served  int // callers who had one
}

const spikeHeader = "pool,ms,open,waiting,served"

// ReadSpikes reads the points as CSV below the header "pool,ms,open,waiting,served".
func ReadSpikes(r io.Reader) ([]SpikePoint, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = strings.Count(spikeHeader, ",") + 1
	head, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("picture: spikes: %w", err)
	}
	if got := strings.Join(head, ","); got != spikeHeader {
		return nil, fmt.Errorf("picture: spikes: header is %q, want %q", got, spikeHeader)
	}
	records, err := in.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("picture: spikes: %w", err)
	}
	var points []SpikePoint
	for _, rec := range records {
		p := SpikePoint{Pool: rec[0]}
		for i, field := range []*int{&p.MS, &p.Open, &p.Waiting, &p.Served} {
			if *field, err = strconv.Atoi(rec[i+1]); err != nil {
				return nil, fmt.Errorf("picture: spikes: %w", err)
			}
		}
		points = append(points, p)
	}
	return points, nil
}

// A course is the points of one pool, in order of time.
type course struct {
	pool   string
	points []SpikePoint
}

// coursesOf picks the pools that are shown: weir and those named in companions, as many as there is room for.
func coursesOf(points []SpikePoint) []course {
	const room = 4
	var all []course
	for _, name := range companions(points) {
		c := course{pool: name}
		for _, p := range points {
			if p.Pool == name {
				c.points = append(c.points, p)
			}
		}
		slices.SortStableFunc(c.points, func(a, b SpikePoint) int { return a.MS - b.MS })
		if len(c.points) > 0 && len(all) < room {
			all = append(all, c)
		}
	}
	return all
}

// companions are the pools in the order in which they are chosen: the best known first, then as they come.
func companions(points []SpikePoint) []string {
	names := []string{subject, "puddle", "database/sql", "smartconnpool"}
	for _, p := range points {
		if !slices.Contains(names, p.Pool) {
			names = append(names, p.Pool)
		}
	}
	return names
}

// last is the first point at which all are served that ever will be.
func (c course) last() SpikePoint {
	final := c.points[len(c.points)-1].Served
	i := slices.IndexFunc(c.points, func(p SpikePoint) bool { return p.Served == final && p.Waiting == 0 })
	if i < 0 {
		return c.points[len(c.points)-1]
	}
	return c.points[i]
}

// most is the greatest of a number over the course.
func (c course) most(of func(SpikePoint) int) int {
	var m int
	for _, p := range c.points {
		m = max(m, of(p))
	}
	return m
}

func open(p SpikePoint) int    { return p.Open }
func waiting(p SpikePoint) int { return p.Waiting }
