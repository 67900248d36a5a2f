// Package local runs steps on the machine Muster itself runs on: as a user of
// their own, or, where the settings allow it, as Muster's.
//
// Invariant: a step sees nothing of Muster: its environment is built from
// scratch and holds the job's variables only, it starts in the home folder, in
// a session of its own, with no open file of the server. What is run and how it
// ends is the same as on any other node (package posix); who may run something
// here is decided by access, and whether the node is this machine by run. As
// Muster's own user a step can read Muster's keys; that is why it has to be
// allowed.
package local

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"sync"
	"syscall"

	"muster/internal/executor/posix"
	"muster/internal/run"
)

// Options of an Executor; the zero value serves.
type Options struct {
	Limits posix.Limits
	// Dir is where steps start; empty means the user's home folder.
	Dir string
	// User is who steps run as; it takes root to become another. Empty means
	// Muster's own user.
	User string
	// Refuse is why nothing is run here at all.
	Refuse string
}

// Executor implements run.Executor.
type Executor struct {
	o    Options
	dir  string
	env  []string
	as   *syscall.Credential // nil: Muster's own user
	stop context.CancelCauseFunc
	base context.Context

	mu     sync.Mutex
	closed bool
	under  sync.WaitGroup
}

var errClosing = errors.New("muster is shutting down")

// New returns an executor for this machine. It fails when steps cannot become
// the user they are to run as.
func New(o Options) (*Executor, error) {
	e := &Executor{o: o, dir: o.Dir}
	e.base, e.stop = context.WithCancelCause(context.Background())
	sealFiles()
	home, name := "/", ""
	u, err := user.Current()
	if o.User != "" {
		if u, e.as, err = become(o.User); err != nil {
			return nil, err
		}
	}
	if err == nil {
		name = u.Username
		if st, err := os.Stat(u.HomeDir); err == nil && st.IsDir() && e.enters(st) {
			home = u.HomeDir
		}
	}
	if e.dir == "" {
		e.dir = home
	}
	e.env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + home, "LANG=C.UTF-8", "USER=" + name, "LOGNAME=" + name,
	}
	return e, nil
}

// Run implements run.Executor.
func (e *Executor) Run(ctx context.Context, in run.Invocation, out run.Output) (run.Result, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return run.Result{}, run.NewExecError(run.Setup, errClosing, "Muster is shutting down: nothing was run on %s.", in.Node.Name)
	}
	if e.o.Refuse != "" {
		e.mu.Unlock()
		return run.Result{}, run.NewExecError(run.Setup, nil, "%s was not run: %s", in.Node.Name, e.o.Refuse)
	}
	e.under.Add(1)
	e.mu.Unlock()
	defer e.under.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.base, func() { cancel(errClosing) })()

	step, err := posix.Prepare(in, e.o.Limits)
	if err != nil {
		return run.Result{}, err
	}
	p, err := e.open(ctx, step.Line())
	if err != nil {
		return run.Result{}, run.NewExecError(run.Setup, err, "No process could be started on Muster's own machine. Look at its limits for processes, memory and open files.")
	}
	s, err := step.Greet(ctx, p, out)
	if errors.Is(err, posix.ErrGone) {
		return run.Result{}, run.NewExecError(run.Setup, err, "The shell for the step vanished on Muster's own machine before it began.")
	}
	if err != nil {
		return run.Result{}, err
	}
	return s.Run(ctx, e.open)
}

// Close stops what is under way and waits for it.
func (e *Executor) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.stop(errClosing)
	e.under.Wait()
	return nil
}

// open starts a shell as a child process.
func (e *Executor) open(_ context.Context, line string) (*posix.Process, error) {
	// Own pipes instead of exec's: its Wait would either wait for every child
	// that inherited them or cut off output by the clock.
	var ends [6]*os.File
	for i := 0; i < 6; i += 2 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(ends[:])
			return nil, err
		}
		ends[i], ends[i+1] = r, w
	}
	// The server keeps its own files to itself; what a step writes is as usual.
	cmd := exec.Command("/bin/sh", "-c", "umask 022; SHELL=/bin/sh; "+line) // #nosec G204 -- running a job author's shell text is what it is for; values in it are quoted
	cmd.Env, cmd.Dir = e.env, e.dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = ends[0], ends[3], ends[5]
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: e.as}
	if err := cmd.Start(); err != nil {
		closeAll(ends[:])
		return nil, err
	}
	closeAll([]*os.File{ends[0], ends[3], ends[5]})
	exit := make(chan posix.Exit, 1)
	go func() { exit <- ended(cmd.Wait(), cmd.ProcessState) }()
	var once sync.Once
	return &posix.Process{
		Stdin: ends[1], Stdout: ends[2], Stderr: ends[4], Exit: exit,
		Close: func() { once.Do(func() { closeAll([]*os.File{ends[1], ends[2], ends[4]}) }) },
	}, nil
}

// sealFiles keeps files that Muster itself was started with (a socket from the
// service manager, a shell's leftovers) out of its children. Go's own files are
// sealed already.
func sealFiles() {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

func ended(err error, st *os.ProcessState) posix.Exit {
	if st == nil {
		return posix.Exit{Err: err}
	}
	if ws, ok := st.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return posix.SignalledBy(int(ws.Signal()))
	}
	return posix.Exit{Code: st.ExitCode()}
}

func closeAll(fs []*os.File) {
	for _, f := range fs {
		if f != nil {
			_ = f.Close()
		}
	}
}
