package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrNoMariaDB is matched by the errors of [Available] and of everything that
// starts a server where the MariaDB server programs are not installed.
var ErrNoMariaDB = errors.New("MariaDB is not installed (apt-get install -y --no-install-recommends mariadb-server-core mariadb-client-core)")

// Available reports whether servers can be started here: it returns nil, or an
// error that matches [ErrNoMariaDB] and says in one line what to install.
func Available() error {
	_, err := findPrograms(searchPath())
	return err
}

// programs holds the paths of what the lab runs.
type programs struct {
	server  string
	install string
}

func findPrograms(dirs []string) (programs, error) {
	server, err := find("mariadbd", dirs)
	if err != nil {
		return programs{}, err
	}
	install, err := find("mariadb-install-db", dirs)
	if err != nil {
		return programs{}, err
	}
	return programs{server: server, install: install}, nil
}

func find(name string, dirs []string) (string, error) {
	for _, dir := range dirs {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("lab: no %s: %w", name, ErrNoMariaDB)
}

// searchPath ends with the system directories, because Debian keeps mariadbd
// in one that an ordinary user's PATH leaves out.
func searchPath() []string {
	return append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin")
}
