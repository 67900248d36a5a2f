// Package start measures what running Muster costs before anybody uses it: time
// to the first answer, idle memory, the size of the binary.
package start

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"muster/bench/report"
	"muster/bench/rig"
	"muster/e2e/host"
)

// Run measures.
func Run(ctx context.Context, r *rig.Rig) error {
	var cold, warm, floor report.Samples
	var stopping []float64
	var idleFloor float64
	for range rig.Pick(r, 2, 7) {
		dir, err := r.Folder("start")
		if err != nil {
			return err
		}
		for _, into := range []*report.Samples{&cold, &warm} {
			took, s, err := first(dir, r.Bin)
			if err != nil {
				return err
			}
			*into = append(*into, took)
			began := time.Now()
			if err := s.Stop(); err != nil {
				return err
			}
			stopping = append(stopping, float64(time.Since(began))/1e6)
		}
		f, err := r.Floor(ctx)
		if err != nil {
			return err
		}
		floor = append(floor, f.Took)
		f.Stop()
	}
	dir, err := r.Folder("idle")
	if err != nil {
		return err
	}
	_, s, err := first(dir, r.Bin)
	if err != nil {
		return err
	}
	defer s.Stop()
	f, err := r.Floor(ctx)
	if err != nil {
		return err
	}
	defer f.Stop()
	select { // what the start left behind settles
	case <-time.After(rig.Pick(r, time.Second, 10*time.Second)):
	case <-ctx.Done():
		return ctx.Err()
	}
	before := rig.CPU(s.Pid())
	wait := rig.Pick(r, time.Second, 10*time.Second)
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return ctx.Err()
	}
	busy := (rig.CPU(s.Pid()) - before) / wait.Seconds()
	now, _ := rig.RSS(s.Pid())
	idleFloor, _ = rig.RSS(f.Pid())
	size, err := os.Stat(r.Bin)
	if err != nil {
		return err
	}
	const words = "a Go process that opens SQLite and answers"
	l := r.Line("start", "process started → first answer, empty data folder")
	l.Add("median", cold.At(.5), "ms").Add("worst", cold.At(1), "ms").Over(words, cold.At(.5), floor.At(.5), "ms")
	l.Note = "Makes the database with all its tables, the keys, the ledger and the first floor."
	r.Put(l)
	l = r.Line("start", "the same, data folder from before")
	l.Add("median", warm.At(.5), "ms").Add("worst", warm.At(1), "ms").Over(words, warm.At(.5), floor.At(.5), "ms")
	r.Put(l)
	r.Put(r.Line("start", "SIGTERM → ended").Add("median", report.Median(stopping...), "ms"))
	l = r.Line("start", "idle memory")
	l.Add("", now, "MB").Add("processor", busy*100, "%").Over(words, now, idleFloor, "MB")
	r.Put(l)
	r.Put(r.Line("start", "the binary, web app inside").Add("", float64(size.Size())/1e6, "MB"))
	return nil
}

// first starts a server and asks it one thing.
func first(dir, bin string) (time.Duration, *host.Server, error) {
	began := time.Now()
	s, err := host.Start(host.Options{Bin: bin, Data: dir})
	if err != nil {
		return 0, nil, err
	}
	res, err := http.Get(s.URL + "/api/v1/setup")
	took := time.Since(began)
	if err == nil {
		res.Body.Close()
		if res.StatusCode != 200 {
			err = fmt.Errorf("the first answer is %d", res.StatusCode)
		}
	}
	if err != nil {
		_ = s.Stop()
		return 0, nil, err
	}
	return took, s, nil
}
