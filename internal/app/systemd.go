package app

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"syscall"
	"time"
)

// manager is the service manager that started this process, if it wants to be
// told how the process does: systemd's notify protocol, datagrams on a socket
// that NOTIFY_SOCKET names.
type manager struct {
	socket string
	every  time.Duration // how often it wants a sign of life; 0 never
	log    *slog.Logger
}

// newManager takes the manager's wishes out of the environment: what Muster
// starts itself must not speak in its name.
func newManager(log *slog.Logger) *manager {
	m := &manager{socket: os.Getenv("NOTIFY_SOCKET"), log: log}
	us, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if pid := os.Getenv("WATCHDOG_PID"); err == nil && us > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.every = time.Duration(us) * time.Microsecond / 3
	}
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		_ = os.Unsetenv(name)
	}
	return m
}

// tell sends one state, such as READY=1. Without a manager it does nothing.
func (m *manager) tell(state string) {
	if m.socket == "" {
		return
	}
	// One datagram to a socket of this machine, which is no way out: so without a
	// dialer. A name that begins with @ has no file; the call knows that spelling.
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.Sendto(fd, []byte(state), syscall.MSG_NOSIGNAL, &syscall.SockaddrUnix{Name: m.socket})
		_ = syscall.Close(fd)
	}
	if err != nil {
		m.log.Warn("the service manager cannot be told", "error", err)
	}
}

// watchdog gives signs of life for as long as healthy says yes: a server whose
// database hangs for good is started anew.
func (m *manager) watchdog(ctx context.Context, healthy func(context.Context) error) {
	if m.every == 0 || m.socket == "" {
		return
	}
	t := time.NewTicker(m.every)
	defer t.Stop()
	for {
		ask, cancel := context.WithTimeout(ctx, m.every)
		if err := healthy(ask); err == nil {
			m.tell("WATCHDOG=1")
		} else if ctx.Err() == nil {
			m.log.Error("no sign of life for the service manager", "error", err)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
