// Package picture draws the results of the benchmarks as SVG files. The same results make the same bytes.
package picture

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/weirpool/weir/benchmarks/internal/report"
)

// Draw writes the pictures that there are results for, as dir/name-acquire.svg and so on, and returns what it wrote.
func Draw(dir, name string, raw *report.Raw, spikes []SpikePoint) (written []string, err error) {
	for _, p := range []struct {
		of   string
		draw func() ([]byte, error)
	}{
		{"acquire", func() ([]byte, error) { return acquireChart(raw).drawIfAny() }},
		{"contention", func() ([]byte, error) { return contentionChart(raw).drawIfAny() }},
		{"spike", func() ([]byte, error) { return drawSpikes(spikes) }},
		{"failing", func() ([]byte, error) { return failingChart(raw).drawIfAny() }},
		{"mysql", func() ([]byte, error) { return mysqlChart(raw).drawIfAny() }},
	} {
		svg, err := p.draw()
		if err != nil {
			return written, fmt.Errorf("picture: %s: %w", p.of, err)
		}
		if svg == nil {
			continue
		}
		file := filepath.Join(dir, name+"-"+p.of+".svg")
		if err := os.WriteFile(file, svg, 0o644); err != nil {
			return written, fmt.Errorf("picture: %w", err)
		}
		written = append(written, file)
	}
	return written, nil
}

// drawIfAny draws a chart that has something to show.
func (c chart) drawIfAny() ([]byte, error) {
	if len(c.panels) == 0 {
		return nil, nil
	}
	return c.draw()
}
