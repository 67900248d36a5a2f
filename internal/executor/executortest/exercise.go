package executortest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"muster/internal/run"
)

// Exercise runs the suite. make gives a fixture that is closed by the test.
func Exercise(t *testing.T, make func(t *testing.T) Fixture) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, f Fixture)
	}{
		{"exit codes", exitCodes},
		{"signals become exit codes", signalled},
		{"streams are raw and apart", streams},
		{"commands are shell text", commands},
		{"standard input is empty", emptyInput},
		{"environment arrives", environment},
		{"environment is checked", badEnvironment},
		{"nothing of the server leaks", clean},
		{"values survive quoting", quoting},
		{"scripts", scripts},
		{"scripts leave nothing behind", noTrace},
		{"stop ends everything", stopTree},
		{"stop lets processes say goodbye", goodbye},
		{"stop before the beginning", stoppedBefore},
		{"stop touches nobody else", stopNeighbour},
		{"stop of a script removes it", stopScript},
		{"time limit", timeLimit},
		{"background processes may stay", background},
		{"output of any size", bigOutput},
		{"slow readers lose nothing", backPressure},
		{"fifty at once", fifty},
		{"ten stopped at once", tenStopped},
		{"close stops what runs", closing},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, make(t)) })
	}
}

// must runs a step that has to produce a result.
func must(t *testing.T, f Fixture, in run.Invocation) (run.Result, *Log) {
	t.Helper()
	l := NewLog()
	e := Await(t, Go(context.Background(), f.Executor, in, l))
	if e.Err != nil {
		t.Fatalf("Run: %v (cause %v); stderr %q", e.Err, run.ExecErrorOf(e.Err).Cause, l.Err())
	}
	return e.Result, l
}

func exitCodes(t *testing.T, f Fixture) {
	for cmd, code := range map[string]int{"true": 0, "false": 1, "exit 37": 37, "exit 255": 255, "no-such-program-here": 127, "(exit 3)": 3, "if": 2, "sh -c 'kill -9 $$'": 137} {
		r, l := must(t, f, f.Command(cmd))
		if cmd == "if" && r.ExitCode != 0 { // shells differ in the code for a syntax error
			continue
		}
		if r.ExitCode != code {
			t.Errorf("%s: exit code %d, want %d; stderr %q", cmd, r.ExitCode, code, l.Err())
		}
		if strings.Contains(l.Err(), "MUSTER_RUN") {
			t.Errorf("%s: our own text is in the output: %q", cmd, l.Err())
		}
	}
}

func signalled(t *testing.T, f Fixture) {
	for name, code := range map[string]int{"KILL": 137, "TERM": 143, "USR1": 138} {
		if r, _ := must(t, f, f.Command("kill -"+name+" $$")); r != (run.Result{ExitCode: code, Signal: name}) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func streams(t *testing.T, f Fixture) {
	_, l := must(t, f, f.Command(`printf 'a\r\n\000\377b'; printf 'err\001' >&2; printf '\033[31mc'`))
	if l.Out() != "a\r\n\x00\xffb\x1b[31mc" || l.Err() != "err\x01" {
		t.Errorf("stdout %q, stderr %q", l.Out(), l.Err())
	}
}

func commands(t *testing.T, f Fixture) {
	for cmd, want := range map[string]string{
		"echo one\necho 'two\nthree'":                     "one\ntwo\nthree\n",
		"cat <<'X'\n$HOME `id` 'q' \\n\nX\n":              "$HOME `id` 'q' \\n\n",
		"echo a # comment":                                "a\n",
		"echo a # comment\n\n":                            "a\n",
		"set -e; echo a; false; echo b":                   "a\n",
		`x="it's"; echo "$x" '"' \'`:                      "it's \" '\n",
		"trap 'echo bye' EXIT; echo hi":                   "hi\nbye\n",
		"echo $# $@":                                      "0\n",
		"echo ${_muster_l-unset} ${_muster_n-unset}":      "unset unset\n",
		"for i in 1 2 3; do echo $i; done | tail -n 1":    "3\n",
		"echo " + strings.Repeat("x", 200_000) + "|wc -c": "200001\n",
	} {
		if _, l := must(t, f, f.Command(cmd)); strings.TrimLeft(l.Out(), " ") != want {
			t.Errorf("%.60q printed %.80q, want %q; stderr %q", cmd, l.Out(), want, l.Err())
		}
	}
	in := f.Command("echo a\x00b")
	_, err := f.Executor.Run(context.Background(), in, NewLog())
	Kind(t, err, run.Setup)
	_, err = f.Executor.Run(context.Background(), f.Invocation(), NewLog())
	Kind(t, err, run.Setup)
}

func emptyInput(t *testing.T, f Fixture) {
	if _, l := must(t, f, f.Command("cat | wc -c | tr -d ' '; read x || echo end")); l.Out() != "0\nend\n" {
		t.Errorf("got %q", l.Out())
	}
	if _, l := must(t, f, f.Script("cat | wc -c | tr -d ' '\nread x || echo end\n")); l.Out() != "0\nend\n" {
		t.Errorf("script got %q", l.Out())
	}
}

// nasty are values that shells like to interpret.
var nasty = map[string]string{
	"EMPTY": "", "SPACE": "  a  b ", "NEWLINES": "\n\na\nb\n\n", "DOLLAR": "$HOME ${HOME} $(touch /tmp/never) $1 $$ $?",
	"BACKTICK": "`id`", "SINGLE": "it's '' '\\'' '", "DOUBLE": `"a" "`, "BACKSLASH": `\ \\ \n \0 \c`, "GLOB": "* ? [a-z] {a,b} ~",
	"OPERATORS": "; & | && || < > >> ! # ( ) =", "DASH": "-n", "DASHES": "--help", "UTF8": "Zürich 東京 🏦 e\u0301", "CR": "a\r\nb\r",
	"TAB": "\ta\t", "PERCENT": "%s %d %%", "HISTORY": "!! !$ ^a^b", "NAME": "_muster_n", "QUOTED_NEWLINE": "'\n'\"\n\"\\\n",
	"BYTES": allBytes(), "INVALID": "\xff\xfe\xc3(", "LONG": strings.Repeat("é'\n", 20_000),
}

func allBytes() string {
	var b strings.Builder
	for i := 1; i < 256; i++ {
		b.WriteByte(byte(i))
	}
	return b.String()
}

func environment(t *testing.T, f Fixture) {
	in := f.Command(`for n in $NAMES; do eval "printf '%s\000' \"\$RD_$n\""; done; sh -c 'printf %s "$RD_SINGLE"'`)
	in.Env = map[string]string{}
	var names, want []string
	for n, v := range nasty {
		in.Env["RD_"+n] = v
		names, want = append(names, n), append(want, v)
	}
	in.Env["NAMES"] = strings.Join(names, " ")
	_, l := must(t, f, in)
	got := strings.Split(l.Out(), "\x00")
	if len(got) != len(want)+1 {
		t.Fatalf("%d values, want %d; stderr %q", len(got), len(want)+1, l.Err())
	}
	for i, n := range names {
		if got[i] != want[i] {
			t.Errorf("RD_%s = %.300q, want %.300q", n, got[i], want[i])
		}
	}
	if got[len(want)] != nasty["SINGLE"] {
		t.Errorf("a child saw %q", got[len(want)])
	}
	in = f.Command(`echo "$MUSTER_RUN"`)
	in.Env = map[string]string{"MUSTER_RUN": "forged"}
	if _, l = must(t, f, in); !strings.HasPrefix(l.Out(), in.RunID+"/1/") {
		t.Errorf("mark %q", l.Out())
	}
}

func badEnvironment(t *testing.T, f Fixture) {
	for name, value := range map[string]string{"A B": "", "": "", "1A": "", "A=B": "", "A;touch /tmp/never": "", "Ä": "", "A\n": "", "OK": "a\x00b"} {
		in := f.Command("echo ran")
		in.Env = map[string]string{name: value}
		l := NewLog()
		_, err := f.Executor.Run(context.Background(), in, l)
		Kind(t, err, run.Setup)
		if l.Out() != "" {
			t.Errorf("%q: the command ran", name)
		}
	}
}

func clean(t *testing.T, f Fixture) {
	// exec.Command hides nothing by itself: the server's environment must not show.
	if os.Getenv("MUSTER_TEST_SECRET") == "" {
		t.Fatal("the fixture must set MUSTER_TEST_SECRET before it makes the executor")
	}
	if _, l := must(t, f, f.Command("env; cat /proc/self/environ")); strings.Contains(l.Out(), "MUSTER_TEST_SECRET") {
		t.Errorf("the environment holds Muster's own: %s", l.Out())
	}
	// Nothing but the three streams (and what ls opens itself).
	if _, l := must(t, f, f.Command("ls -l /proc/self/fd >&2; ls /proc/self/fd | wc -l")); strings.TrimSpace(l.Out()) != "4" {
		t.Errorf("%s open files, want 4: %s", strings.TrimSpace(l.Out()), l.Err())
	}
	in := f.Command("ps -e -o args= | grep -v grep | grep -c hunter-two; true")
	in.Env = map[string]string{"RD_OPTION_PASSWORD": "hunter-two"}
	in.Command = "x='hunter-two'; " + strings.ReplaceAll(in.Command, "hunter-two", "hunter'-'two")
	if _, l := must(t, f, in); strings.TrimSpace(l.Out()) != "0" {
		t.Errorf("values show in the process list: %q", l.Out())
	}
}

func quoting(t *testing.T, f Fixture) {
	var args []string
	for _, v := range nasty {
		args = append(args, v)
	}
	_, l := must(t, f, f.Script("#!/bin/sh\nprintf '%s\\000' \"$#\" \"$@\"\n", args...))
	if want := fmt.Sprint(len(args)) + "\x00" + strings.Join(args, "\x00") + "\x00"; l.Out() != want {
		t.Errorf("arguments changed on the way: got %d bytes, want %d; stderr %q", len(l.Out()), len(want), l.Err())
	}
}

func scripts(t *testing.T, f Fixture) {
	type c struct {
		script run.Script
		want   string
		code   int
	}
	cases := map[string]c{
		"no line, no newline": {run.Script{Content: []byte(`echo "$1-$#"`), Args: []string{"a b", ""}}, "a b-2\n", 0},
		"#! with argument":    {run.Script{Content: []byte("#!/bin/sh -e\nfalse\necho no\n")}, "", 1},
		"#! env":              {run.Script{Content: []byte("#! /usr/bin/env sh\necho env $1\n"), Args: []string{"x"}}, "env x\n", 0},
		"interpreter":         {run.Script{Content: []byte("echo $1"), Interpreter: "sh -e", Args: []string{"x"}}, "x\n", 0},
		"interpreter line":    {run.Script{Content: []byte("echo $V"), Interpreter: "V='a  b' sh"}, "a b\n", 0},
		"place in the line":   {run.Script{Content: []byte("echo $1 $2"), Interpreter: "sh ${scriptfile} first", Args: []string{"second"}}, "first second\n", 0},
		"extension":           {run.Script{Content: []byte(`echo "${0##*/}"`), FileExtension: "py"}, "script.py\n", 0},
		"dotted extension":    {run.Script{Content: []byte(`echo "${0##*/}"`), FileExtension: ".tar.sh"}, "script.tar.sh\n", 0},
		"exit code":           {run.Script{Content: []byte("exit 42")}, "", 42},
		"mode":                {run.Script{Content: []byte(`ls -l "$0" | cut -c1-10; umask`)}, "-rwx------\n0022\n", 0},
		"binary":              {run.Script{Content: []byte("tail -c 4 \"$0\" | od -An -tx1 | tr -d ' \\n'; exit\n\x00\x01\xff\n")}, "0001ff0a", 0},
		"CRLF inside":         {run.Script{Content: []byte("echo 'a\r'\n")}, "a\r\n", 0},
		"a megabyte":          {run.Script{Content: []byte("echo big\nexit\n" + strings.Repeat("# filler filler filler filler\n", 40_000))}, "big\n", 0},
		"empty":               {run.Script{}, "", 0},
	}
	if _, err := exec.LookPath("bash"); err == nil {
		cases["bash"] = c{run.Script{Content: []byte("a=(1 2 3); echo ${#a[@]} $1"), Interpreter: "bash", Args: []string{"'"}}, "3 '\n", 0}
	}
	if _, err := exec.LookPath("/usr/bin/python3"); err == nil {
		cases["python"] = c{run.Script{Content: []byte("#!/usr/bin/python3\nimport sys,os\nprint(sys.argv[1:], os.environ['RD_X'])\n"), Args: []string{"a\nb", "$x"}}, "['a\\nb', '$x'] it's\n", 0}
		cases["python -u"] = c{run.Script{Content: []byte("print(1)"), Interpreter: "/usr/bin/python3 -u"}, "1\n", 0}
	}
	for name, c := range cases {
		in := f.Invocation()
		in.Script = &c.script
		in.Env = map[string]string{"RD_X": "it's"}
		r, l := must(t, f, in)
		if r.ExitCode != c.code || l.Out() != c.want {
			t.Errorf("%s: exit %d, stdout %q, want %d, %q; stderr %q", name, r.ExitCode, l.Out(), c.code, c.want, l.Err())
		}
	}
	for name, sc := range map[string]run.Script{
		"no such interpreter": {Content: []byte("x"), Interpreter: "no-such-interpreter -x"},
		"no such #!":          {Content: []byte("#!/no/such/thing\n")},
		"broken line":         {Content: []byte("x"), Interpreter: "sh 'unfinished"},
		"bad extension":       {Content: []byte("x"), FileExtension: "/../x"},
		"NUL argument":        {Content: []byte("x"), Args: []string{"\x00"}},
	} {
		in := f.Invocation()
		in.Script = &sc
		e := Await(t, Go(context.Background(), f.Executor, in, NewLog()))
		if x := Kind(t, e.Err, run.Setup); strings.Contains(name, "no such") && !strings.Contains(x.Msg, "not found") {
			t.Errorf("%s: %s", name, x.Msg)
		}
	}
}

// gone fails unless the folder of a script is gone.
func gone(t *testing.T, script string) {
	t.Helper()
	dir := script[:strings.LastIndex(script, "/")]
	if !strings.Contains(dir, "muster.") {
		t.Fatalf("the script is at %q", script)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

func noTrace(t *testing.T, f Fixture) {
	for _, end := range []string{"", "exit 3", "kill -9 $$", "kill -TERM $PPID", "kill -KILL $PPID"} {
		_, l := must(t, f, f.Script("echo at $0\n"+end+"\n"))
		gone(t, l.Wait(t, "at "))
	}
	in := f.Script("echo at $0\n")
	in.Env = map[string]string{"PATH": "/nowhere", "TMPDIR": "/nowhere"}
	_, l := must(t, f, in)
	gone(t, l.Wait(t, "at "))
}

// counter is an Output that keeps only sums.
type counter struct {
	out, err atomic.Int64
	peak     atomic.Uint64
	step     int64
	next     int64
}

func (c *counter) Write(s run.Stream, data []byte) {
	if s == run.Stderr {
		c.err.Add(int64(len(data)))
		return
	}
	if n := c.out.Add(int64(len(data))); n >= c.next {
		c.next = n + c.step
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		c.peak.Store(max(c.peak.Load(), m.HeapAlloc))
	}
}

func bigOutput(t *testing.T, f Fixture) {
	const size = 100 << 20
	c := &counter{step: 10 << 20}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	in := f.Command(fmt.Sprintf("head -c %d /dev/zero; head -c 1000000 /dev/zero >&2", size))
	e := Await(t, Go(context.Background(), f.Executor, in, c))
	if e.Err != nil || e.Result.ExitCode != 0 {
		t.Fatalf("%+v", e)
	}
	if c.out.Load() != size || c.err.Load() != 1000000 {
		t.Errorf("%d bytes of output and %d of errors arrived", c.out.Load(), c.err.Load())
	}
	// #nosec G115 -- heap sizes are far below 2^63
	if grown := int64(c.peak.Load()) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
}

// slow is an Output that stands still until it is let go.
type slow struct {
	Log
	first sync.Once
	began chan struct{}
	let   chan struct{}
}

func (s *slow) Write(st run.Stream, data []byte) {
	s.first.Do(func() { close(s.began) })
	<-s.let
	s.Log.Write(st, data)
}

func backPressure(t *testing.T, f Fixture) {
	s := &slow{Log: *NewLog(), began: make(chan struct{}), let: make(chan struct{})}
	ended := Go(context.Background(), f.Executor, f.Command("seq 1 600000"), s)
	<-s.began
	// Others are not held up by the one that stands still.
	must(t, f, f.Command("head -c 5000000 /dev/zero"))
	close(s.let)
	if e := Await(t, ended); e.Err != nil || e.Result.ExitCode != 0 {
		t.Fatalf("%+v", e)
	}
	if got := s.Out(); !strings.HasSuffix(got, "\n600000\n") || strings.Count(got, "\n") != 600000 {
		t.Errorf("%d lines arrived", strings.Count(got, "\n"))
	}
}

func fifty(t *testing.T, f Fixture) {
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			in := f.Command(`echo "$I"; echo e$I >&2; exit $I`)
			if i%2 == 1 {
				in.Script, in.Command = &run.Script{Content: []byte(in.Command)}, ""
			}
			in.Env = map[string]string{"I": fmt.Sprint(i)}
			l := NewLog()
			e := Await(t, Go(context.Background(), f.Executor, in, l))
			if e.Err != nil || e.Result.ExitCode != i || l.Out() != fmt.Sprintf("%d\n", i) || l.Err() != fmt.Sprintf("e%d\n", i) {
				t.Errorf("%d: %+v, %q, %q", i, e, l.Out(), l.Err())
			}
		})
	}
	wg.Wait()
}
