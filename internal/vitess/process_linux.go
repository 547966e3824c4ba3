package vitess

import "syscall"

// dieWithParent makes the kernel kill a child whose test process was killed and could not stop it.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
