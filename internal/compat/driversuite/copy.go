package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	driverModule = "github.com/go-sql-driver/mysql"
	weirModule   = "github.com/weirpool/weir"
)

// added are the files that a copy gets when its connections go through the connector. The first belongs to the driver's package,
// the second to its external test package: that one may import mysqlpool, which then is built upon the package under test.
//
//go:embed testdata/hook_test.go testdata/through_test.go
var added embed.FS

// A tree is a copy of the driver's source that can be tested.
type tree struct {
	dir string // holds the copy, and a go.work beside it
}

func (t tree) source() string { return filepath.Join(t.dir, "mysql") }
func (t tree) work() string   { return filepath.Join(t.dir, "go.work") }
func (t tree) remove() error  { return os.RemoveAll(t.dir) }

// newTree copies the driver, and applies the changes unless there are none.
func newTree(ctx context.Context, changes []rewrite) (tree, error) {
	dir, err := os.MkdirTemp("", "weir-compat-driver-")
	if err != nil {
		return tree{}, err
	}
	t := tree{dir: dir}
	if err := t.fill(ctx, changes); err != nil {
		return tree{}, errors.Join(err, t.remove())
	}
	return t, nil
}

func (t tree) fill(ctx context.Context, changes []rewrite) error {
	driver, err := download(ctx)
	if err != nil {
		return err
	}
	weir, err := moduleOf(ctx, weirModule)
	if err != nil {
		return err
	}
	// A workspace of the two needs neither a changed go.mod nor the network: what weir requires is in weir's go.sum.
	work := fmt.Sprintf("go %s\n\nuse (\n\t./mysql\n\t%s\n)\n", weir.GoVersion, weir.Dir)
	if err := os.WriteFile(t.work(), []byte(work), 0o600); err != nil {
		return err
	}
	if err := copySource(driver.Dir, t.source()); err != nil {
		return err
	}
	if len(changes) == 0 {
		return nil
	}
	if err := apply(t.source(), changes); err != nil {
		return err
	}
	return t.addFiles()
}

func (t tree) addFiles() error {
	files, err := added.ReadDir("testdata")
	if err != nil {
		return err
	}
	for _, f := range files {
		data, err := added.ReadFile("testdata/" + f.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(t.source(), "weir_"+f.Name()), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// copySource copies the Go files, the module's files and nothing else; the module cache's are read-only, the copies are not.
func copySource(from, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.IsDir() || !strings.HasSuffix(f.Name(), ".go") && f.Name() != "go.mod" && f.Name() != "go.sum" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// A module is what the go command says of one.
type module struct {
	Version   string
	Dir       string
	GoVersion string
}

func moduleOf(ctx context.Context, path string) (module, error) {
	var m module
	err := goJSON(ctx, &m, "list", "-m", "-json", path)
	return m, err
}

// download makes sure that the source of the driver, in the version that weir is built with, is in the module cache.
func download(ctx context.Context) (module, error) {
	used, err := moduleOf(ctx, driverModule)
	if err != nil {
		return module{}, err
	}
	var m module
	err = goJSON(ctx, &m, "mod", "download", "-json", driverModule+"@"+used.Version)
	return m, err
}

func goJSON(ctx context.Context, to any, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, complaints.Bytes())
	}
	return json.Unmarshal(out, to)
}
