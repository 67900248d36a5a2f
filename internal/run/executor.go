package run

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Executor carries out one step on one node. It is the seam between the engine,
// which knows jobs, approvals and logs, and the ways of reaching a machine
// (executor/local, executor/ssh), which know none of them.
//
// An implementation is safe for concurrent use. Cancelling ctx means "stop": it
// ends everything the step started on the node, processes that detached
// themselves included, and only then returns.
type Executor interface {
	// Run starts the step and waits for its end. A process that ran and exited,
	// with whatever code, is a Result and a nil error; an error (always an
	// *ExecError) means that the outcome is not the process's own.
	Run(ctx context.Context, in Invocation, out Output) (Result, error)
	// Close lets go of kept connections. Steps under way are stopped.
	Close() error
}

// Invocation is everything an executor may know about a step. Exactly one of
// Command and Script is set.
type Invocation struct {
	RunID, StepID string
	Node          Target
	// Command is a complete shell command line; substituted values in it are
	// already quoted for a POSIX shell.
	Command string
	Script  *Script
	// Env must reach the process even where an SSH server accepts no variables.
	Env map[string]string
	// Timeout ends the step like a cancelled ctx, but as Timeout; 0 means none.
	Timeout    time.Duration
	Credential Credential
	// HostKeys holds the key parts the node may identify itself with, in the
	// form of a known_hosts line with or without the host. Empty means refuse.
	HostKeys []string
}

// Target is the node as an executor needs it.
type Target struct {
	Name, Hostname, Username, OSFamily string
	Attrs                              map[string]string
}

// Script is sent to the node and started there.
type Script struct {
	Content []byte
	// Args are single values; the executor quotes them.
	Args []string
	// Interpreter is a command line such as "python3" or "sudo -u app bash";
	// empty means the script's own #! line, or /bin/sh.
	Interpreter   string
	FileExtension string
}

// Credential is opened for one step and never stored by an executor.
type Credential struct {
	PrivateKey, Passphrase, Password []byte
}

// Stream names where bytes came from.
type Stream int

const (
	Stdout Stream = iota
	Stderr
	// Sys is for the engine's own lines; executors do not use it.
	Sys
)

// String is the stream's name in the log.
func (s Stream) String() string {
	switch s {
	case Stderr:
		return "err"
	case Sys:
		return "sys"
	default:
		return "out"
	}
}

// Output takes raw bytes in the order they arrive. It is safe for concurrent
// use and does not keep data after returning.
type Output interface {
	Write(stream Stream, data []byte)
}

// Result is how the process ended. Signal is set when a signal ended it
// ("KILL"), ExitCode is then 128 + its number.
type Result struct {
	ExitCode int
	Signal   string
}

// ErrorKind says why there is no Result.
type ErrorKind int

const (
	// Setup: the step could not be prepared (no such interpreter, no space for
	// the script, a missing credential).
	Setup ErrorKind = iota
	// Unreachable: no connection to the node.
	Unreachable
	// HostKey: the node showed another key than the trusted ones, or none is trusted.
	HostKey
	// Auth: the node refused the credential.
	Auth
	// Timeout: Invocation.Timeout passed.
	Timeout
	// Stopped: ctx was cancelled.
	Stopped
	// Lost: the connection broke while the step ran; whether it finished is not known.
	Lost
)

// String is the kind's name in events and answers.
func (k ErrorKind) String() string {
	switch k {
	case Unreachable:
		return "unreachable"
	case HostKey:
		return "host-key"
	case Auth:
		return "auth"
	case Timeout:
		return "timeout"
	case Stopped:
		return "stopped"
	case Lost:
		return "lost"
	default:
		return "setup"
	}
}

// ExecError is why a step has no result. Msg is plain words for the person who
// asked and says what to do next; Cause is for the operators' log.
type ExecError struct {
	Kind  ErrorKind
	Msg   string
	Cause error
}

// NewExecError returns an *ExecError.
func NewExecError(kind ErrorKind, cause error, format string, a ...any) *ExecError {
	return &ExecError{Kind: kind, Msg: fmt.Sprintf(format, a...), Cause: cause}
}

// Error is the text safe to show; the cause stays out of it.
func (e *ExecError) Error() string { return e.Msg }

// Unwrap gives the cause.
func (e *ExecError) Unwrap() error { return e.Cause }

// ExecErrorOf finds the ExecError in err; nil when there is none.
func ExecErrorOf(err error) *ExecError {
	var e *ExecError
	if errors.As(err, &e) {
		return e
	}
	return nil
}
