package lab

import (
	"context"
	"os"
	"os/exec"
	"strconv"
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
