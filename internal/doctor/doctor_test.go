package doctor

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/internal/backup"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/ledger"
)

var now = time.Now()

// expect fails unless the findings of check have the level and the words.
func expect(t *testing.T, all []Finding, check string, level Level, words string) {
	t.Helper()
	for _, f := range all {
		if f.Check == check && f.Level == level && strings.Contains(f.Text+" → "+f.Remedy, words) {
			if level != OK && f.Remedy == "" {
				t.Errorf("%s: no remedy for %q", check, f.Text)
			}
			return
		}
	}
	t.Errorf("no %s finding of %s with %q in %+v", level, check, words, all)
}

// pair writes a certificate and its key; from an authority of its own when ca is nil.
func pair(t *testing.T, dir, name string, from, until time.Time, host string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until, DNSNames: []string{host}, BasicConstraintsValid: true, IsCA: ca == nil}
	parent, signer := ca, caKey
	if ca == nil {
		parent, signer, c.KeyUsage = c, key, x509.KeyUsageCertSign
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	private, _ := x509.MarshalPKCS8PrivateKey(key)
	for file, b := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, _ := x509.ParseCertificate(der)
	return parsed, key
}

func TestCertificate(t *testing.T) {
	dir, day := t.TempDir(), 24*time.Hour
	ca, key := pair(t, dir, "ca", now.Add(-day), now.Add(1000*day), "", nil, nil)
	pair(t, dir, "tls", now.Add(-day), now.Add(100*day), "muster.example", ca, key)
	pair(t, dir, "old", now.Add(-9*day), now.Add(-day), "muster.example", ca, key)
	pair(t, dir, "soon", now.Add(-day), now.Add(5*day), "muster.example", ca, key)
	pair(t, dir, "later", now.Add(day), now.Add(50*day), "muster.example", ca, key)
	for _, c := range []struct {
		cert, url string
		level     Level
		words     string
	}{
		{"", "https://muster.example", Warn, "trial authority"},
		{"", "https://other.example", Fail, "not for other.example"},
		{"old", "https://muster.example", Fail, "ended on"},
		{"soon", "https://muster.example", Warn, "Renew it now"},
		{"later", "https://muster.example", Fail, "valid only from"},
		{"tls", "https://muster.example", Warn, "does not trust it"},
		{"none", "https://muster.example", Fail, "cannot be used"},
	} {
		e := &examination{Patient: Patient{Data: dir, Addr: "0.0.0.0:443", PublicURL: c.url, Now: now}}
		if c.cert != "" {
			e.Cert, e.Key = filepath.Join(dir, c.cert+".pem"), filepath.Join(dir, c.cert+".key")
		}
		e.certificate()
		expect(t, e.out, "certificate", c.level, c.words)
	}
}

// mailServer answers like one that offers what it is given.
func mailServer(t *testing.T, offers ...string) SMTP {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 test ESMTP\r\n"))
			lines := bufio.NewScanner(c)
			for lines.Scan() {
				answer := "250 ok\r\n"
				switch word := strings.ToUpper(lines.Text()); {
				case strings.HasPrefix(word, "EHLO"):
					answer = "250-test\r\n"
					for _, o := range offers {
						answer += "250-" + o + "\r\n"
					}
					answer += "250 HELP\r\n"
				case strings.HasPrefix(word, "STARTTLS"):
					answer = "454 not now\r\n"
				case strings.HasPrefix(word, "QUIT"):
					answer = "221 bye\r\n"
				case strings.HasPrefix(word, "MAIL"):
					t.Error("a mail was begun")
				}
				_, _ = c.Write([]byte(answer))
			}
			_ = c.Close()
		}
	}()
	return SMTP{Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, TLS: "none"}
}

func TestMail(t *testing.T) {
	look := func(m SMTP, level Level, words string) {
		t.Helper()
		e := &examination{Patient: Patient{SMTP: m}}
		e.smtp(context.Background())
		expect(t, e.out, "mail", level, words)
	}
	m := mailServer(t)
	look(SMTP{}, Warn, "Not set up")
	look(SMTP{Host: "127.0.0.1", Port: m.Port, TLS: "none", Roots: func() (*x509.CertPool, error) { return nil, errors.New("smtp.ca: there is no certificate in x") }}, Fail, "no certificate in x")
	look(m, OK, "nothing was sent")
	m.TLS = "starttls"
	look(m, Fail, "does not offer STARTTLS")
	m.TLS, m.User = "none", "muster"
	look(m, Fail, "offers no login")
	m = mailServer(t, "STARTTLS", "AUTH PLAIN")
	m.TLS = "starttls"
	look(m, Fail, "does not agree on encryption")
	look(SMTP{Host: "127.0.0.1", Port: 1, TLS: "tls"}, Fail, "is not reached")
}

func TestPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	e := &examination{Patient: Patient{Data: t.TempDir(), Addr: ln.Addr().String()}}
	e.port(context.Background())
	expect(t, e.out, "port", Fail, "cannot be used")
	e.Running, e.out = true, nil
	e.port(context.Background())
	expect(t, e.out, "port", Warn, "has not said where it listens")
}

func TestBackupNote(t *testing.T) {
	dir, shelf := t.TempDir(), t.TempDir()
	look := func(l *backup.Last, level Level, words string) {
		t.Helper()
		if l != nil {
			b, _ := json.Marshal(l)
			if err := os.WriteFile(filepath.Join(dir, backup.LastFile), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		e := &examination{Patient: Patient{Data: dir, MasterKey: filepath.Join(dir, "master.key"), LedgerKey: filepath.Join(dir, "ledger.key"), Now: now}}
		e.backup()
		expect(t, e.out, "backup", level, words)
	}
	look(nil, Warn, "never")
	good := backup.Last{File: filepath.Join(shelf, "b"), At: now.Add(-time.Hour), Encrypted: true}
	look(&good, OK, shelf)
	old := good
	old.At = now.Add(-100 * time.Hour)
	look(&old, Warn, "4 days old")
	plain := good
	plain.Encrypted = false
	look(&plain, Warn, "not encrypted")
	inside := good
	inside.File = filepath.Join(dir, "backups", "b")
	look(&inside, Warn, "in the data folder itself")
	if err := os.WriteFile(filepath.Join(shelf, "master.key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	look(&good, Warn, "A key lies beside")
}

func TestKeysAndFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	e := &examination{Patient: Patient{Data: dir, MasterKey: filepath.Join(dir, "master.key"), LedgerKey: filepath.Join(dir, "ledger.key"), Now: now}}
	if err := os.WriteFile(e.LedgerKey, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	e.folder()
	e.keys()
	expect(t, e.out, "data folder", Fail, "chmod 700")
	expect(t, e.out, "master key", Fail, "is missing")
	expect(t, e.out, "ledger key", Fail, "chmod 600")
	if err := os.Chmod(e.LedgerKey, 0o600); err != nil {
		t.Fatal(err)
	}
	e.out = nil
	e.keys()
	expect(t, e.out, "ledger key", Warn, "another volume")
}

// What stands still and who is missing is read from a database as it may look.
func TestOffice(t *testing.T) {
	ctx := context.Background()
	d := dbtest.Open(t)
	dir := t.TempDir()
	if _, err := ledger.LoadKeys(filepath.Join(dir, "ledger.key")); err != nil {
		t.Fatal(err)
	}
	person := func(name string, disabled bool, roles ...string) []string {
		out := []string{`INSERT INTO account (id, name, display, email, title, team, kind, disabled, password, password_at, failures, locks, locked_until, availability, status_text, availability_until, created_at, updated_at)
VALUES ('` + name + `', '` + name + `', '` + name + `', '', '', '', 'person', ` + map[bool]string{true: "TRUE", false: "FALSE"}[disabled] + `, '', 0, 0, 0, 0, '', '', 0, 0, 0)`}
		for _, r := range roles {
			out = append(out, `INSERT INTO account_role (account, role) VALUES ('`+name+`', '`+r+`')`)
		}
		return out
	}
	var all []string
	all = append(all, person("ada", true, "administrator")...)
	all = append(all, person("otto", false, "operator", "approver")...)
	all = append(all, person("gil", false, "responder")...) // reached by a gateway
	all = append(all, person("off", false, "responder")...) // by one that is switched off
	all = append(all,
		`INSERT INTO rotation (id, name, members, shift_hours, starts_at, time_zone, escalate_after, created_at, updated_at) VALUES ('r', 'payments', '["ada", "otto", "gil", "off"]', 24, 0, 'UTC', 300, 0, 0)`,
		`INSERT INTO gateway (id, name, url, address, secret, enabled, created_by, created_at, updated_at) VALUES ('sms', 'SMS', 'https://sms.bank.example', 'Mobile number', '', TRUE, 'x', 0, 0), ('tel', 'Telephone', 'https://tel.bank.example', 'Number', '', FALSE, 'x', 0, 0)`,
		`INSERT INTO reach_channel (person, channel, position, used, address, delay, severity) VALUES ('gil', 'gateway:sms', 1, TRUE, '+44 20 7946 0000', 0, 4), ('off', 'gateway:tel', 1, TRUE, '+44 20 7946 0001', 0, 4)`,
		`INSERT INTO service (id, name, title, environments, rotation, runbook_url, created_at, updated_at) VALUES ('s', 'payments-api', '', '[]', 'r', '', 0, 0), ('g', 'ghost', '', '[]', '', '', 0, 0)`,
		`INSERT INTO project (id, name, title, description, allow_raw, created_at) VALUES ('p', 'shop', '', '', FALSE, 0)`,
		`INSERT INTO job (id, project, uuid, grp, name, description, current_version, created_at) VALUES ('j', 'shop', 'u', '', 'sweep', '', 1, 0)`,
		`INSERT INTO node (project, name, source, attrs, updated_at) VALUES ('shop', 'web1', '', '{"hostname":"web1"}', 0), ('shop', 'web2', '', '{"node-executor":"local"}', 0)`,
		`INSERT INTO task (id, kind, args, state, run_at, max_attempts, error) VALUES ('t', 'notify.email', '{}', 'failed', 0, 1, 'no such host')`,
		`INSERT INTO approval (id, project, subject, attrs, digest, summary, needs, requested_by, room, incident, state, asked_at, expires_at)
VALUES ('a', 'shop', 'run:x', '{}', 'd', 'sweep the shop', '[{"rule":"r","need":1,"groups":["approver"]}]', 'otto', '', '', 'asked', 0, 9000000000000000)`,
		`INSERT INTO policy (project, name, body, version, updated_by, updated_at) VALUES ('', 'locked', 'description: nobody
context: {application: muster}
for:
  room: [{deny: [post]}]
by: {group: ''.*'', username: ''.*''}
', 1, '', 0)`)
	for i, state := range []string{"unknown", "running", "queued"} {
		all = append(all, `INSERT INTO run (id, number, project, kind, job_id, job_group, job_name, job_uuid, job_version, title, state, reason, environment, requested_by, requested_name, room, incident, message, spec, steps, digest, approval, requested_at, queued_at, total)
VALUES ('`+state+`', `+string(rune('1'+i))+`, '', '', '', '', '', '', 0, '', '`+state+`', '', '', '', '', '', '', '', '', '', '', '', 0, 1, 0)`)
	}
	if err := d.Do(ctx, func(tx *db.Tx) error {
		for _, q := range all {
			if _, err := tx.Exec(ctx, q); err != nil {
				t.Error(q)
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	e := &examination{Patient: Patient{Data: dir, LedgerKey: filepath.Join(dir, "ledger.key"), Now: now, Deep: true}}
	if err := d.Snapshot(ctx, func(q db.Querier) error {
		e.ledger(ctx, q)
		e.work(ctx, q)
		e.people(ctx, q)
		e.nodes(ctx, q)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	expect(t, e.out, "ledger", Fail, "missing") // these accounts were recorded nowhere
	expect(t, e.out, "tasks", Warn, "no such host")
	expect(t, e.out, "runs", Warn, "outcome that is not known")
	expect(t, e.out, "runs", Warn, "no server is at them")
	expect(t, e.out, "runs", Warn, "waited for a worker")
	expect(t, e.out, "people", Fail, "Nobody who can sign in is an administrator")
	expect(t, e.out, "policies", Fail, "change policies")
	expect(t, e.out, "policies", Warn, "post in an open room")
	expect(t, e.out, "policies", Warn, "nobody may run 1 of its jobs, such as sweep")
	expect(t, e.out, "approvals", Warn, "just as many")
	expect(t, e.out, "approvals", Warn, "sweep the shop")
	expect(t, e.out, "on call", Warn, "No rotation is the catch-all")
	expect(t, e.out, "on call", Warn, "Rotation payments: ada")
	expect(t, e.out, "on call", Warn, "otto only while Muster is open in a browser")
	expect(t, e.out, "on call", Warn, "off only while Muster is open in a browser")
	for _, f := range e.out {
		if strings.Contains(f.Text, "gil") {
			t.Error("reached by a gateway, and warned about:", f.Text)
		}
	}
	expect(t, e.out, "on call", Warn, "The service ghost has no rotation")
	expect(t, e.out, "nodes", Warn, "1 of 2 have no host key, so steps on them are refused: shop/web1")
}

func TestDatabaseGone(t *testing.T) {
	e := &examination{Patient: Patient{Data: t.TempDir(), Database: filepath.Join(t.TempDir(), "muster.db"), Now: now}}
	e.database(context.Background())
	expect(t, e.out, "database", Fail, "is not there")
	e.out, e.Database = nil, "postgres://nobody:x@127.0.0.1:1/none"
	e.database(context.Background())
	expect(t, e.out, "database", Fail, "does not answer")
	for _, f := range e.out {
		if strings.Contains(f.Text, "nobody:x") {
			t.Error("the password is told")
		}
	}
}
