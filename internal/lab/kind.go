package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// Kind is whose server a [Server] is.
type Kind uint8

const (
	MariaDB Kind = iota
	MySQL
)

func (k Kind) String() string {
	switch k {
	case MariaDB:
		return "MariaDB"
	case MySQL:
		return "MySQL"
	}
	return "Kind " + strconv.Itoa(int(k))
}

// MarshalText returns the kind's name as an option has it, in lower case.
func (k Kind) MarshalText() ([]byte, error) { return []byte(strings.ToLower(k.String())), nil }

// UnmarshalText reads what MarshalText writes, in any case.
func (k *Kind) UnmarshalText(text []byte) error {
	for _, kind := range []Kind{MariaDB, MySQL} {
		if strings.EqualFold(string(text), kind.String()) {
			*k = kind
			return nil
		}
	}
	return fmt.Errorf("lab: the server must be mariadb or mysql, not %q", text)
}

// A family is all that servers of one kind need and say in a way of their own.
type family interface {
	// find returns the programs that are in the directories.
	find(dirs []string) (programs, error)
	// install is what makes the data directory data. dir is for whatever else it needs.
	install(ctx context.Context, progs programs, dir, data string) (*exec.Cmd, error)
	// initFile is what the server reads at each start, or "".
	initFile() string
	// args are the arguments that follow from where the server has its init file and its second port, which is not counted in
	// max_connections. A lone server follows nobody and writes no binary log.
	args(host string, adminPort int, initFile string, alone bool) []string
	// replication is how the nodes of a cluster are told what to do.
	replication() replication
}

func (k Kind) family() family {
	if k == MySQL {
		return mysqld{}
	}
	return mariadbd{}
}

// userArgs lets root run the server, which refuses that unless told so.
func userArgs() []string {
	if os.Geteuid() != 0 {
		return nil
	}
	return []string{"--user=root"}
}
