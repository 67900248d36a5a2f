package app

import (
	"crypto/tls"
	"net"
	"os"
	"syscall"

	"muster/internal/fault"
)

var errWrongPlace = fault.New(fault.Unauthenticated, "Sign in again: this session or token is not valid here.")

// lock takes the file for this process; the system lets go of it when the process ends, however it ends.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

func tlsListener(ln net.Listener, pair tls.Certificate) net.Listener {
	return tls.NewListener(ln, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}})
}
