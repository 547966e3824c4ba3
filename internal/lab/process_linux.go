package lab

import "syscall"

// dieWithParent makes the kernel kill a server whose test process was killed
// and could not stop it.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
