package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"muster/internal/backup"
	"muster/internal/db"
	"muster/internal/outbound"
)

func (e *examination) exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// folder says whether there is anything to look at.
func (e *examination) folder() bool {
	st, err := os.Stat(e.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.add(Fail, "data folder", "Give the right one with --data, or start Muster: it makes the folder.", "%s is not there.", e.Data)
		return false
	case err != nil:
		e.add(Fail, "data folder", "Run this as the user Muster runs as.", "It cannot be read: %v.", err)
		return false
	case !st.IsDir():
		e.add(Fail, "data folder", "Give a folder with --data.", "%s is not a folder.", e.Data)
		return false
	}
	if backup.Unfinished(e.Data) {
		e.add(Fail, "data folder", "Run muster restore again, or start on another folder.", "A restore into it was broken off.")
	}
	if mode := st.Mode().Perm(); mode&0o077 != 0 {
		e.add(Fail, "data folder", "chmod 700 "+e.Data, "Others may enter %s (mode %04o); the database in it relies on that they may not.", e.Data, mode)
	} else if owner := st.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() && os.Geteuid() != 0 {
		e.add(Warn, "data folder", "Run Muster, and this command, as the folder's owner.", "%s belongs to user %d, and this is user %d.", e.Data, owner, os.Geteuid())
	} else {
		e.ok("data folder", "%s, closed to others", e.Data)
	}
	return true
}

func (e *examination) keys() {
	for _, k := range []struct{ name, file, loss string }{
		{"master key", e.MasterKey, "stored keys and passwords cannot be opened"},
		{"ledger key", e.LedgerKey, "the ledger cannot be continued"},
	} {
		st, err := os.Stat(k.file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			e.add(Fail, k.name, "Restore it from where you keep it apart. In a folder that was never started it is made at the first start.", "%s is missing: without it %s.", k.file, k.loss)
		case err != nil:
			e.add(Fail, k.name, "Run this as the user Muster runs as.", "It cannot be read: %v.", err)
		case st.Mode().Perm()&0o077 != 0:
			e.add(Fail, k.name, "chmod 600 "+k.file, "Others may read %s (mode %04o).", k.file, st.Mode().Perm())
		case filepath.Dir(k.file) == filepath.Clean(e.Data) && !e.Loopback:
			e.add(Warn, k.name, "Put it on another volume and name it in muster.yaml ("+strings.ReplaceAll(k.name, " ", "_")+": …), so that a copy of the data folder does not hold it.", "%s lies beside the data it locks.", k.file)
		default:
			e.ok(k.name, "%s, closed to others", k.file)
		}
	}
}

const (
	mib = 1 << 20
	gib = 1 << 30
)

func (e *examination) disk() {
	var st syscall.Statfs_t
	if err := syscall.Statfs(e.Data, &st); err != nil {
		e.add(Warn, "disk", "", "Its free space cannot be read: %v.", err)
		return
	}
	// #nosec G115 -- a block size is positive
	free, size := st.Bavail*uint64(st.Bsize), st.Blocks*uint64(st.Bsize)
	const remedy = "Make room, or move the data folder to a larger volume. A full disk stops every change."
	switch {
	case free < 256*mib:
		e.add(Fail, "disk", remedy, "%d MiB are free.", free/mib)
	case free < 2*gib || size > 0 && free*20 < size && free < 50*gib:
		e.add(Warn, "disk", remedy, "%d MiB of %d GiB are free.", free/mib, size/gib)
	default:
		e.ok("disk", "%d GiB of %d GiB are free", free/gib, size/gib)
	}
	if st.Files > 0 && st.Ffree*20 < st.Files {
		e.add(Warn, "inodes", "Remove what is made of many small files, or make the file system anew with more inodes.", "%d of %d are free.", st.Ffree, st.Files)
	} else {
		e.ok("inodes", "enough")
	}
}

func (e *examination) limits() {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		e.add(Warn, "open files", "", "The limit cannot be read: %v.", err)
		return
	}
	const remedy = "Raise it where Muster is started: LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536. Each open browser takes one."
	switch {
	case l.Max < 1024:
		e.add(Fail, "open files", remedy, "At most %d at once.", l.Max)
	case l.Max < 4096:
		e.add(Warn, "open files", remedy, "At most %d at once.", l.Max)
	default:
		e.ok("open files", "up to %d at once, as seen from here", l.Max)
	}
}

// port finds out whether the address is ours, free or taken.
func (e *examination) port(ctx context.Context) {
	if e.Running {
		b, err := os.ReadFile(filepath.Join(e.Data, "url"))
		address := strings.TrimSpace(string(b))
		if err != nil || address == "" {
			e.add(Warn, "port", "Wait until it is ready; if it stays, look at its log.", "A server holds the folder, but has not said where it listens.")
			return
		}
		client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
			// Whether its certificate is trusted is another check.
			// #nosec G402 -- it asks its own server whether it answers; trust is another check
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/readyz", nil)
		if err != nil {
			e.add(Warn, "port", "Mend public_url in muster.yaml.", "%q is no address.", address)
			return
		}
		res, err := client.Do(req)
		if err != nil {
			e.add(Warn, "port", "If people reach it, this machine only does not know its own name; else look at the server's log and the firewall.", "%s does not answer from here: %v.", address, rootCause(err))
			return
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			e.add(Fail, "port", "Look at the server's log.", "%s says that it is not ready (status %d).", address, res.StatusCode)
			return
		}
		e.ok("port", "%s answers", address)
		return
	}
	ln, err := net.Listen("tcp", e.Addr)
	if err != nil {
		e.add(Fail, "port", "Find who has it (ss -ltnp), or set another addr in muster.yaml.", "%s cannot be used: %v.", e.Addr, rootCause(err))
		return
	}
	_ = ln.Close()
	e.ok("port", "%s is free; no server runs on this folder", e.Addr)
}

func (e *examination) certificate() {
	if e.ACME {
		e.ok("certificate", "fetched by ACME when it is needed, and kept in %s", filepath.Join(e.Data, "acme"))
		return
	}
	if e.Loopback && e.Cert == "" {
		e.ok("certificate", "none is needed on loopback")
		return
	}
	cert, key, roots := e.Cert, e.Key, (*x509.CertPool)(nil)
	trial := cert == ""
	if trial {
		cert, key = filepath.Join(e.Data, "tls.pem"), filepath.Join(e.Data, "tls.key")
		if !e.exists(cert) {
			e.add(Warn, "certificate", "Set tls.cert and tls.key in muster.yaml.", "None is set: the first start makes one of a trial authority.")
			return
		}
		roots = x509.NewCertPool()
		if pem, err := os.ReadFile(filepath.Join(e.Data, "ca.pem")); err == nil {
			roots.AppendCertsFromPEM(pem)
		}
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		e.add(Fail, "certificate", "Mend tls.cert and tls.key in muster.yaml: PEM files that belong together.", "It cannot be used: %v.", err)
		return
	}
	between := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(c)
		}
	}
	left := pair.Leaf.NotAfter.Sub(e.Now)
	name := e.hostname()
	_, chain := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: pair.Leaf.NotAfter.Add(-time.Second)})
	wrong := error(nil)
	if name != "" {
		wrong = pair.Leaf.VerifyHostname(name)
	}
	until := pair.Leaf.NotAfter.UTC().Format("2006-01-02")
	switch {
	case left <= 0 && trial:
		e.add(Warn, "certificate", "Restart Muster: it makes a new one.", "The trial certificate ended on %s.", until)
	case left <= 0:
		e.add(Fail, "certificate", "Put a new one in place and restart Muster.", "It ended on %s.", until)
	case e.Now.Before(pair.Leaf.NotBefore):
		e.add(Fail, "certificate", "Check this machine's clock.", "It is valid only from %s.", pair.Leaf.NotBefore.UTC().Format(time.RFC3339))
	case wrong != nil:
		e.add(Fail, "certificate", "Get one for that name, or mend public_url in muster.yaml.", "It is not for %s: %v.", name, wrong)
	case left < 21*24*time.Hour && !trial:
		e.add(Warn, "certificate", "Renew it now.", "It ends on %s, in %d days.", until, int(left.Hours()/24))
	case chain != nil:
		e.add(Warn, "certificate", "Put the issuer's certificates behind it in tls.cert. With an authority of your own, install that here and on people's machines.", "This machine does not trust it: %v.", chain)
	case trial:
		e.add(Warn, "certificate", "For more than a trial, set tls.cert and tls.key in muster.yaml.", "It is of Muster's own trial authority; people must trust %s.", filepath.Join(e.Data, "ca.pem"))
	default:
		e.ok("certificate", "for %s, until %s", name, until)
	}
}

// hostname under which people come, "" when it is not known.
func (e *examination) hostname() string {
	if u, err := url.Parse(e.PublicURL); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	host, _, _ := net.SplitHostPort(e.Addr)
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		return host
	}
	host, _ = os.Hostname()
	return host
}

// smtp speaks with the server as far as the login, and sends nothing.
func (e *examination) smtp(ctx context.Context) {
	m := e.SMTP
	if m.Host == "" {
		e.add(Warn, "mail", "Name your mail server in muster.yaml, section smtp; or see that everybody on call has a gateway (docs/guide/on-call.md).", "Not set up: a page reaches nobody whose browser is closed, unless a gateway does.")
		return
	}
	where := net.JoinHostPort(m.Host, strconv.Itoa(m.Port))
	fail := func(remedy, format string, a ...any) {
		e.add(Fail, "mail", remedy, where+" "+format+".", a...)
	}
	// As the server does it, so that what the settings refuse is found here.
	dialer := outbound.New(outbound.Mail, m.Rules, outbound.Options{Timeout: 5 * time.Second})
	secure := &tls.Config{ServerName: m.Host, MinVersion: tls.VersionTLS12}
	if m.Roots != nil {
		roots, err := m.Roots()
		if err != nil {
			e.add(Fail, "mail", "Mend smtp.ca in muster.yaml: a PEM file with the certificate of the authority.", "%v.", err)
			return
		}
		secure.RootCAs = roots
	}
	conn, err := dialer.DialContext(ctx, "tcp", where)
	if err != nil {
		fail("Mend smtp.host and smtp.port in muster.yaml, or the firewall between.", "is not reached: %v", rootCause(err))
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if m.TLS == "tls" {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, m.Host)
	if err != nil {
		fail("Is it an SMTP server, and smtp.tls right (starttls on 587, tls on 465)?", "does not greet: %v", err)
		return
	}
	defer c.Close()
	if m.TLS == "starttls" {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			fail("Set smtp.tls to tls (port 465), or have the server offer it. Muster does not fall back to plain text.", "does not offer STARTTLS")
			return
		}
		if err := c.StartTLS(secure); err != nil {
			fail("Its certificate must be for smtp.host, and signed by an authority this machine trusts or by that in smtp.ca.", "does not agree on encryption: %v", err)
			return
		}
	}
	if ok, _ := c.Extension("AUTH"); !ok && m.User != "" {
		fail("Take smtp.username out, or have the server offer a login on this port.", "offers no login, and smtp.username is set")
		return
	}
	_ = c.Quit()
	e.ok("mail", "%s answers (%s); nothing was sent", where, m.TLS)
}

// backup reads what the last one left behind.
func (e *examination) backup() {
	const remedy = "muster backup --data DIR --out DIR --recipient age1… from a timer, daily; see docs/guide/backup-and-upgrade.md"
	b, err := os.ReadFile(filepath.Join(e.Data, backup.LastFile))
	if errors.Is(err, fs.ErrNotExist) {
		e.add(Warn, "backup", remedy, "muster backup never made one of this folder.")
		return
	}
	var last backup.Last
	if err == nil {
		err = json.Unmarshal(b, &last)
	}
	if err != nil {
		e.add(Warn, "backup", remedy, "The note of the last one cannot be read: %v.", err)
		return
	}
	age := e.Now.Sub(last.At)
	beside := filepath.Dir(last.File)
	switch {
	case age > 48*time.Hour:
		e.add(Warn, "backup", remedy, "The last one is %d days old (%s).", int(age.Hours()/24), last.File)
	case !last.Encrypted:
		e.add(Warn, "backup", "Give --recipient in place of --plain.", "The last one, %s, is not encrypted.", last.File)
	case within(beside, e.Data):
		e.add(Warn, "backup", "Write it elsewhere: what takes the folder takes the backup.", "The last one lies in the data folder itself (%s).", last.File)
	case beside == filepath.Dir(e.MasterKey) || beside == filepath.Dir(e.LedgerKey) || e.exists(filepath.Join(beside, "master.key")) || e.exists(filepath.Join(beside, "ledger.key")):
		e.add(Warn, "backup", "Keep the keys in another place than the backups.", "A key lies beside the last one (%s).", last.File)
	default:
		e.ok("backup", "%s, %s", last.At.UTC().Format("2006-01-02 15:04Z"), last.File)
	}
}

func within(dir, parent string) bool {
	rel, err := filepath.Rel(parent, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// sqlite asks the engine about its own file.
func (e *examination) sqlite(ctx context.Context, q db.Querier) {
	pragma, how := "quick_check", "quick look"
	if e.Deep {
		pragma, how = "integrity_check", "whole check"
	}
	found, err := db.All(ctx, q, db.Strings, `PRAGMA `+pragma+`(5)`)
	if err != nil || len(found) != 1 || found[0] != "ok" {
		e.add(Fail, "database", "Stop Muster, copy the folder away, and restore the last backup that muster backup verify calls sound.", "SQLite finds it damaged: %s", strings.TrimSpace(strings.Join(found, "; ")+" "+errText(err)))
		return
	}
	if st, err := os.Stat(e.Database); err == nil && st.Mode().Perm()&0o077 != 0 {
		e.add(Warn, "database", "chmod 600 "+e.Database, "Others may read the file (mode %04o).", st.Mode().Perm())
		return
	}
	e.ok("database", "SQLite, sound (%s)", how)
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (e *examination) postgres(ctx context.Context, q db.Querier) {
	get := func(name string) string {
		var v string
		if err := q.QueryRow(ctx, `SELECT current_setting($1)`, name).Scan(&v); err != nil {
			return "?"
		}
		return v
	}
	version, _ := strconv.Atoi(get("server_version_num"))
	most, _ := strconv.Atoi(get("max_connections"))
	name := fmt.Sprintf("PostgreSQL %s", get("server_version"))
	wrong := len(e.out)
	if version < 140000 {
		e.add(Warn, "database", "Upgrade it to a version that is still looked after.", "%s is older than what Muster is tested with (14).", name)
	}
	if most < 50 {
		e.add(Warn, "database", "Set max_connections to 100: Muster opens up to 24, and backups more.", "%s allows %d connections.", name, most)
	}
	if v := get("server_encoding"); v != "UTF8" {
		e.add(Fail, "database", "Make a database with ENCODING 'UTF8' and move into it with backup and restore --database.", "Its encoding is %s.", v)
	}
	for _, s := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if get(s) == "off" {
			e.add(Fail, "database", "Set "+s+" = on in postgresql.conf and reload.", "%s is off: what Muster has acknowledged may be lost when the machine falls.", s)
		}
	}
	if len(e.out) == wrong {
		e.ok("database", "%s, %d connections", name, most)
	}
	var there int64
	if err := q.QueryRow(ctx, `SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint`).Scan(&there); err == nil {
		if d := time.Since(db.At(there)).Abs(); d > 2*time.Second {
			e.add(Warn, "database clock", "Run a time service (chrony) on both machines.", "It differs from this machine's by %s.", d.Round(time.Second))
		} else {
			e.ok("database clock", "as this machine's")
		}
	}
}
