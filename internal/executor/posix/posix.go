// Package posix runs one step in a POSIX shell, whatever carries that shell's
// three streams: a child process (executor/local), a channel of an SSH
// connection (executor/ssh), later a runner's.
//
// How a step starts. The transport starts the constant command line of
// Step.Line. It names no secret and nothing of the job, because command lines
// are readable by every user of the node. The shell answers with a greeting and
// waits. Only then is the step itself sent, as one line on standard input,
// followed by the bytes of the script if there is one:
//
//	transport        node
//	Line        ──▶  sh, marked MUSTER_RUN=run/step/nonce
//	            ◀──  greeting with the mark and the process id
//	payload     ──▶  environment, script file, checks
//	            ◀──  "go": from here on every byte is the step's own
//
// The invariant this buys: until the payload is sent nothing of the step can
// have run, so a dead connection may be replaced; afterwards it never may. The
// payload counts only when it is complete (a line with its end, a script with
// its length), so a connection lost half way starts nothing.
//
// How a step stops. The mark is in the environment of everything the step
// starts, detached or not. A second shell on the same node (Open) looks for it,
// ends what it finds and says what it could not end; see stop.sh.
//
// Reaching the node, trusting it and logging in to it belong to the transports.
package posix

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// Process is a shell that was started by a transport.
type Process struct {
	Stdin          io.WriteCloser
	Stdout, Stderr io.Reader
	// Exit gives exactly one value, as soon as the shell has ended; output may
	// still be under way then.
	Exit <-chan Exit
	// Close lets go of the streams. It ends neither the shell nor its children.
	Close func()
}

// Exit is how a shell ended. Err is set when that is not known because the
// transport broke.
type Exit struct {
	Code   int
	Signal string // "KILL"; Code is then 128 + its number
	Err    error
}

// Open starts a further shell on the same node.
type Open func(ctx context.Context, line string) (*Process, error)

// Limits are the waiting times of a step. The zero value means the defaults.
type Limits struct {
	// Greeting is how long the node may take to start a shell (30 s).
	Greeting time.Duration
	// Grace is how long stopped processes have between TERM and KILL (2 s).
	Grace time.Duration
	// Drain is how long to wait for output after the step's own process ended
	// while something in the background keeps its streams open (3 s).
	Drain time.Duration
	// Stop bounds the whole of stopping (45 s).
	Stop time.Duration
}

// Defaulted gives every unset limit its default.
func (l Limits) Defaulted() Limits {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&l.Greeting, 30*time.Second)
	set(&l.Grace, 2*time.Second)
	set(&l.Drain, 3*time.Second)
	set(&l.Stop, 45*time.Second)
	return l
}

// ErrGone means that the transport broke before the step was sent.
var ErrGone = errors.New("the connection ended before the step was sent")

// signals are the names and numbers that every POSIX system agrees on, and
// those of Linux for the rest.
var signals = map[string]int{
	"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9,
	"USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16,
	"XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "IO": 29, "PWR": 30, "SYS": 31,
}

// Signalled is the Exit of a process that a signal ended. The name may be as
// SSH sends it ("KILL", "SIGBUS@openssh.com").
func Signalled(name string) Exit {
	name, _, _ = strings.Cut(name, "@")
	name = strings.TrimPrefix(name, "SIG")
	return Exit{Code: 128 + signals[name], Signal: name}
}

// SignalledBy is Signalled for a signal's number.
func SignalledBy(number int) Exit {
	for name, n := range signals {
		if n == number {
			return Exit{Code: 128 + n, Signal: name}
		}
	}
	return Exit{Code: 128 + number, Signal: strconv.Itoa(number)}
}
