package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirpool/weir/benchmarks/internal/picture"
	"github.com/weirpool/weir/benchmarks/internal/report"
	"github.com/weirpool/weir/benchmarks/internal/runner"
)

// What follows a run's name in the names of its files.
const (
	seriesFile  = ".spike.csv"
	pictureFile = ".svg"
)

// clearPictures takes out of the folder what an earlier run of this name drew: a shorter run draws less.
func clearPictures(j runner.Job) error {
	files, err := os.ReadDir(j.Results)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !owns(j.Name, f.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(j.Results, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// owns says whether a file is a series or a picture of the run of that name. A picture is called after its run and one more word.
func owns(run, file string) bool {
	if file == run+seriesFile {
		return true
	}
	picture, ok := strings.CutPrefix(file, run+"-")
	return ok && strings.HasSuffix(picture, pictureFile) && !strings.Contains(picture, "-")
}

func draw(out io.Writer, j runner.Job, raw *report.Raw) error {
	spikes, err := readSpikes(j.File(seriesFile))
	if err != nil {
		return err
	}
	written, err := picture.Draw(j.Results, j.Name, raw, spikes)
	for _, file := range written {
		fmt.Fprintln(out, "drawn:", file)
	}
	return err
}

// readSpikes returns none where the run had no spike.
func readSpikes(file string) ([]picture.SpikePoint, error) {
	series, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer series.Close()
	return picture.ReadSpikes(series)
}
