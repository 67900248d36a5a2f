package livekit

import (
	"os/exec"
	"syscall"
)

// own makes the kernel end the child with its parent.
func own(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
