// Package ssh measures `true` on many machines: Muster with everything it does
// (access, approval rules, a stored and sealed log, the ledger), beside Ansible,
// clustershell and a bare loop over golang.org/x/crypto/ssh, in turns.
package ssh

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

	xssh "golang.org/x/crypto/ssh"

	"muster/bench/report"
	"muster/bench/rig"
	"muster/e2e/host"
)

const threads = 50

// Run measures.
func Run(ctx context.Context, r *rig.Rig) error {
	n := rig.Pick(r, 32, 200)
	t, err := r.Targets(ctx, n)
	if err != nil {
		return err
	}
	defer t.Stop()
	b := &bench{r: r, t: t}
	if b.dir, err = r.Folder("ssh"); err != nil {
		return err
	}
	if b.data, err = r.Folder("ssh-data"); err != nil {
		return err
	}
	if err := b.files(); err != nil {
		return err
	}
	s, err := b.serve()
	if err != nil {
		return err
	}
	if b.op, err = t.Project(ctx, s); err != nil {
		_ = s.Stop()
		return err
	}
	if err := s.Stop(); err != nil {
		return err
	}
	type one struct {
		name string
		run  func(context.Context) (cold, kept float64, err error)
	}
	took := map[string][]float64{}
	began := time.Now()
	for round := range rig.Pick(r, 1, 3) {
		if time.Since(began) > 4*time.Minute {
			break // a slow machine: what was measured has to do
		}
		turns := []one{{"floor", b.floor}, {"muster", b.muster}, {"ansible", b.ansible}, {"clush", b.clush}}
		if b.r.Profiles != "" {
			turns = turns[:2] // the profile is of Muster
		}
		if round%2 == 1 && len(turns) == 4 { // in turns, so that a machine that slows down slows all
			turns = []one{turns[3], turns[1], turns[0], turns[2]}
		}
		for _, x := range turns {
			cold, kept, err := x.run(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			r.Say("%-8s cold %.2f s, kept %.2f s", x.name, cold, kept)
			took[x.name+" cold"] = append(took[x.name+" cold"], cold)
			took[x.name+" kept"] = append(took[x.name+" kept"], kept)
		}
	}
	med := func(name string) float64 { return report.Median(took[name]...) }
	what := func(who string) string { return fmt.Sprintf("`true` on %d targets, %d at once: %s", n, threads, who) }
	l := r.Line("ssh", what("Muster, new connections"))
	l.Add("", med("muster cold"), "s").Add("of Ansible", med("ansible cold")/med("muster cold"), "×").Add("of clustershell", med("clush cold")/med("muster cold"), "×")
	l.Against("≥ 6× Ansible, ≥ 4× clustershell", med("ansible cold") >= 6*med("muster cold") && med("clush cold") >= 4*med("muster cold"))
	l.Over("bare x/crypto/ssh loop, no log, no record", med("muster cold"), med("floor cold"), "s")
	l.Note = fmt.Sprintf("From the request to the event that the run ended, on a socket; asked for over the API, with access rules, log stored in chunks and sealed, events in the ledger. The targets are %d addresses of loopback on %d real sshd, which need most of the processor. Medians of %d rounds in turns.", n, t.Daemons, len(took["floor cold"]))
	r.Put(l)
	l = r.Line("ssh", what("Muster, kept connections"))
	l.Add("", med("muster kept"), "s").Add("of Ansible", med("ansible kept")/med("muster kept"), "×")
	l.Against("≥ 20× Ansible", med("ansible kept") >= 20*med("muster kept"))
	l.Over("bare x/crypto/ssh loop on kept connections", med("muster kept"), med("floor kept"), "s")
	r.Put(l)
	l = r.Line("ssh", what("Ansible "+b.version("ansible", "--version")))
	l.Add("cold", med("ansible cold"), "s").Add("kept", med("ansible kept"), "s")
	l.Note = "ansible all -m raw -a true -f 50, pipelining, ControlPersist: the module without Python on the target, its fastest. Kept means that its control masters are there."
	r.Put(l)
	l = r.Line("ssh", what("clustershell "+b.version("clush", "--version")))
	l.Add("cold", med("clush cold"), "s")
	l.Note = "clush -w … -f 50 true; it starts the ssh binary for each target."
	r.Put(l)
	return nil
}

type bench struct {
	r         *rig.Rig
	t         *rig.Targets
	dir, data string
	op        *host.Client // its token outlives the server
	inventory string
}

func (b *bench) version(name, flag string) string {
	out, err := exec.Command(name, flag).Output()
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(out), "\n")
	for _, w := range strings.Fields(strings.Trim(first, "[]")) {
		if w = strings.Trim(w, "[]"); w != "" && w[0] >= '0' && w[0] <= '9' {
			return w
		}
	}
	return first
}

func (b *bench) options(more ...string) []string {
	return append([]string{"-F", "none", "-o", "BatchMode=yes", "-o", "UserKnownHostsFile=" + b.t.Known, "-o", "GlobalKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR"}, more...)
}

func (b *bench) files() error {
	b.inventory = filepath.Join(b.dir, "hosts")
	var inv strings.Builder
	for _, x := range b.t.All {
		fmt.Fprintf(&inv, "%s ansible_host=%s ansible_port=%d ansible_user=%s ansible_ssh_private_key_file=%s\n", x.Name, x.Host, b.t.Port, b.t.User, b.t.KeyFile)
	}
	if err := os.WriteFile(b.inventory, []byte(inv.String()), 0o600); err != nil {
		return err
	}
	cfg := fmt.Sprintf("[defaults]\nhost_key_checking = True\nretry_files_enabled = False\nlocal_tmp = %s/tmp\n[ssh_connection]\npipelining = True\nssh_args = %s -o ControlMaster=auto -o ControlPersist=120s\ncontrol_path_dir = %s\n", b.dir, strings.Join(b.options(), " "), b.masters())
	return os.WriteFile(filepath.Join(b.dir, "ansible.cfg"), []byte(cfg), 0o600)
}

// masters is short: a socket's path may have 100 bytes or so.
func (b *bench) masters() string { return filepath.Join(b.dir, "cm") }

func (b *bench) serve() (*host.Server, error) {
	return b.r.ServerOn(b.data)
}

// floor dials, runs `true` and looks at the exit code; nothing else.
func (b *bench) floor(ctx context.Context) (cold, kept float64, err error) {
	clients := make([]*xssh.Client, len(b.t.All))
	defer func() {
		for _, c := range clients {
			if c != nil {
				c.Close()
			}
		}
	}()
	do := func(i int) error {
		s, err := clients[i].NewSession()
		if err != nil {
			return err
		}
		defer s.Close()
		return s.Run("true")
	}
	began := time.Now()
	err = rig.Each(ctx, len(clients), threads, func(i int) error {
		cfg, err := b.t.Config(b.t.All[i])
		if err != nil {
			return err
		}
		if clients[i], err = xssh.Dial("tcp", b.t.All[i].Addr, cfg); err != nil {
			return err
		}
		return do(i)
	})
	if err != nil {
		return 0, 0, err
	}
	cold = time.Since(began).Seconds()
	began = time.Now()
	err = rig.Each(ctx, len(clients), threads, do)
	return cold, time.Since(began).Seconds(), err
}

// muster starts the server anew, so that no connection is kept, and asks twice.
func (b *bench) muster(ctx context.Context) (cold, kept float64, err error) {
	s, err := b.serve()
	if err != nil {
		return 0, 0, err
	}
	defer s.Stop()
	op := s.As(b.op.Token)
	ended := make(chan rig.Run, 64)
	screen, err := rig.Dial(ctx, op, func(e rig.Event) {
		var in struct {
			Type string
			Run  rig.Run
		}
		if json.Unmarshal(e.Data, &in) == nil && in.Type == "run" && in.Run.Ended() {
			ended <- in.Run
		}
	})
	if err != nil {
		return 0, 0, err
	}
	defer screen.Close()
	once := func() (float64, error) {
		var made rig.Run
		began := time.Now()
		if err := op.Call(ctx, "POST", "/projects/bench/adhoc", map[string]any{"command": "true", "filter": ".*", "threads": threads}, &made); err != nil {
			return 0, err
		}
		for {
			select {
			case r := <-ended:
				if r.ID != made.ID {
					continue
				}
				took := time.Since(began).Seconds()
				return took, b.check(ctx, op, r.ID)
			case <-time.After(5 * time.Minute):
				return 0, errors.New("the run did not end in five minutes")
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
	}
	if cold, err = once(); err != nil {
		return 0, 0, err
	}
	var rounds []float64
	for range 3 {
		took, err := once()
		if err != nil {
			return 0, 0, err
		}
		rounds = append(rounds, took)
	}
	again := func() error { _, err := once(); return err }
	return cold, report.Median(rounds...), b.r.Profile(s, "ssh-kept", again)
}

func (b *bench) check(ctx context.Context, op *host.Client, id string) error {
	var got rig.Run
	if err := op.Call(ctx, "GET", "/runs/"+id, nil, &got); err != nil {
		return err
	}
	if got.State != "succeeded" || got.Progress.Done != len(b.t.All) || len(got.LogSHA256) != 64 {
		return fmt.Errorf("the run is %s (%s) with %d of %d nodes, log %q", got.State, got.Reason, got.Progress.Done, len(b.t.All), got.LogSHA256)
	}
	return nil
}

func (b *bench) ansible(ctx context.Context) (cold, kept float64, err error) {
	defer b.endMasters()
	once := func() (float64, error) {
		cmd := exec.CommandContext(ctx, "ansible", "all", "-i", b.inventory, "-m", "raw", "-a", "true", "-f", fmt.Sprint(threads), "-o")
		cmd.Env = append(os.Environ(), "ANSIBLE_CONFIG="+filepath.Join(b.dir, "ansible.cfg"), "ANSIBLE_HOME="+b.dir, "LC_ALL=C.UTF-8")
		began := time.Now()
		out, err := cmd.CombinedOutput()
		took := time.Since(began).Seconds()
		if good := bytes.Count(out, []byte("| CHANGED |")); err != nil || good != len(b.t.All) {
			return 0, fmt.Errorf("%d of %d targets: %v: %s", good, len(b.t.All), err, tail(out))
		}
		return took, nil
	}
	if cold, err = once(); err != nil {
		return 0, 0, err
	}
	kept, err = once()
	return cold, kept, err
}

// endMasters asks each of Ansible's control masters to end.
func (b *bench) endMasters() {
	paths, _ := filepath.Glob(filepath.Join(b.masters(), "*"))
	for _, p := range paths {
		_ = exec.Command("ssh", "-F", "none", "-o", "ControlPath="+p, "-O", "exit", "x").Run()
	}
}

func (b *bench) clush(ctx context.Context) (cold, kept float64, err error) {
	var hosts []string
	for _, x := range b.t.All {
		hosts = append(hosts, x.Host)
	}
	cmd := exec.CommandContext(ctx, "clush", "-w", strings.Join(hosts, ","), "-f", fmt.Sprint(threads), "-S", "-l", b.t.User,
		"-o", strings.Join(b.options("-p", fmt.Sprint(b.t.Port), "-i", b.t.KeyFile), " "), "true")
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began).Seconds()
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, tail(out))
	}
	return took, took, nil
}

func tail(b []byte) string {
	if len(b) > 600 {
		b = b[len(b)-600:]
	}
	return string(b)
}
