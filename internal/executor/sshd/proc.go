package sshd

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Connections gives the sshd processes that serve connections (not the commands
// in them): children of the listener, and their unprivileged halves.
func (s *Server) Connections() []int {
	parent := map[int]int{}
	name := map[int]string{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for l := range strings.Lines(string(status)) {
			k, v, _ := strings.Cut(strings.TrimSpace(l), ":\t")
			switch k {
			case "Name":
				name[pid] = v
			case "PPid":
				parent[pid], _ = strconv.Atoi(strings.TrimSpace(v))
			}
		}
	}
	var found []int
	for pid := range parent {
		// "sshd", "sshd-session", "sshd-auth"; every link up to the listener must be one.
		at := pid
		for strings.HasPrefix(name[at], "sshd") && at != s.PID() {
			at = parent[at]
		}
		if at == s.PID() && pid != at {
			found = append(found, pid)
		}
	}
	return found
}

// Cut breaks every connection as if its cable were pulled: the processes that
// serve it are killed, the commands run on. It returns how many it killed.
func (s *Server) Cut() int {
	n := 0
	for _, pid := range s.Connections() {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}
