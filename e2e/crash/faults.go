package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"muster/e2e/host"
)

// fault is something that goes wrong under Muster.
type fault struct {
	group, name string
	run         func(o *options, ctx context.Context, dir string) (*bank, []string, error)
}

var faults = []fault{
	{"disk", "disk full", (*options).diskFull},
	{"files", "files may not grow", (*options).noGrowth},
	{"power", "failing disk and power cut", (*options).powerCut},
	{"database", "database frozen for 60 s", (*options).frozen},
	{"database", "database killed for 15 s", (*options).killed},
	{"clock", "clock jumps of an hour", (*options).clockJumps},
}

// work starts the server and its load.
func (b *bank) work(ctx context.Context, tag string) (*load, error) {
	if err := b.start(); err != nil {
		return nil, err
	}
	if err := b.furnish(ctx); err != nil {
		return nil, err
	}
	if err := b.follow(4); err != nil {
		return nil, err
	}
	b.checkLedger()
	return b.load(tag), nil
}

// hold waits while the load goes on, unless the server ends by itself.
func (b *bank) hold(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-b.srv.Done():
		return fmt.Errorf("the server ended by itself:\n%s", tail(b.srv.Said()))
	case <-ctx.Done():
		return ctx.Err()
	}
}

// back measures how long it takes until a message is acknowledged again, and
// notes what the server says meanwhile.
func (b *bank) back(within time.Duration, what string) string {
	began := time.Now()
	for n := 0; ; n++ {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		err := b.writers[0].Call(ctx, "POST", "/rooms/"+b.rooms[0]+"/messages", map[string]any{"text": "back?", "key": fmt.Sprintf("back-%d-%d", began.UnixNano(), n)}, nil)
		cancel()
		took := time.Since(began)
		if err == nil {
			if took > within {
				b.book.finding("%s: back only after %s", what, round(took))
			}
			return fmt.Sprintf("%s: a message was acknowledged again after %s", what, round(took))
		}
		if took > 2*within+10*time.Second {
			b.book.finding("%s: not back after %s: %v", what, round(took), err)
			return what + ": not back"
		}
		time.Sleep(50 * time.Millisecond) // until it takes one
	}
}

// refusalNow is what a person is told who posts now; reading must go on.
func (b *bank) refusalNow(reads bool) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := b.writers[1].Call(ctx, "POST", "/rooms/"+b.rooms[1]+"/messages", map[string]any{"text": strings.Repeat("x", 16000), "key": fmt.Sprint(time.Now().UnixNano())}, nil)
	if reads {
		if _, err := changes(b.writers[1], b.rooms[1], 0); err != nil {
			b.book.finding("a room cannot be read meanwhile: %v", err)
		}
	}
	switch {
	case err == nil:
		return "a message was still taken"
	case host.Status(err) != 503:
		b.book.finding("a post meanwhile gave no clean refusal: %v", err)
		return err.Error()
	}
	_, text, _ := strings.Cut(err.Error(), `"detail":"`)
	text, _, _ = strings.Cut(text, `"`)
	return "a person was told: " + text
}

// finish ends the load, lets everything settle, and verifies.
func (b *bank) finish(l *load) {
	l.stop()
	b.rest(60 * time.Second)
	b.verify()
}

func root() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("this part mounts a small file system and needs root; leave it out with -faults")
	}
	return nil
}

func command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// diskFull: the data folder lies on a small file system that another file fills.
func (o *options) diskFull(ctx context.Context, dir string) (*bank, []string, error) {
	if err := root(); err != nil {
		return nil, nil, err
	}
	b, err := newBank(ctx, o.bin, dir, "sqlite", o.seed)
	if err != nil {
		return nil, nil, err
	}
	if err := command("mount", "-t", "tmpfs", "-o", "size=96m,mode=0700", "tmpfs", b.data); err != nil {
		b.close()
		return b, nil, err
	}
	defer func() { b.close(); _ = syscall.Unmount(b.data, syscall.MNT_DETACH) }()
	l, err := b.work(ctx, "disk")
	if err != nil {
		return b, nil, err
	}
	defer l.stop()
	if err := b.hold(ctx, 5*time.Second); err != nil {
		return b, nil, err
	}
	b.calm.Store(false)
	filler := filepath.Join(b.data, "filler")
	if err := fill(filler); err != nil {
		return b, nil, err
	}
	if err := b.hold(ctx, 10*time.Second); err != nil {
		return b, nil, err
	}
	notes := []string{b.refusalNow(true)}
	// Killed and started again while it is full: it starts, or says what to do.
	if err := b.kill(); err != nil {
		return b, notes, err
	}
	if err := b.start(); err != nil {
		said := strings.TrimSpace(tail(err.Error()))
		if !strings.Contains(said, "full") && !strings.Contains(said, "Make room") {
			b.book.finding("a start on a full disk does not say what is wrong: %s", said)
		}
		notes = append(notes, "a start on the full disk says: "+said[strings.LastIndex(said, "\n")+1:])
		if err := os.Remove(filler); err != nil {
			return b, notes, err
		}
		if err := b.start(); err != nil {
			return b, notes, fmt.Errorf("start after room was made: %w", err)
		}
	} else {
		notes = append(notes, "it starts on the full disk")
		if err := b.hold(ctx, 5*time.Second); err != nil {
			return b, notes, err
		}
		if err := os.Remove(filler); err != nil {
			return b, notes, err
		}
	}
	notes = append(notes, b.back(5*time.Second, "room was made"))
	if err := b.hold(ctx, 5*time.Second); err != nil {
		return b, notes, err
	}
	b.finish(l)
	return b, notes, nil
}

// fill writes a file until the file system takes no more.
func fill(name string) error {
	// #nosec G304 -- a file in the folder that is filled
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 1 << 20; size >= 512; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	return nil
}

// noGrowth: every write that makes a file longer than it may be fails (EFBIG), in
// the middle of whatever it belongs to. The limit is set on the running process.
func (o *options) noGrowth(ctx context.Context, dir string) (*bank, []string, error) {
	b, err := newBank(ctx, o.bin, dir, "sqlite", o.seed)
	if err != nil {
		return nil, nil, err
	}
	defer b.close()
	l, err := b.work(ctx, "files")
	if err != nil {
		return b, nil, err
	}
	defer l.stop()
	if err := b.hold(ctx, 4*time.Second); err != nil {
		return b, nil, err
	}
	b.calm.Store(false)
	var notes []string
	for _, limit := range []string{"4096", "200000"} {
		if err := command("prlimit", "--pid", fmt.Sprint(b.srv.Pid()), "--fsize="+limit+":unlimited"); err != nil {
			return b, notes, err
		}
		if err := b.hold(ctx, 6*time.Second); err != nil {
			return b, notes, err
		}
		notes = append(notes, "at "+limit+" bytes "+b.refusalNow(true))
		if err := command("prlimit", "--pid", fmt.Sprint(b.srv.Pid()), "--fsize=unlimited:unlimited"); err != nil {
			return b, notes, err
		}
		notes = append(notes, b.back(5*time.Second, "the limit was lifted"))
	}
	// And once more, ended by a kill in the middle of it.
	if err := command("prlimit", "--pid", fmt.Sprint(b.srv.Pid()), "--fsize=8192:unlimited"); err != nil {
		return b, notes, err
	}
	if err := b.hold(ctx, 2*time.Second); err != nil {
		return b, notes, err
	}
	if err := b.kill(); err != nil {
		return b, notes, err
	}
	if err := b.start(); err != nil {
		return b, notes, err
	}
	if err := b.hold(ctx, 3*time.Second); err != nil {
		return b, notes, err
	}
	b.finish(l)
	return b, notes, nil
}

// shutdownFS is FS_IOC_SHUTDOWN: from then on every write, read and sync of the
// file system gives EIO. Without flushing its journal it is a power cut.
const (
	shutdownFS = 0x8004587d
	noFlush    = 2
)

// powerCut: the data folder is an ext4 of its own. Its disk goes away under load;
// what the disk had not yet been told to keep is lost.
func (o *options) powerCut(ctx context.Context, dir string) (*bank, []string, error) {
	if err := root(); err != nil {
		return nil, nil, err
	}
	b, err := newBank(ctx, o.bin, dir, "sqlite", o.seed)
	if err != nil {
		return nil, nil, err
	}
	image := filepath.Join(dir, "disk")
	for _, c := range [][]string{{"truncate", "-s", "256M", image}, {"mkfs.ext4", "-q", "-F", image}, {"mount", "-o", "loop", image, b.data}, {"chmod", "0700", b.data}} {
		if err := command(c[0], c[1:]...); err != nil {
			b.close()
			return b, nil, err
		}
	}
	defer func() { b.close(); _ = syscall.Unmount(b.data, syscall.MNT_DETACH) }()
	l, err := b.work(ctx, "power")
	if err != nil {
		return b, nil, err
	}
	defer l.stop()
	checked := map[string]bool{}
	var notes []string
	d := b.dice("power")
	for n := range 4 {
		if err := b.hold(ctx, between(d, 3*time.Second, 6*time.Second)); err != nil {
			return b, notes, err
		}
		b.calm.Store(false)
		folder, err := os.Open(b.data)
		if err != nil {
			return b, notes, err
		}
		flags := uint32(noFlush)
		// #nosec G103 -- the request takes a pointer to its flags
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, folder.Fd(), shutdownFS, uintptr(unsafe.Pointer(&flags)))
		_ = folder.Close()
		if errno != 0 {
			return b, notes, fmt.Errorf("take the disk away: %w", errno)
		}
		select { // a server that gives up by itself is right, too
		case <-b.srv.Done():
			notes = append(notes, "the server ended by itself: "+tail(b.srv.Said()))
		case <-time.After(4 * time.Second):
			if n == 0 {
				notes = append(notes, b.refusalNow(false))
			}
		}
		if err := b.kill(); err != nil {
			return b, notes, err
		}
		if err := command("umount", b.data); err != nil {
			return b, notes, err
		}
		if err := command("mount", "-o", "loop", image, b.data); err != nil {
			return b, notes, err
		}
		if _, err := b.autopsy(checked); err != nil {
			return b, notes, fmt.Errorf("look at the database after power cut %d: %w", n+1, err)
		}
		if err := b.start(); err != nil {
			return b, notes, fmt.Errorf("start after power cut %d: %w", n+1, err)
		}
		b.calm.Store(true)
		b.book.count("power cuts", 1)
	}
	if err := b.hold(ctx, 3*time.Second); err != nil {
		return b, notes, err
	}
	b.finish(l)
	return b, notes, nil
}

// frozen: PostgreSQL takes connections and requests, and answers none.
func (o *options) frozen(ctx context.Context, dir string) (*bank, []string, error) {
	return o.away(ctx, dir, func(b *bank) error {
		b.pg.signal(syscall.SIGSTOP)
		return b.hold(ctx, 55*time.Second)
	}, func(b *bank) error { b.pg.signal(syscall.SIGCONT); return nil })
}

// killed: every process of PostgreSQL dies at once, and it is started again.
func (o *options) killed(ctx context.Context, dir string) (*bank, []string, error) {
	return o.away(ctx, dir, func(b *bank) error {
		b.pg.kill()
		return b.hold(ctx, 15*time.Second)
	}, func(b *bank) error { return b.pg.start() })
}

func (o *options) away(ctx context.Context, dir string, take, give func(*bank) error) (*bank, []string, error) {
	b, err := newBank(ctx, o.bin, dir, "postgres", o.seed)
	if err != nil {
		return nil, nil, err
	}
	defer b.close()
	l, err := b.work(ctx, "away")
	if err != nil {
		return b, nil, err
	}
	defer l.stop()
	if err := b.hold(ctx, 8*time.Second); err != nil {
		return b, nil, err
	}
	b.calm.Store(false)
	told := make(chan string, 1)
	go func() {
		time.Sleep(3 * time.Second) // well within the outage
		told <- b.refusalNow(false)
	}()
	if err := take(b); err != nil {
		return b, nil, err
	}
	if err := give(b); err != nil {
		return b, nil, err
	}
	notes := []string{b.back(5*time.Second, "the database was there again"), <-told}
	if err := b.hold(ctx, 8*time.Second); err != nil {
		return b, notes, err
	}
	b.calm.Store(true)
	if err := b.hold(ctx, 2*time.Second); err != nil {
		return b, notes, err
	}
	b.finish(l)
	return b, notes, nil
}
