package lab

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// template is the one data directory of each make that a process makes, kept in
// memory (22 MB, 70 for MySQL) and not on disk, because nothing runs at the end
// of a process that could remove it. It is the package's only state.
var template struct {
	mu    sync.Mutex // held while a template is made
	image map[datadir][]file
}

// A datadir is what a data directory is made for.
type datadir struct {
	kind       Kind
	letterCase string // the argument that says how names are stored, or ""
}

// file is one directory or file of a data directory.
type file struct {
	path string
	dir  bool
	data []byte
}

// Prepare makes what the first server of a kind takes its data directory from, so
// that the server itself starts in a second.
func Prepare(ctx context.Context, kind Kind) error {
	progs, err := kind.family().find(searchPath())
	if err == nil {
		_, err = dataImage(ctx, datadir{kind: kind}, progs)
	}
	return err
}

// dataImage returns the template and makes it if need be. A failure is not
// remembered: the next caller tries again.
func dataImage(ctx context.Context, of datadir, progs programs) ([]file, error) {
	template.mu.Lock()
	defer template.mu.Unlock()
	if image := template.image[of]; image != nil {
		return image, nil
	}
	image, err := makeImage(ctx, of, progs)
	if err != nil {
		return nil, fmt.Errorf("lab: make data directory: %w", err)
	}
	if template.image == nil {
		template.image = map[datadir][]file{}
	}
	template.image[of] = image
	return image, nil
}

func makeImage(ctx context.Context, of datadir, progs programs) ([]file, error) {
	dir, err := os.MkdirTemp("", "weir-lab-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	data, temp := filepath.Join(dir, "data"), filepath.Join(dir, "tmp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		return nil, err
	}
	cmd, err := of.kind.family().install(ctx, progs, temp, data)
	if err != nil {
		return nil, err
	}
	if of.letterCase != "" {
		cmd.Args = append(cmd.Args, of.letterCase)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", cmd.Path, err, out)
	}
	return readImage(data)
}

// serverID is the file in which MySQL keeps the number by which replication
// knows a server. Each server makes its own.
const serverID = "auto.cnf"

func readImage(root string) ([]file, error) {
	var image []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if rel == serverID {
			return nil
		}
		f := file{path: rel, dir: d.IsDir()}
		if !f.dir {
			f.data, err = os.ReadFile(path)
		}
		image = append(image, f)
		return err
	})
	return image, err
}

// writeImage makes root and fills it. WalkDir listed each directory before
// what is in it.
func writeImage(image []file, root string) error {
	for _, f := range image {
		path := filepath.Join(root, f.path)
		var err error
		if f.dir {
			err = os.Mkdir(path, 0o700)
		} else {
			err = os.WriteFile(path, f.data, 0o600)
		}
		if err != nil {
			return fmt.Errorf("lab: write data directory: %w", err)
		}
	}
	return nil
}
