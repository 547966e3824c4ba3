package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirpool/weir/benchmarks"
	"github.com/weirpool/weir/benchmarks/internal/picture"
	"github.com/weirpool/weir/benchmarks/internal/report"
)

// What follows a run's name in the names of its files.
const (
	rawFile     = ".txt"
	seriesFile  = ".spike.csv"
	tablesFile  = ".md"
	pictureFile = ".svg"
)

// clear makes the folder, and takes out of it what an earlier run of this name drew: a shorter run draws less.
func (j job) clear() error {
	if err := os.MkdirAll(j.results, 0o755); err != nil {
		return err
	}
	files, err := os.ReadDir(j.results)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !j.owns(f.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(j.results, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// owns says whether a file is a series or a picture of this run. A picture is called after its run and one more word.
func (j job) owns(file string) bool {
	if file == j.name+seriesFile {
		return true
	}
	picture, ok := strings.CutPrefix(file, j.name+"-")
	return ok && strings.HasSuffix(picture, pictureFile) && !strings.Contains(picture, "-")
}

// keep makes the tables, the goals and the pictures.
func (j job) keep(out io.Writer) error {
	text, err := os.ReadFile(j.base() + rawFile)
	if err != nil {
		return err
	}
	raw, err := report.Read(bytes.NewReader(text))
	if err != nil {
		return err
	}
	var tables bytes.Buffer
	if err := report.Write(&tables, raw, benchmarks.Notes()); err != nil {
		return err
	}
	tables.WriteByte('\n')
	if err := report.WriteGoals(&tables, report.Goals(raw, benchmarks.InOrder())); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n", tables.Bytes())
	if err := os.WriteFile(j.base()+tablesFile, tables.Bytes(), 0o644); err != nil {
		return err
	}
	return j.draw(out, raw)
}

func (j job) draw(out io.Writer, raw *report.Raw) error {
	spikes, err := j.spikes()
	if err != nil {
		return err
	}
	written, err := picture.Draw(j.results, j.name, raw, spikes)
	for _, file := range written {
		fmt.Fprintln(out, "drawn:", file)
	}
	return err
}

// spikes are none where the run had no spike.
func (j job) spikes() ([]picture.SpikePoint, error) {
	series, err := os.Open(j.base() + seriesFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer series.Close()
	return picture.ReadSpikes(series)
}
