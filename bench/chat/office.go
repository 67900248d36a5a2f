package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// memory: what a server weighs idle, and what a connection adds.
func (o *office) memory(ctx context.Context) ([]Result, error) {
	n := 1000
	if o.env.Short {
		n = 50
	}
	idle := settled(o.server.Pid())
	ids, err := o.people(ctx, n)
	if err != nil {
		return nil, err
	}
	room, err := o.room(ctx, "load", ids)
	if err != nil {
		return nil, err
	}
	before := settled(o.server.Pid())
	c, err := o.audience(ctx, n, []string{room}, func(int, []byte) {})
	if err != nil {
		return nil, err
	}
	defer c.close()
	after := settled(o.server.Pid())
	file := status(o.server.Pid(), "RssFile:")
	each := (after - before) / float64(n) / 1024
	return []Result{
		{What: "an empty office, nobody connected", Figures: []Figure{{"", idle / 1e6, "MB"}}},
		{What: fmt.Sprintf("each of %d connections", n), Figures: []Figure{{"", each, "KB"}}, Target: "≤ 40 KB", Met: each <= 40},
		{What: fmt.Sprintf("the server with %d connected", n), Figures: []Figure{{"", after / 1e6, "MB"}}, Target: "≤ 100 MB", Met: after <= 100e6,
			Note: fmt.Sprintf("%.0f MB after the accounts were made and before they connected; of all %.0f MB are pages of the program's own file, which the system drops when it needs room", before/1e6, file/1e6)},
	}, nil
}

// settled waits until a process's memory has stopped falling.
func settled(pid int) float64 {
	low, since := rss(pid), time.Now()
	for time.Since(since) < 6*time.Second {
		time.Sleep(250 * time.Millisecond)
		if now := rss(pid); now < low*0.995 {
			low, since = now, time.Now()
		}
	}
	return rss(pid)
}

// sidebar: the snapshot of an office with a thousand rooms.
func (o *office) sidebar(ctx context.Context, dir string) ([]Result, error) {
	n, times := 1000, 20
	if o.env.Short {
		n, times = 50, 3
	}
	ids, err := o.people(ctx, 1)
	if err != nil {
		return nil, err
	}
	for k := range n {
		if _, err := o.room(ctx, fmt.Sprintf("room-%d", k), ids); err != nil {
			return nil, err
		}
	}
	took, bytes, err := fetch(ctx, o.server.URL+"/api/v1/office", o.tokens[0], times)
	if err != nil {
		return nil, err
	}
	fdir := filepath.Join(dir, "floor")
	if err := os.MkdirAll(fdir, 0o700); err != nil {
		return nil, err
	}
	f, err := startFloor(fdir)
	if err != nil {
		return nil, err
	}
	defer f.stop()
	floor, floorBytes, err := fetch(ctx, f.url+"/rooms", "", times)
	if err != nil {
		return nil, err
	}
	return []Result{{
		What: fmt.Sprintf("the office with %d rooms, one is a member of all", n), Figures: append(took.figures("snapshot"), Figure{"", float64(bytes) / 1024, "KB"}),
		Floor: append(floor.figures("1,000 rows as JSON"), Figure{"", float64(floorBytes) / 1024, "KB"}), Ratio: took.p50 / floor.p50,
	}}, nil
}

func fetch(ctx context.Context, url, token string, times int) (spread, int, error) {
	var us []int64
	size := 0
	for k := range times + 2 {
		req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		if err != nil {
			return spread{}, 0, err
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		began := time.Now()
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return spread{}, 0, err
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !json.Valid(body) {
			return spread{}, 0, fmt.Errorf("%s: %d %.200s %w", url, res.StatusCode, body, err)
		}
		if k >= 2 { // the first ones warm the caches
			us = append(us, time.Since(began).Microseconds())
		}
		size = len(body)
	}
	return spreadOf(us), size, nil
}
