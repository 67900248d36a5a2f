// Package browser measures the web app in headless Chromium: paints, scrolling
// of 10,000 messages, a log of 500,000 lines, each beside a static page. It fills
// a server; measure.mjs does the looking.
package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"muster/bench/lists"
	"muster/bench/report"
	"muster/bench/rig"
)

type paint struct{ FCP, LCP, Shown float64 }

type scrolled struct {
	FPS, Worst, Moved, Height, Heap float64
	Long                            float64
	Whole                           bool
	First, Jump                     float64 // of a log
}

type measured struct {
	Login, Room, RoomWarm, FloorPage []paint
	Scroll, FloorScroll, Log         []scrolled
}

func med[T any](all []T, of func(T) float64) float64 {
	var ns []float64
	for _, x := range all {
		ns = append(ns, of(x))
	}
	return report.Median(ns...)
}

// Run measures.
func Run(ctx context.Context, r *rig.Rig) error {
	messages, lines := rig.Pick(r, 600, 10000), rig.Pick(r, 20000, 500000)
	t, err := r.Targets(ctx, 1)
	if err != nil {
		return err
	}
	defer t.Stop()
	s, err := r.Server("browser")
	if err != nil {
		return err
	}
	defer s.Stop()
	op, err := t.Project(ctx, s)
	if err != nil {
		return err
	}
	const name, password = "reader", "a long and quiet evening 7"
	if err := s.Console().Call(ctx, "POST", "/users", map[string]any{"name": name, "display": "Reader", "roles": []string{"operator"}, "password": password}, nil); err != nil {
		return err
	}
	var room struct{ ID string }
	if err := s.Console().Call(ctx, "POST", "/rooms", map[string]any{"name": "payments-ops", "kind": "team"}, &room); err != nil {
		return err
	}
	if err := lists.Talk(ctx, s, room.ID, messages-1); err != nil {
		return err
	}
	const newest = "This is the newest message."
	if err := op.Call(ctx, "POST", "/rooms/"+room.ID+"/messages", map[string]any{"text": newest}, nil); err != nil {
		return err
	}
	var run rig.Run
	command := fmt.Sprintf(`awk 'BEGIN { for (i = 1; i <= %d; i++) printf "%%08d pacs.008 booked, camt.054 sent, end to end id PMT-%%08d ok\n", i, i }'`, lines)
	if err := op.Call(ctx, "POST", "/projects/bench/adhoc", map[string]any{"command": command, "filter": ".*"}, &run); err != nil {
		return err
	}
	for late := time.Now().Add(3 * time.Minute); !run.Ended(); time.Sleep(200 * time.Millisecond) {
		if err := op.Call(ctx, "GET", "/runs/"+run.ID, nil, &run); err != nil {
			return err
		}
		if time.Now().After(late) {
			return errors.New("the run that writes the log did not end in three minutes")
		}
	}
	dir, err := r.Folder("static")
	if err != nil {
		return err
	}
	if err := pages(dir, messages); err != nil {
		return err
	}
	f, err := rig.StartFloor(ctx, dir)
	if err != nil {
		return err
	}
	defer f.Stop()
	rounds := rig.Pick(r, 1, 3)
	given, err := json.Marshal(map[string]any{"url": s.URL, "floor": f.URL, "name": name, "password": password, "room": room.ID, "run": run.ID, "newest": newest,
		"aLine": "pacs.008", "lastLine": fmt.Sprintf("PMT-%08d", lines), "rounds": rounds, "seconds": rig.Pick(r, 1, 4), "step": 60})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "node", "bench/browser/measure.mjs", string(given))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("measure.mjs: %w: %s", err, strings.TrimSpace(said.String()))
	}
	var m measured
	if err := json.Unmarshal(out, &m); err != nil {
		return fmt.Errorf("measure.mjs said %q: %w", out, err)
	}
	put(r, m, messages, lines)
	return nil
}

func put(r *rig.Rig, m measured, messages, lines int) {
	floor := med(m.FloorPage, func(p paint) float64 { return p.FCP })
	for _, x := range []struct {
		what   string
		ps     []paint
		target bool
	}{{"login, first paint, new browser", m.Login, true}, {"a room, first paint, signed in, empty cache", m.Room, true}, {"the same room again", m.RoomWarm, true}} {
		first := med(x.ps, func(p paint) float64 { return p.FCP })
		l := r.Line("browser", x.what)
		l.Add("first paint", first, "ms").Add("largest", med(x.ps, func(p paint) float64 { return p.LCP }), "ms").Add("content there", med(x.ps, func(p paint) float64 { return p.Shown }), "ms")
		l.Against("first paint < 1 s", first < 1000).Over("a static page of 100 rows, first paint", first, floor, "ms")
		r.Put(l)
	}
	still := med(m.FloorScroll, func(s scrolled) float64 { return s.FPS })
	const words = "a static page with the same number of rows, fps"
	fps := med(m.Scroll, func(s scrolled) float64 { return s.FPS })
	l := r.Line("browser", fmt.Sprintf("scrolling a room of %d messages", messages))
	l.Add("", fps, "fps").Add("frames over 50 ms", med(m.Scroll, func(s scrolled) float64 { return s.Long }), "").Add("worst", med(m.Scroll, func(s scrolled) float64 { return s.Worst }), "ms").Add("heap", med(m.Scroll, func(s scrolled) float64 { return s.Heap }), "MB")
	l.Against("≥ 54 fps", fps >= 54).Over(words, fps, still, "")
	l.Note = "After paging back to the first message. Here a higher ratio is better: 1 is as smooth as a page without a program. Chromium without a GPU draws on the same cores as the server."
	r.Put(l)
	fps = med(m.Log, func(s scrolled) float64 { return s.FPS })
	l = r.Line("browser", fmt.Sprintf("scrolling a log of %d lines", lines))
	l.Add("", fps, "fps").Add("frames over 50 ms", med(m.Log, func(s scrolled) float64 { return s.Long }), "").Add("worst", med(m.Log, func(s scrolled) float64 { return s.Worst }), "ms").Add("heap", med(m.Log, func(s scrolled) float64 { return s.Heap }), "MB")
	l.Against("≥ 54 fps", fps >= 54).Over(words, fps, still, "")
	r.Put(l)
	l = r.Line("browser", fmt.Sprintf("opening a log of %d lines", lines))
	l.Add("first lines", med(m.Log, func(s scrolled) float64 { return s.First }), "ms").Add("jump to the end", med(m.Log, func(s scrolled) float64 { return s.Jump }), "ms")
	r.Put(l)
}

// pages writes the floor: the same number of rows, and a page of a hundred.
func pages(dir string, rows int) error {
	for name, n := range map[string]int{"rows.html": rows, "few.html": 100} {
		var b strings.Builder
		b.WriteString("<!doctype html><meta charset=utf-8><title>rows</title><style>p{margin:0;font:14px/21px sans-serif}</style>\n")
		for i := range n {
			fmt.Fprintf(&b, "<p><b>Talker %d</b> %d: the overnight batch of <b>service %d</b> closed at 04:%02d, <code>%d</code> statements; see INC-%d for what was slow.</p>\n", i%29, i, i%90, i%60, i*7, i%300)
		}
		b.WriteString("<p>the end</p>\n")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}
