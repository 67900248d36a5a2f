package posix

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"muster/internal/run"
)

// Mark is the name of the variable that every process of a step carries.
const Mark = "MUSTER_RUN"

// How the step gets its shell. The command line is plain enough for any login
// shell (csh and fish from 3.0 too: no newline, backslash or exclamation mark
// inside the quotes).
//
// A login shell that is known, is the one $SHELL speaks of and leads a session of
// its own keeps the step (here). What the step starts carries the mark from its
// start; what it only forks has the login shell's environment, without the mark,
// but cannot leave the session, by which stop.sh finds it. That spares each step
// two programs, which cost more than all the rest of a short one. The chain has
// nothing but && in it: a csh whose $SHELL says bash must fall through it. What is
// sent ends with exit, so that nothing follows it.
//
// Any other login shell hands over to /bin/sh (stageOne). It marks the
// environment and goes on to the account's own shell when that is a POSIX one,
// because jobs are written for what they find when they log in. Exporting the
// mark before exec puts it into the new shell's initial environment, which is
// the one that forked children inherit in /proc. SHLVL tells bash that the login
// files were read already.
//
// The line is read in the locale C: in others bash's read loses a byte 1 behind
// one that only begins a character.
const (
	known    = `test "$SHELL" = /bin/bash -o "$SHELL" = /usr/bin/bash -o "$SHELL" = /bin/sh -o "$SHELL" = /usr/bin/sh -o "$SHELL" = /bin/dash -o "$SHELL" = /usr/bin/dash -o "$SHELL" = /bin/ash`
	leads    = `test /proc/$$/exe -ef "$SHELL" && read -r _ _ _ _ _ _muster_l _ </proc/$$/stat && test "$_muster_l" = "$$"`
	here     = leads + ` && export %[1]s && set -- %[1]s && ` + stageTwo
	stageOne = `export "$1" SHLVL=1; case ${SHELL##*/} in bash|dash|ash|ksh|ksh93|mksh|zsh) s=$SHELL;; *) s=/bin/sh;; esac; exec "$s" -c "$0" sh "$1"`
	stageTwo = `echo "$1 $$" >&2 && LC_ALL=C IFS= read -r _muster_l && eval "$_muster_l"`
)

var (
	envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	unsafe  = regexp.MustCompile(`[^A-Za-z0-9._-]`)
	ext     = regexp.MustCompile(`^[A-Za-z0-9._-]{0,32}$`)
	word    = regexp.MustCompile(`^[A-Za-z0-9_./+-]+`)
)

// Step is an invocation made ready for a shell.
type Step struct {
	in      run.Invocation
	limits  Limits
	mark    string // MUSTER_RUN=run/step/nonce
	nonce   string
	payload []byte
}

// Prepare checks an invocation and writes its shell text.
func Prepare(in run.Invocation, limits Limits) (*Step, error) {
	if strings.EqualFold(in.Node.OSFamily, "windows") {
		return nil, setup(nil, "%s is a Windows node; steps run on Unix nodes only. Leave it out with a node filter such as !osFamily: windows.", in.Node.Name)
	}
	if (in.Command == "") == (in.Script == nil) {
		return nil, setup(nil, "The step has neither a command nor a script, or both. Give it one of them.")
	}
	raw := make([]byte, 16)
	_, _ = rand.Read(raw)
	s := &Step{in: in, limits: limits.Defaulted(), nonce: hex.EncodeToString(raw)}
	// The nonce keeps apart the same step on several nodes that are in truth one
	// machine, and an attempt from the one before it.
	s.mark = Mark + "=" + unsafe.ReplaceAllString(in.RunID, "_") + "/" + unsafe.ReplaceAllString(in.StepID, "_") + "/" + s.nonce

	exports, err := exports(in.Env)
	if err != nil {
		return nil, err
	}
	var text string
	if in.Script == nil {
		if strings.IndexByte(in.Command, 0) >= 0 {
			return nil, setup(nil, "The command holds a NUL byte, which no shell can take. Remove it.")
		}
		text = fmt.Sprintf(`exec </dev/null; %s echo "$1 go" >&2; set --; eval 'unset _muster_l _muster_n; '%s; exit`, exports, quote(in.Command))
	} else if text, err = s.scriptText(exports); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	// A line cannot hold a newline; quoted text refers to this variable instead.
	// Most has none, and is spared the process that makes it.
	if strings.Contains(text, newline) {
		b.WriteString(`_muster_n=$(printf '\nx'); _muster_n=${_muster_n%x}; `)
	}
	b.WriteString(text + "\n")
	if in.Script != nil {
		b.Write(in.Script.Content)
	}
	s.payload = b.Bytes()
	return s, nil
}

// Line is the command line to start on the node.
func (s *Step) Line() string {
	return known + " && eval '" + fmt.Sprintf(here, s.mark) + "'; exec /bin/sh -c '" + stageOne + "' '" + stageTwo + "' " + s.mark
}

// dir is where a script lives while it runs. Nobody can guess the nonce and
// mkdir fails on anything that exists, so neither mktemp nor luck is needed;
// and stop.sh knows what to remove when the shell can't any more.
func (s *Step) dir() string { return "muster." + s.nonce }

// scriptText puts the script into a private file, checks that all of it came,
// and runs it. One way for all scripts: a file keeps standard input free, works
// for every interpreter and every size, and gives $0 a meaning. The #! line is
// read here and not by the kernel, because /tmp is often mounted noexec.
func (s *Step) scriptText(exports string) (string, error) {
	sc := s.in.Script
	for _, a := range sc.Args {
		if strings.IndexByte(a, 0) >= 0 {
			return "", setup(nil, "An argument of the script holds a NUL byte, which cannot be passed on. Remove it.")
		}
	}
	suffix := sc.FileExtension
	if suffix != "" && !strings.HasPrefix(suffix, ".") {
		suffix = "." + suffix
	}
	if !ext.MatchString(suffix) {
		return "", setup(nil, "The file extension %q of the script is not one: use letters, digits, dots, dashes.", sc.FileExtension)
	}
	start, needs := s.interpreter()
	var args strings.Builder
	for _, a := range sc.Args {
		args.WriteString(" " + quote(a))
	}
	check := ""
	if needs != "" {
		check = fmt.Sprintf(`command -v %s >/dev/null || { echo %s >&2; exit 1; }; `, quote(needs), quote(needs+": not found, and the script needs it"))
	}
	return `_muster_u=$(umask); _muster_p=$PATH; umask 077; _muster_d=${TMPDIR:-/tmp}/` + s.dir() + `; mkdir "$_muster_d" || exit 1; ` +
		`trap 'PATH=$_muster_p; rm -rf "$_muster_d"' EXIT; trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM; ` +
		`_muster_f=$_muster_d/script` + suffix + `; cat >"$_muster_f" && [ "$(wc -c <"$_muster_f")" -eq ` + fmt.Sprint(len(sc.Content)) + ` ] ` +
		`|| { echo "the script did not arrive complete" >&2; exit 1; }; ` +
		`chmod 700 "$_muster_f"; umask "$_muster_u"; exec </dev/null; ` + exports + check +
		`echo "$1 go" >&2; set --; ` + start + args.String() + "; exit", nil
}

// interpreter is the shell text that starts the script file, and the program
// that must exist for it when that can be told.
func (s *Step) interpreter() (start, needs string) {
	sc := s.in.Script
	if it := strings.TrimSpace(sc.Interpreter); it != "" {
		it = strings.ReplaceAll(it, "\n", " ")
		// The author's own text is shell, as everywhere in a job.
		if first := word.FindString(it); first != "" && (len(first) == len(it) || it[len(first)] == ' ') {
			needs = first
		}
		if strings.Contains(it, "${scriptfile}") {
			return strings.ReplaceAll(it, "${scriptfile}", "${_muster_f}"), needs
		}
		return it + ` "$_muster_f"`, needs
	}
	line, _, _ := bytes.Cut(sc.Content, []byte("\n"))
	rest, ok := bytes.CutPrefix(line, []byte("#!"))
	prog, arg, _ := strings.Cut(strings.TrimSpace(string(rest)), " ")
	if !ok || prog == "" || strings.IndexByte(string(rest), 0) >= 0 {
		return `/bin/sh "$_muster_f"`, ""
	}
	start = quote(prog)
	if arg = strings.TrimSpace(arg); arg != "" {
		start += " " + quote(arg) // as the kernel does: all the rest is one argument
		if prog == "/usr/bin/env" && word.FindString(arg) == arg && arg[0] != '-' {
			return start + ` "$_muster_f"`, arg
		}
	}
	return start + ` "$_muster_f"`, prog
}

// exports is the shell text that sets the environment; it ends the shell when
// a variable cannot be set.
func exports(env map[string]string) (string, error) {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if name == Mark {
			continue
		}
		if !envName.MatchString(name) {
			return "", setup(nil, "%q cannot be the name of an environment variable: use letters, digits and underscores, not starting with a digit.", name)
		}
		if strings.IndexByte(env[name], 0) >= 0 {
			return "", setup(nil, "The environment variable %s holds a NUL byte, which cannot be passed on. Remove it.", name)
		}
		b.WriteString(" " + name + "=" + quote(env[name]))
	}
	if b.Len() == 0 {
		return "", nil
	}
	return "export" + b.String() + " || exit 1; ", nil
}

// quote makes one shell word of s that stays on one line.
func quote(s string) string {
	s = strings.ReplaceAll(s, "'", `'\''`)
	return "'" + strings.ReplaceAll(s, "\n", `'`+newline+`'`) + "'"
}

// newline stands for one inside quoted text.
const newline = `"$_muster_n"`

func setup(cause error, format string, a ...any) error {
	return run.NewExecError(run.Setup, cause, format, a...)
}
