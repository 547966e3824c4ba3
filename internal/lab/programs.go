package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNoMariaDB is matched by the errors of [Available] and of everything that
// starts a server where the MariaDB server programs are not installed.
var ErrNoMariaDB = errors.New("MariaDB is not installed (apt-get install -y --no-install-recommends mariadb-server-core mariadb-client-core)")

// ErrNoMySQL is the same for MySQL.
var ErrNoMySQL = errors.New("MySQL is not installed (scripts/install-mysql gets it)")

// ErrNoGalera is matched by the error of [StartGalera] where Galera is missing.
var ErrNoGalera = errors.New("Galera is not installed (scripts/install-galera gets it)")

// Available reports whether servers of the kind can be started here: it returns
// nil, or an error that matches [ErrNoMariaDB] or [ErrNoMySQL] and says in one
// line what to install.
func Available(kind Kind) error {
	_, err := kind.family().find(searchPath())
	return err
}

// programs holds the paths of what the lab runs.
type programs struct {
	server  string
	install string // MySQL's server needs none
}

func find(name string, dirs []string, is func(path string) bool, none error) (string, error) {
	for _, dir := range dirs {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil && is(path) {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("lab: no %s: %w", name, none)
}

func anyProgram(string) bool { return true }

// isMySQL tells MySQL's mysqld from MariaDB's program of that name.
func isMySQL(path string) bool {
	version, err := exec.Command(path, "--no-defaults", "--version").CombinedOutput()
	return err == nil && !strings.Contains(strings.ToLower(string(version)), "mariadb")
}

// searchPath ends with the system directories, because Debian keeps mariadbd
// in one that an ordinary user's PATH leaves out, and with where
// scripts/install-mysql puts MySQL, in this directory or one above it.
func searchPath() []string {
	dirs := append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin")
	at, err := os.Getwd()
	for err == nil && at != filepath.Dir(at) {
		dirs = append(dirs, filepath.Join(at, ".cache", "mysql", "bin"), filepath.Join(at, ".cache", "galera", "bin"))
		at = filepath.Dir(at)
	}
	return dirs
}
