// Command bench measures Muster from outside, as people and machines use it, and
// writes docs/performance.md. An area measures one subject and gives its lines;
// nothing here is asserted, and no test depends on it.
//
//	go run ./bench [-short] [-only alerts,ssh] [-write docs/performance.md]
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"muster/bench/alerts"
	"muster/bench/browser"
	"muster/bench/chat"
	"muster/bench/lists"
	"muster/bench/logs"
	"muster/bench/media"
	"muster/bench/report"
	"muster/bench/rig"
	"muster/bench/ssh"
	"muster/bench/start"
)

// story is the part of the page that people write: what was slow and what was done.
//
//go:embed story.md
var story string

type area struct {
	name, about string
	run         func(context.Context, *rig.Rig) error
}

// areas in the order of the page.
var areas = []area{
	{"chat", "People who talk in one room, 140 bytes a message, timed from the moment each was due. The floor is one durable insert and a plain WebSocket broadcast.", chats},
	{"alerts", "A webhook's POST until a connected browser-like socket shows what became of it.", alerts.Run},
	{"logs", "What a machine prints until fifty screens show it, and a long log.", logs.Run},
	{"ssh", "`true` on many machines: beside Ansible, clustershell and a bare loop.", ssh.Run},
	{"lists", "Long lists over HTTP and on the command line, as somebody with rights of their own (not the console).", lists.Run},
	{"start", "What it costs before anybody uses it.", start.Run},
	{"browser", "The web app in headless Chromium (Debian's, software drawing), a new browser context for each round.", browser.Run},
	{"map", "The floor plan in the same Chromium while people walk from room to room, their avatars gliding.", browser.Map},
	{"media", "Voice through the real media process, by people that are programs and connect as browsers do, on the same machine; each packet carries its number and when it was sent.", media.Run},
	{"go", "The Go benchmarks of single packages (`scripts/bench`).", goBenchmarks},
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == rig.FloorArg {
		fmt.Fprintln(os.Stderr, "bench: floor:", rig.ServeFloor(os.Args[2]))
		os.Exit(1)
	}
	if len(os.Args) == 3 && os.Args[1] == chat.FloorArg {
		fmt.Fprintln(os.Stderr, "bench: floor:", chat.ServeFloor(os.Args[2]))
		os.Exit(1)
	}
	if len(os.Args) == 3 && os.Args[1] == media.FloorArg {
		fmt.Fprintln(os.Stderr, "bench: floor:", media.ServeFloor(os.Args[2]))
		os.Exit(1)
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	only := flag.String("only", "", "areas, separated by commas; empty for all: "+strings.Join(names(), ", "))
	write := flag.String("write", "", "the page to write, such as docs/performance.md")
	short := flag.Bool("short", false, "small counts: does it work, not how fast is it")
	keep := flag.Bool("keep", false, "leave the scratch folder, with server logs, for a look")
	profiles := flag.String("profile", "", "a folder for CPU profiles of the servers, taken while some areas repeat their work (ssh, lists)")
	flag.Parse()
	var wanted []string
	if *only != "" {
		wanted = strings.Split(*only, ",")
	}
	for _, w := range wanted {
		if !slices.Contains(names(), w) {
			return fmt.Errorf("there is no area %q; there are %s", w, strings.Join(names(), ", "))
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := rig.New(*short)
	if err != nil {
		return err
	}
	r.Profiles = *profiles
	defer func() {
		if *keep {
			fmt.Fprintln(os.Stderr, "bench: left behind:", r.Dir)
			return
		}
		os.RemoveAll(r.Dir)
	}()
	var done []report.Area
	var failed []string
	for _, a := range areas {
		if len(wanted) > 0 && !slices.Contains(wanted, a.name) {
			continue
		}
		out := report.Area{Name: a.name, About: a.about, Began: time.Now(), Load: report.Load(), Short: *short}
		fmt.Fprintf(os.Stderr, "bench: %s …\n", a.name)
		err := a.run(ctx, r)
		out.Took, out.Lines = time.Since(out.Began), r.Take(a.name)
		if err != nil {
			out.Err = err.Error()
			failed = append(failed, a.name)
		}
		fmt.Print(report.Text(out))
		done = append(done, out)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		// Written after each area: what was measured survives a later failure.
		if *write != "" {
			if err := put(*write, done); err != nil {
				return err
			}
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("these areas ended early: %s", strings.Join(failed, ", "))
	}
	return nil
}

func put(file string, done []report.Area) error {
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(file, report.Page(old, report.Here(runtime.Version(), runtime.NumCPU()), done, names(), story), 0o644)
}

func names() []string {
	var out []string
	for _, a := range areas {
		out = append(out, a.name)
	}
	return out
}
