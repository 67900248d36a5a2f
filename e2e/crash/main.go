package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"muster/e2e/host"
)

func main() {
	var o options
	flag.IntVar(&o.kills, "kills", 100, "kills per engine; 0 for none")
	flag.StringVar(&o.engines, "engine", "sqlite,postgres", "databases to run on")
	flag.StringVar(&o.faults, "faults", "disk,power,files,database,clock", "faults beside kills; empty for none")
	flag.Uint64Var(&o.seed, "seed", 0, "repeats the choices and delays of an earlier run; 0 takes a new one")
	flag.StringVar(&o.report, "report", "", "file whose table of figures is written anew")
	flag.StringVar(&o.dir, "dir", "", "folder for data; kept when something was found (default: a new one)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(o.run(ctx))
}

type options struct {
	kills                        int
	engines, faults, report, dir string
	seed                         uint64
	bin                          string
}

// outcome of one part of the whole.
type outcome struct {
	name  string
	took  time.Duration
	book  *book
	notes []string // what was seen that is no finding
	again string   // the flags that run this part again
}

func (o *options) run(ctx context.Context) int {
	if o.seed == 0 {
		// #nosec G115 -- any number serves as a seed
		o.seed = uint64(time.Now().UnixNano())
	}
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "muster-crash-")
		if err != nil {
			fmt.Fprintln(os.Stderr, "muster:", err)
			return 1
		}
		o.dir = dir
	}
	// The database's own user has to get in.
	// #nosec G302 -- entered by the user that PostgreSQL runs as
	if err := os.Chmod(o.dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, "muster:", err)
		return 1
	}
	var err error
	if o.bin, err = host.Build(o.dir, false); err != nil {
		fmt.Fprintln(os.Stderr, "muster:", err)
		return 1
	}
	fmt.Printf("seed %d, data in %s\n", o.seed, o.dir)
	var done []outcome
	clean := true
	part := func(name, again string, fn func(dir string) (*bank, []string, error)) {
		if ctx.Err() != nil {
			return
		}
		began := time.Now()
		fmt.Printf("\n== %s\n", name)
		dir := filepath.Join(o.dir, strings.ReplaceAll(name, " ", "-"))
		b, notes, err := fn(dir)
		out := outcome{name: name, again: again, notes: notes}
		if b != nil {
			if err != nil {
				b.book.finding("%v", err)
			}
			out.book = b.book
		} else {
			out.book = newBook()
			out.book.finding("%v", err)
		}
		out.took = time.Since(began)
		if out.book.clean() {
			_ = os.RemoveAll(dir)
		} else {
			clean = false
		}
		out.print(o.seed)
		done = append(done, out)
	}
	for engine := range strings.SplitSeq(o.engines, ",") {
		if o.kills > 0 && engine != "" {
			part(fmt.Sprintf("%d kills on %s", o.kills, engine), fmt.Sprintf("-kills %d -engine %s -faults ''", o.kills, engine), func(dir string) (*bank, []string, error) {
				return o.killing(ctx, dir, engine)
			})
		}
	}
	for _, f := range faults {
		for name := range strings.SplitSeq(o.faults, ",") {
			if name == f.group {
				part(f.name, "-kills 0 -faults "+f.group, func(dir string) (*bank, []string, error) { return f.run(o, ctx, dir) })
			}
		}
	}
	summary(done, o.seed)
	if o.report != "" {
		if err := writeReport(o.report, done, o.seed); err != nil {
			fmt.Fprintln(os.Stderr, "muster:", err)
			return 1
		}
	}
	if ctx.Err() != nil {
		fmt.Println("interrupted")
		return 1
	}
	if clean {
		_ = os.RemoveAll(o.dir)
		return 0
	}
	fmt.Printf("Data folders of the failed parts are kept in %s.\n", o.dir)
	return 1
}

// killing is the heart of it: kills at random moments, under load.
func (o *options) killing(ctx context.Context, dir, engine string) (*bank, []string, error) {
	b, err := newBank(ctx, o.bin, dir, engine, o.seed)
	if err != nil {
		return nil, nil, err
	}
	defer b.close()
	d := b.dice("kills")
	// The very first start, which makes keys and tables, is interrupted too.
	for range min(5, o.kills) {
		if err := b.stillborn(between(d, 5*time.Millisecond, 400*time.Millisecond)); err != nil {
			return b, nil, fmt.Errorf("first start: %w", err)
		}
		b.book.count("kills before the first start was done", 1)
	}
	if err := b.start(); err != nil {
		return b, nil, err
	}
	if err := b.furnish(ctx); err != nil {
		return b, nil, fmt.Errorf("furnish: %w", err)
	}
	if err := b.follow(6); err != nil {
		return b, nil, err
	}
	b.checkLedger()
	b.calmRuns = true
	l := b.load("kill")
	defer l.stop()
	checked := map[string]bool{}
	var orphans []orphan
	for n := 1; n <= o.kills && ctx.Err() == nil; n++ {
		life := make(chan struct{})
		go b.watchOrphans(orphans, life)
		stay := between(d, 200*time.Millisecond, 5*time.Second)
		if n%20 == 10 { // long enough to see every orphan settled
			stay = settleIn + time.Second
		}
		select {
		case <-time.After(stay):
		case <-b.srv.Done():
			return b, nil, fmt.Errorf("the server ended by itself:\n%s", tail(b.srv.Said()))
		case <-ctx.Done():
		}
		close(life)
		if err := b.kill(); err != nil {
			return b, nil, err
		}
		b.book.count("kills", 1)
		if orphans, err = b.autopsy(checked); err != nil {
			return b, nil, fmt.Errorf("look at the database after kill %d: %w", n, err)
		}
		b.book.count("runs orphaned", len(orphans))
		if n%5 == 0 {
			b.checkLedger()
		}
		for d.IntN(8) == 0 { // now and then also before it is up
			if err := b.stillborn(between(d, 5*time.Millisecond, 400*time.Millisecond)); err != nil {
				return b, nil, err
			}
			b.book.count("kills during a start", 1)
		}
		if err := b.start(); err != nil {
			return b, nil, fmt.Errorf("start after kill %d: %w", n, err)
		}
		if n%10 == 0 {
			fmt.Printf("%d kills, %d messages, %d runs, %d findings\n", n, b.book.counted("messages acknowledged"), b.book.counted("runs acknowledged"), len(b.book.findings))
		}
	}
	life := make(chan struct{})
	go b.watchOrphans(orphans, life)
	select {
	case <-time.After(2 * time.Second): // everybody gets to work once more
	case <-ctx.Done():
	}
	l.stop()
	b.rest(45 * time.Second)
	close(life)
	b.verify()
	return b, nil, nil
}

// tail is the end of what a server said.
func tail(s string) string { return s[max(0, len(s)-2000):] }
