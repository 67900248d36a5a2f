package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/internal/await"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"muster/e2e/host"
	"muster/internal/db/dbtest"
	"muster/internal/executor/sshd"
)

// TestScripts runs scripts/*.txtar. Beside testscript's own commands they have:
//
//	serve DIR [FLAG…]       start Muster on a data folder; sets MUSTER_URL
//	link                    write the one-time set-up link it printed to the file link
//	stop                    stop it, as a service manager would
//	as NAME DIR             go on as NAME, with a fresh token of theirs
//	exits CODE muster ARG…  run it and compare the exit code
//	until REGEXP muster ARG…  run it again until its output matches
//	set VAR PATH            keep a value of the last JSON output, such as .items[0].id
//	sshd VAR DIR            start a real sshd; sets VAR_HOST, VAR_USER, VAR_HOSTKEY, VAR_KEY (a file)
//	expand FILE…            replace ${VAR} in files
//	tamper DIR SQL          change a stopped Muster's database behind its back
//
// and the programs `post [-status N] URL FILE` and
// `probe [-nobody] [-headers] [-H NAME:VALUE]… METHOD PATH [BODY]`, which sends
// what no well-meaning client would and prints the status with the answer.
//
// With MUSTER_TEST_POSTGRES each script has a database of its own there, and an
// empty one in EMPTY_DATABASE; what only SQLite has is behind the condition [sqlite].
func TestScripts(t *testing.T) {
	bin := binDir(t)
	postgres := os.Getenv("MUSTER_TEST_POSTGRES") != ""
	testscript.Run(t, testscript.Params{
		Dir:                 "scripts",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("MUSTER_INSECURE", "")
			if postgres {
				env.Setenv("MUSTER_DATABASE", dbtest.URL(t))
				env.Setenv("EMPTY_DATABASE", dbtest.URL(t))
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "sqlite" {
				return !postgres, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serve, "link": link, "stop": stop, "as": as, "exits": exits, "until": until,
			"set": set, "sshd": startSSHD, "expand": expand, "tamper": tamper,
		},
	})
}

func need(ts *testscript.TestScript, neg bool, args []string, atLeast int, form string) {
	if neg || len(args) < atLeast {
		ts.Fatalf("usage: %s", form)
	}
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "serve DIR [FLAG…]")
	stopServer(ts)
	s, err := startServer(ts, args)
	if err != nil {
		ts.Fatalf("%v", err)
	}
	servers.Store(ts, s)
	ts.Defer(func() { stopServer(ts) })
	ts.Setenv("MUSTER_URL", s.URL)
	_, _ = io.WriteString(ts.Stdout(), s.Said())
}

func link(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 0, "link")
	s, ok := servers.Load(ts)
	if !ok {
		ts.Fatalf("no Muster is running")
	}
	found, err := s.(*host.Server).Says(regexp.MustCompile(`https?://\S*/setup\?token=\S+`))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("link"), []byte(found), 0o600))
}

func stop(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 0, "stop")
	stopServer(ts)
}

func stopServer(ts *testscript.TestScript) {
	if s, ok := servers.LoadAndDelete(ts); ok {
		if err := s.(*host.Server).Stop(); err != nil {
			ts.Logf("%s", s.(*host.Server).Said())
			ts.Fatalf("stop muster: %v", err)
		}
	}
}

// run runs muster in the script's environment and gives its exit code.
func run(ts *testscript.TestScript, args []string) (code int) {
	if len(args) == 0 || args[0] != "muster" {
		ts.Fatalf("the command must be muster")
	}
	err := ts.Exec(args[0], args[1:]...)
	if err == nil {
		return 0
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	ts.Fatalf("%v: %v", args, err)
	return -1
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "exits CODE muster ARG…")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := run(ts, args[1:]); got != want {
		ts.Fatalf("%s: exit code %d, want %d\n%s%s", strings.Join(args[1:], " "), got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

func until(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "until REGEXP muster ARG…")
	wanted, err := regexp.Compile(`(?m)` + args[0])
	ts.Check(err)
	deadline := time.Now().Add(await.Limit)
	for {
		run(ts, args[1:])
		if wanted.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s: no match for %q in 30 s; last output:\n%s%s", strings.Join(args[1:], " "), args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		}
		time.Sleep(50 * time.Millisecond) // another process: there is no signal to wait for
	}
}

func as(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "as NAME DIR")
	ts.Check(ts.Exec("muster", "token", "create", "--user", args[0], "--data", ts.MkAbs(args[1])))
	ts.Setenv("MUSTER_TOKEN", strings.TrimSpace(ts.ReadFile("stdout")))
}

func set(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "set VAR PATH")
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &v); err != nil {
		ts.Fatalf("the last output is no JSON: %v\n%s", err, ts.ReadFile("stdout"))
	}
	found, err := pick(v, args[1])
	if err != nil {
		ts.Fatalf("%v in %s", err, ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], found)
}

// pick follows a path such as .items[0].room.name.
func pick(v any, path string) (string, error) {
	for _, step := range regexp.MustCompile(`\.\w+|\[\d+\]`).FindAllString(path, -1) {
		switch at := v.(type) {
		case map[string]any:
			v = at[strings.TrimPrefix(step, ".")]
		case []any:
			n, err := strconv.Atoi(strings.Trim(step, "[]"))
			if err != nil || n >= len(at) {
				return "", fmt.Errorf("no %s of %s", step, path)
			}
			v = at[n]
		default:
			return "", fmt.Errorf("no %s of %s", step, path)
		}
	}
	switch at := v.(type) {
	case nil:
		return "", fmt.Errorf("no %s", path)
	case string:
		return at, nil
	}
	text, err := json.Marshal(v)
	return string(text), err
}

func startSSHD(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "sshd VAR DIR")
	ctx, cancel := context.WithTimeout(context.Background(), await.Limit)
	defer cancel()
	s, err := sshd.Start(ctx, sshd.Options{Dir: ts.MkAbs(args[1])})
	ts.Check(err)
	ts.Defer(func() { _ = s.Stop() })
	key := filepath.Join(ts.MkAbs(args[1]), "story_key")
	ts.Check(os.WriteFile(key, s.PrivateKey, 0o600))
	ts.Setenv(args[0]+"_HOST", s.Addr)
	ts.Setenv(args[0]+"_USER", s.Username)
	ts.Setenv(args[0]+"_HOSTKEY", s.HostKey)
	ts.Setenv(args[0]+"_KEY", key)
}

func expand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "expand FILE…")
	variable := regexp.MustCompile(`\$\{[A-Z_]+\}`)
	for _, file := range args {
		text := variable.ReplaceAllStringFunc(ts.ReadFile(file), func(v string) string {
			return ts.Getenv(strings.Trim(v, "${}"))
		})
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

func tamper(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "tamper DIR SQL")
	files, _ := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.db"))
	if len(files) != 1 {
		ts.Fatalf("%s holds %d databases", args[0], len(files))
	}
	db, err := sql.Open("sqlite", files[0])
	ts.Check(err)
	defer db.Close()
	res, err := db.Exec(args[1])
	ts.Check(err)
	if n, _ := res.RowsAffected(); n == 0 {
		ts.Fatalf("nothing was changed by %s", args[1])
	}
}

// postMain is the program `post`: an alert manager's view of Muster.
func postMain() {
	args, want := os.Args[1:], 200
	if len(args) > 1 && args[0] == "-status" {
		want, _ = strconv.Atoi(args[1])
		args = args[2:]
	}
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: post [-status N] URL FILE")
		os.Exit(2)
	}
	body, err := os.ReadFile(args[1])
	if err == nil {
		var res *http.Response
		if res, err = http.Post(args[0], "application/json", bytes.NewReader(body)); err == nil {
			defer res.Body.Close()
			_, _ = io.Copy(os.Stdout, res.Body)
			if res.StatusCode != want {
				err = fmt.Errorf("status %d, want %d", res.StatusCode, want)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
