package picture_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirpool/weir/benchmarks/internal/picture"
	"github.com/weirpool/weir/benchmarks/internal/report"
)

// drawn draws into a folder of its own and returns the files by name.
func drawn(t *testing.T, results, spikes string) map[string][]byte {
	t.Helper()
	raw, err := report.Read(strings.NewReader(results))
	if err != nil {
		t.Fatal(err)
	}
	points, err := picture.ReadSpikes(strings.NewReader(spikes))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	written, err := picture.Draw(dir, "try", raw, points)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, file := range written {
		svg, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(file)] = svg
	}
	if there, err := os.ReadDir(dir); err != nil || len(there) != len(written) {
		t.Errorf("%d files in the folder, %v, want the %d that are named", len(there), err, len(written))
	}
	return files
}

func TestEveryPictureIsXMLThatNamesItsPools(t *testing.T) {
	files := drawn(t, results(), spikes())
	for name, pools := range map[string][]string{
		"try-acquire.svg":    {"weir", "puddle", "database/sql", "sync.Pool", "mutex pair"},
		"try-contention.svg": {"weir", "puddle", "channel"},
		"try-spike.svg":      {"weir", "puddle", "database/sql", "smartconnpool"},
		"try-failing.svg":    {"weir", "puddle", "redigo"},
		"try-mysql.svg":      {"weir", "database/sql", "QueryRow p99", "256 goroutines"},
	} {
		svg := files[name]
		said := letters(t, name, svg)
		for _, pool := range pools {
			if !strings.Contains(said, pool) {
				t.Errorf("%s does not say %q, but %q", name, pool, said)
			}
		}
		if len(svg) > 100_000 {
			t.Errorf("%s has %d bytes, want at most 100,000", name, len(svg))
		}
	}
}

func TestPicturesShowTheWorstRoundWhereItCounts(t *testing.T) {
	const line = "BenchmarkW5cFailingOpens/pool=weir 1 200000000 ns/op %d served\n"
	files := drawn(t, fmt.Sprintf(line+line+line, 50, 43, 50), "")
	said := letters(t, "try-failing.svg", files["try-failing.svg"])
	if !strings.Contains(said, "43") || !strings.Contains(said, "worst round") {
		t.Errorf("got %q, want that 43 were served in the worst round", said)
	}
}

// letters is all text of a picture, which must be well-formed.
func letters(t *testing.T, name string, svg []byte) string {
	t.Helper()
	var said strings.Builder
	for in := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return said.String()
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if text, ok := token.(xml.CharData); ok {
			said.Write(text)
		}
	}
}

func TestSameResultsMakeTheSameBytes(t *testing.T) {
	first, second := drawn(t, results(), spikes()), drawn(t, results(), spikes())
	if len(first) != 5 {
		t.Errorf("%d pictures, want 5", len(first))
	}
	for name, svg := range first {
		if !bytes.Equal(svg, second[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestNothingIsDrawnWithoutData(t *testing.T) {
	if files := drawn(t, "", ""); len(files) > 0 {
		t.Errorf("%d pictures of nothing", len(files))
	}
	files := drawn(t, "BenchmarkW1Alone/pool=weir 1 0 ns/op\nBenchmarkW9Growth/idle=10/pool=weir 1 10 ns/op\n", "pool,ms,open,waiting,served\nweir,0,0,0,0\n")
	for _, name := range []string{"try-contention.svg", "try-failing.svg", "try-mysql.svg"} {
		if files[name] != nil {
			t.Errorf("%s is drawn, want only what was measured", name)
		}
	}
	for name, svg := range files {
		if text := string(svg); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Errorf("%s has a number that is none:\n%s", name, text)
		}
	}
	if len(files) != 2 {
		t.Errorf("%d pictures, want those of W1 and of the spike", len(files))
	}
}

func TestBrokenSpikesAreAnError(t *testing.T) {
	for _, text := range []string{
		"pool,ms,open\nweir,1,2\n",
		"pool,ms,open,waiting,served\nweir,1,2,three,4\n",
		"pool,ms,open,waiting,served\nweir,1,2\n",
	} {
		if points, err := picture.ReadSpikes(strings.NewReader(text)); err == nil {
			t.Errorf("ReadSpikes(%q) = %v, want an error", text, points)
		}
	}
}
