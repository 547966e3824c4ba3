package lab

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// users is run once into the template, with no binary log: every server of a
// cluster begins with the same rows and an empty GTID position. The bootstrap
// server has no grant tables loaded until it is told to flush.
const users = `FLUSH PRIVILEGES;
CREATE DATABASE app;
CREATE DATABASE lab;
CREATE TABLE lab.beat (id INT PRIMARY KEY, n BIGINT NOT NULL);
CREATE USER admin@'%' IDENTIFIED BY 'admin';
GRANT ALL PRIVILEGES ON *.* TO admin@'%' WITH GRANT OPTION;
CREATE USER app@'%' IDENTIFIED BY 'app';
GRANT ALL PRIVILEGES ON app.* TO app@'%';
`

// logFileSize must be the same when a data directory is made and when it is used.
const logFileSize = "--innodb-log-file-size=4M"

// template is the one data directory that a process makes, kept in memory (22
// MB) and not on disk, because nothing runs at the end of a process that could
// remove it. It is the package's only state.
var template struct {
	mu    sync.Mutex // held while the template is made
	image []file     // nil before
}

// file is one directory or file of a data directory.
type file struct {
	path string
	dir  bool
	data []byte
}

// dataImage returns the template and makes it if need be. A failure is not
// remembered: the next caller tries again.
func dataImage(ctx context.Context, progs programs) ([]file, error) {
	template.mu.Lock()
	defer template.mu.Unlock()
	if template.image != nil {
		return template.image, nil
	}
	image, err := makeImage(ctx, progs)
	if err != nil {
		return nil, fmt.Errorf("lab: make data directory: %w", err)
	}
	template.image = image
	return image, nil
}

func makeImage(ctx context.Context, progs programs) ([]file, error) {
	dir, err := os.MkdirTemp("", "weir-lab-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	script := filepath.Join(dir, "users.sql")
	if err := os.WriteFile(script, []byte(users), 0o600); err != nil {
		return nil, err
	}
	data, temp := filepath.Join(dir, "data"), filepath.Join(dir, "tmp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, progs.install, append([]string{
		"--no-defaults", "--datadir=" + data, "--tmpdir=" + temp, "--skip-test-db", "--skip-name-resolve",
		"--auth-root-authentication-method=normal", "--extra-file=" + script, logFileSize,
	}, userArgs()...)...)
	// The installer is a script whose server would outlive it: end the group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", progs.install, err, out)
	}
	return readImage(data)
}

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

// userArgs lets root run the server, which refuses that unless told so.
func userArgs() []string {
	if os.Geteuid() != 0 {
		return nil
	}
	return []string{"--user=root"}
}
