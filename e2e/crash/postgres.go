package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"muster/internal/freeport"
)

// postgres is a PostgreSQL of our own on loopback. Unlike the one of
// scripts/with-postgres a commit of it stands when its processes are killed;
// only the disk's own cache is trusted, for the machine stays up.
type postgres struct {
	dir, bin, url string
	port          int
	cmd           *exec.Cmd
	as            *syscall.Credential
}

func startPostgres(dir string) (*postgres, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return nil, fmt.Errorf("PostgreSQL is missing. Run scripts/need test, or as root: apt-get install postgresql")
	}
	slices.Sort(found)
	p := &postgres{dir: dir, bin: filepath.Dir(found[len(found)-1])}
	// #nosec G301 -- entered by the user that PostgreSQL runs as
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 { // it refuses to run as root
		name := "nobody"
		if _, err := user.Lookup("postgres"); err == nil {
			name = "postgres"
		}
		u, err := user.Lookup(name)
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		// #nosec G115 -- ids of a user come from the system
		p.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
	}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret)
	password := hex.EncodeToString(secret)
	pw := filepath.Join(dir, "password")
	// #nosec G306 -- of a throw-away database, read by the user it runs as
	if err := os.WriteFile(pw, []byte(password+"\n"), 0o644); err != nil {
		return nil, err
	}
	// #nosec G204 -- the harness runs the PostgreSQL of this machine
	init := exec.Command(p.bin+"/initdb", "-D", dir+"/data", "-U", "muster", "-E", "UTF8", "--locale=C.UTF-8", "-N", "--auth=scram-sha-256", "--pwfile="+pw)
	init.Dir, init.SysProcAttr = dir, &syscall.SysProcAttr{Credential: p.as}
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb in %s: %v\n%s", dir, err, out)
	}
	port, err := freeport.TCP()
	if err != nil {
		return nil, err
	}
	p.port = port
	p.url = fmt.Sprintf("postgres://muster:%s@127.0.0.1:%d/postgres?sslmode=disable", password, port)
	return p, p.start()
}

func (p *postgres) start() error {
	// #nosec G302 -- a log of the harness, written by another user
	log, err := os.OpenFile(filepath.Join(p.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	// #nosec G204 -- the harness runs the PostgreSQL of this machine
	p.cmd = exec.Command(p.bin+"/postgres", "-D", p.dir+"/data", "-p", strconv.Itoa(p.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=100", "-c", "fsync=off", "-c", "synchronous_commit=on")
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	d, err := sql.Open("pgx", p.url)
	if err != nil {
		return err
	}
	defer d.Close()
	late := time.Now().Add(time.Minute)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		err := d.PingContext(ctx)
		cancel()
		if err == nil {
			return nil
		}
		if time.Now().After(late) {
			return fmt.Errorf("PostgreSQL did not answer in a minute, see %s: %w", log.Name(), err)
		}
		time.Sleep(50 * time.Millisecond) // nothing tells when it listens
	}
}

// processes are the server and its children, each of which leads a group of its own.
func (p *postgres) processes() []int {
	pids := []int{p.cmd.Process.Pid}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		// #nosec G304 -- files of the harness itself
		raw, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		if w := strings.Fields(rest); len(w) > 1 && w[1] == strconv.Itoa(p.cmd.Process.Pid) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// signal reaches every process of it.
func (p *postgres) signal(sig syscall.Signal) {
	for _, pid := range p.processes() {
		_ = syscall.Kill(pid, sig)
	}
}

// kill ends it as a crash of its machine would, short of losing what was written.
func (p *postgres) kill() {
	p.signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
}

func (p *postgres) stop() {
	p.signal(syscall.SIGCONT)
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	done := make(chan struct{})
	go func() { _ = p.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		p.signal(syscall.SIGKILL)
		<-done
	}
}
