// Package doctor looks at a Muster from outside: the machine, the settings, the
// data and what is stuck, and says of each finding what to do.
//
// Invariant: it only reads, works whether the server runs or not, and one check
// that fails hides no other. What a server does about a finding is left to
// people.
package doctor

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"muster/internal/db"
	"muster/internal/outbound"
)

// Level of a finding.
type Level string

const (
	OK   Level = "ok"
	Warn Level = "warn" // works, but will hurt
	Fail Level = "fail" // does not work, or is not safe
)

// Finding is one thing that was looked at.
type Finding struct {
	Check  string `json:"check"`
	Level  Level  `json:"level"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// Patient is what the composition root knows of the Muster in question.
type Patient struct {
	Data      string
	Addr      string // host:port to listen on
	PublicURL string // "" follows Addr
	Loopback  bool
	Database  string // URL, or the file of SQLite
	MasterKey string // files
	LedgerKey string
	Cert, Key string // configured; "" is the trial certificate in Data
	ACME      bool   // an authority is asked for the certificate
	SMTP      SMTP
	Media     Media
	Build     string
	Running   bool // a server holds the data folder
	Deep      bool // verify everything
	Now       time.Time
}

// SMTP is where mail goes.
type SMTP struct {
	Host string
	Port int
	TLS  string // none, starttls, tls
	User string
	// Roots are the authorities to trust; nil is the system's.
	Roots func() (*x509.CertPool, error)
	// Rules say which addresses may be reached, as for the server itself.
	Rules outbound.Rules
}

type examination struct {
	Patient
	out []Finding
}

func (e *examination) add(level Level, check, remedy, format string, a ...any) {
	e.out = append(e.out, Finding{check, level, fmt.Sprintf(format, a...), remedy})
}

func (e *examination) ok(check, format string, a ...any) { e.add(OK, check, "", format, a...) }

// Examine makes every check.
func Examine(ctx context.Context, p Patient) []Finding {
	e := &examination{Patient: p}
	e.ok("build", "%s", p.Build)
	if !e.folder() {
		return e.out
	}
	e.keys()
	e.disk()
	e.limits()
	e.clock()
	e.port(ctx)
	e.certificate()
	e.media(ctx)
	e.smtp(ctx)
	e.backup()
	e.database(ctx)
	return e.out
}

// database opens it and makes the checks that read it, on one unchanging state.
func (e *examination) database(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if !db.IsPostgres(e.Database) && !e.exists(e.Database) {
		e.add(Fail, "database", "Give the right folder with --data, or start Muster once to make it.", "%s is not there.", e.Database)
		return
	}
	d, err := db.OpenReadOnly(e.Database)
	if err != nil {
		e.add(Fail, "database", "Mend database: in muster.yaml.", "It cannot be opened: %v.", err)
		return
	}
	defer d.Close()
	short, done := context.WithTimeout(ctx, 10*time.Second)
	defer done()
	version, err := db.SchemaVersion(short, d.Read())
	switch latest := db.Latest(); {
	case err != nil:
		e.add(Fail, "database", "Is it running, and are address and password in muster.yaml (or MUSTER_DATABASE) right?", "It does not answer: %v.", err)
		return
	case version == 0:
		e.add(Fail, "schema", "Start Muster once: it makes its tables.", "The database has no tables.")
		return
	case version > latest:
		e.add(Fail, "schema", "Install the Muster that wrote it, or a newer one. There is no way back to an older schema but a backup.", "The database has schema %d, this program knows %d.", version, latest)
		return
	case version < latest:
		e.add(Warn, "schema", "Make a backup, then start this version: it brings the tables up to date.", "The database has schema %d, this program %d.", version, latest)
		return
	default:
		e.ok("schema", "current (%d)", version)
	}
	if d.Dialect() == db.Postgres {
		e.postgres(ctx, d.Read())
	} else {
		e.sqlite(ctx, d.Read())
	}
	if err := d.Snapshot(ctx, func(q db.Querier) error {
		e.ledger(ctx, q)
		e.work(ctx, q)
		e.people(ctx, q)
		e.nodes(ctx, q)
		return nil
	}); err != nil {
		e.add(Fail, "database", "Try again; if it stays, look into the database's own log.", "It stopped answering: %v.", err)
	}
}
