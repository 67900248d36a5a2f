package job

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
	"muster/internal/node"
)

// Job is a stored job with its current version.
type Job struct {
	ID, Project, UUID, Group, Name, Description string
	Version                                     int64
	Digest                                      string // of the current version
	Def                                         *Definition
	UpdatedAt                                   time.Time
	UpdatedBy                                   string // user id
}

// FullName is group/name.
func (j Job) FullName() string { return FullName(j.Group, j.Name) }

// Version is one entry of a job's history.
type Version struct {
	Version int64
	At      time.Time
	By      string // user id
	Digest  string
}

// Store keeps definitions.
type Store struct {
	access *access.Access
	ledger *ledger.Ledger
	clock  clock.Clock
	nodes  *node.Store
	defs   sync.Map // digest of a text → *Definition
	kept   atomic.Int64
}

// New builds the store.
func New(a *access.Access, l *ledger.Ledger, c clock.Clock, n *node.Store) *Store {
	return &Store{access: a, ledger: l, clock: c, nodes: n}
}

// Imported records a stored version of a job.
type Imported struct {
	Job     string `json:"job" class:"public"`
	Version int64  `json:"version" class:"public"`
	Digest  string `json:"digest" class:"public"`
}

func (Imported) EventKind() string { return "job.Imported" }

// Deleted records that a job may no longer be run.
type Deleted struct {
	Job     string `json:"job" class:"public"`
	Version int64  `json:"version" class:"public"`
}

func (Deleted) EventKind() string { return "job.Deleted" }

// Resource describes a job to access rules.
func Resource(project, group, name, uuid string) access.Resource {
	return access.Resource{Project: project, Type: "job", Attrs: map[string]string{"name": name, "group": group, "uuid": uuid}, Name: FullName(group, name)}
}

// Resource describes j to access rules.
func (j Job) Resource() access.Resource {
	r := Resource(j.Project, j.Group, j.Name, j.UUID)
	r.ID = j.ID
	return r
}

// Digest of a definition's canonical text.
func Digest(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// MayImport says whether who may import jobs at all. It comes before the
// content is looked at: what is in a project is not told to those outside it,
// and they make the server parse nothing.
func (s *Store) MayImport(ctx context.Context, q db.Querier, who actor.Actor, project string) error {
	if s.access.Allowed(ctx, q, who, "update", access.Resource{Project: project, Type: "job"}) {
		return nil
	}
	return s.access.Check(ctx, q, who, "create", access.Resource{Project: project, Type: "resource", Attrs: map[string]string{"kind": "job"}})
}

// Import is Take of a document that is not parsed yet: for small ones, since it
// is parsed while others wait for the transaction.
func (s *Store) Import(ctx context.Context, tx *db.Tx, who actor.Actor, project string, content []byte, dry bool) ([]node.ImportItem, error) {
	p, err := s.nodes.Project(ctx, tx, project)
	if err != nil {
		return nil, err
	}
	if err := s.MayImport(ctx, tx, who, p.Name); err != nil {
		return nil, err
	}
	doc, err := Read(content)
	if err != nil {
		return nil, err
	}
	return s.Take(ctx, tx, who, p.Name, doc, dry)
}

// Document is a parsed list of jobs.
type Document struct {
	defs []*Definition
	bad  []Problem
}

// Read parses a list of jobs.
func Read(content []byte) (Document, error) {
	defs, bad, err := Parse(content)
	return Document{defs, bad}, err
}

// Take takes in a list of jobs; each right one becomes a new version, or a
// new job. With dry only the report is made.
func (s *Store) Take(ctx context.Context, tx *db.Tx, who actor.Actor, project string, doc Document, dry bool) ([]node.ImportItem, error) {
	p, err := s.nodes.Project(ctx, tx, project)
	if err != nil {
		return nil, err
	}
	if err := s.MayImport(ctx, tx, who, p.Name); err != nil {
		return nil, err
	}
	defs, bad := doc.defs, doc.bad
	report := []node.ImportItem{}
	for _, b := range bad {
		report = append(report, node.ImportItem{Name: b.Name, Result: node.Dropped, Message: b.Message, Line: b.Line})
	}
	for _, d := range defs {
		it, err := s.importOne(ctx, tx, who, p, d, dry)
		if err != nil {
			return nil, err
		}
		report = append(report, it)
	}
	slices.SortStableFunc(report, func(a, b node.ImportItem) int { return a.Line - b.Line })
	return report, nil
}

func (s *Store) importOne(ctx context.Context, tx *db.Tx, who actor.Actor, p node.Project, d *Definition, dry bool) (node.ImportItem, error) {
	it := node.ImportItem{Name: d.FullName(), Line: d.line, Message: d.report(p.AllowRaw), Remarks: d.Remarks(p.AllowRaw)}
	old, err := s.existing(ctx, tx, p.Name, d)
	if err != nil {
		if fault.Is(err, fault.Conflict) {
			it.Result, it.Message, it.Remarks = node.Dropped, fault.Message(err), nil
			return it, nil
		}
		return it, err
	}
	body := d.YAML()
	digest := Digest(body)
	now := s.clock.Now()
	var version int64 = 1
	switch {
	case old == nil:
		it.Result = node.Created
		if err := s.access.Check(ctx, tx, who, "create", access.Resource{Project: p.Name, Type: "resource", Attrs: map[string]string{"kind": "job"}}); err != nil {
			return it, err
		}
	case old.Digest == digest:
		it.Result = node.Unchanged
		return it, nil
	default:
		it.Result = node.Updated
		if err := s.access.Check(ctx, tx, who, "update", old.Resource()); err != nil {
			return it, err
		}
		if old.FullName() != d.FullName() {
			// Rules speak of jobs by name: without this, who may change one job
			// could make it any other that somebody runs, or that needs approval.
			if err := s.access.Check(ctx, tx, who, "update", Resource(p.Name, d.Group, d.Name, old.UUID)); err != nil {
				return it, err
			}
			it.Message = strings.TrimSpace(fmt.Sprintf("It was named %s before. %s", old.FullName(), it.Message))
		}
		version = old.Version + 1
	}
	if dry {
		return it, nil
	}
	jobID := id.New()
	uuid := d.UUID
	if old != nil {
		jobID = old.ID
		if uuid == "" {
			uuid = old.UUID
		}
		if _, err := tx.Exec(ctx, `UPDATE job SET uuid = $2, grp = $3, name = $4, description = $5, current_version = $6 WHERE id = $1`,
			jobID, uuid, d.Group, d.Name, d.Description, version); err != nil {
			return it, fmt.Errorf("update job: %w", err)
		}
	} else {
		if uuid == "" {
			uuid = id.New() // not the id, which stays unique when the job is taken to another project
		}
		if _, err := tx.Exec(ctx, `INSERT INTO job (id, project, uuid, grp, name, description, current_version, created_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
			jobID, p.Name, uuid, d.Group, d.Name, d.Description, version, db.Micro(now)); err != nil {
			return it, fmt.Errorf("create job: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO job_version (job_id, version, body, digest, created_by, created_at) VALUES ($1,$2,$3,$4,$5,$6)`,
		jobID, version, body, digest, who.ID, db.Micro(now)); err != nil {
		return it, fmt.Errorf("store job version: %w", err)
	}
	return it, s.ledger.Append(ctx, tx, who, ledger.About{Resource: "job:" + jobID, Project: p.Name}, Imported{d.FullName(), version, digest})
}

// existing finds the job a definition is a new version of: by uuid, then by name.
func (s *Store) existing(ctx context.Context, q db.Querier, project string, d *Definition) (*Job, error) {
	byName, err := s.row(ctx, q, ` WHERE j.project = $1 AND j.grp = $2 AND j.name = $3 AND j.deleted_at = 0`, project, d.Group, d.Name)
	if err != nil && !db.IsNoRows(err) {
		return nil, fmt.Errorf("read job: %w", err)
	}
	named := err == nil
	if d.UUID != "" {
		byUUID, err := s.row(ctx, q, ` WHERE j.project = $1 AND j.uuid = $2 AND j.deleted_at = 0`, project, d.UUID)
		if err != nil && !db.IsNoRows(err) {
			return nil, fmt.Errorf("read job: %w", err)
		}
		if err == nil {
			if named && byName.ID != byUUID.ID {
				return nil, fault.Newf(fault.Conflict, "Its uuid belongs to the job %s, but another job is already named %s. Rename it, or change the uuid.", byUUID.FullName(), d.FullName())
			}
			return &byUUID, nil
		}
	}
	if named {
		return &byName, nil
	}
	return nil, nil
}

// report is what the import says of a definition, as one text.
func (d *Definition) report(allowRaw bool) string {
	var out, no []string
	for _, r := range d.sorted(allowRaw) {
		if r.stops {
			no = append(no, r.String())
		} else {
			out = append(out, r.String()+".")
		}
	}
	if len(no) > 0 {
		out = append([]string{"It cannot run yet: " + strings.Join(no, "; ") + "."}, out...)
	}
	return strings.ReplaceAll(strings.Join(out, " "), "..", ".")
}

// Delete takes a job away. Its versions stay for the runs that used them.
func (s *Store) Delete(ctx context.Context, tx *db.Tx, who actor.Actor, project, ref string) error {
	j, err := s.Get(ctx, tx, who, project, ref)
	if err != nil {
		return err
	}
	if err := s.access.Check(ctx, tx, who, "delete", access.Resource{Project: j.Project, Type: "resource", Attrs: map[string]string{"kind": "job"}}); err != nil {
		return err
	}
	if err := s.access.Check(ctx, tx, who, "delete", j.Resource()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE job SET deleted_at = $2 WHERE id = $1`, j.ID, db.Micro(s.clock.Now())); err != nil {
		return fmt.Errorf("delete job: %w", err)
	}
	return s.ledger.Append(ctx, tx, who, ledger.About{Resource: "job:" + j.ID, Project: j.Project}, Deleted{j.FullName(), j.Version})
}

const columns = `SELECT j.id, j.project, j.uuid, j.grp, j.name, j.description, j.current_version, v.digest, v.created_at, v.created_by
FROM job j JOIN job_version v ON v.job_id = j.id AND v.version = j.current_version`

func scan(r db.Scanner) (j Job, err error) {
	var at int64
	err = r.Scan(&j.ID, &j.Project, &j.UUID, &j.Group, &j.Name, &j.Description, &j.Version, &j.Digest, &at, &j.UpdatedBy)
	j.UpdatedAt = db.At(at)
	return j, err
}

func (s *Store) row(ctx context.Context, q db.Querier, where string, args ...any) (Job, error) {
	return db.One(ctx, q, scan, columns+where, args...)
}

var errNone = fault.New(fault.NotFound, "There is no such job (any more). See the project's list of jobs.")

// Hidden makes the refusal to read a job look as if it did not exist: names are
// not told to whoever only has, or guesses, an id.
func Hidden(err error) error { return access.Hide(err, errNone) }

// Get gives the job with this id or uuid, with its current definition, to who may
// read it. A uuid is one job's in its project only: where several projects have
// it, project says which is meant, and without it the answer is a conflict that
// names them. Who may read none of them is told that there is none.
func (s *Store) Get(ctx context.Context, q db.Querier, who actor.Actor, project, ref string) (Job, error) {
	all, err := db.All(ctx, q, scan, columns+` WHERE (j.id = $1 OR j.uuid = $1) AND ($2 = '' OR j.project = $2) AND j.deleted_at = 0 ORDER BY j.project`, ref, project)
	if err != nil {
		return Job{}, fmt.Errorf("read job: %w", err)
	}
	may, err := s.access.Judge(ctx, q, who)
	if err != nil {
		return Job{}, err
	}
	hits := slices.DeleteFunc(slices.Clone(all), func(j Job) bool { return !may.Allowed("read", j.Resource()) })
	// An id is nobody else's, but it may be another job's uuid.
	if i := slices.IndexFunc(hits, func(j Job) bool { return j.ID == ref }); i >= 0 {
		hits = hits[i : i+1]
	}
	switch {
	case len(hits) > 1:
		return Job{}, fault.New(fault.Conflict, "Several projects have a job with this uuid: "+names(hits, true)+". Say which project is meant, or give the job's id.")
	case len(hits) == 1:
		j := hits[0]
		j.Def, err = s.definition(ctx, q, j.ID, j.Version)
		return j, err
	case len(all) == 1:
		return Job{}, Hidden(s.access.Check(ctx, q, who, "read", all[0].Resource()))
	}
	return Job{}, errNone
}

// Find gives a job by its name, group/name, id or uuid. project may be "": then
// the name must be unique among the jobs who may read.
func (s *Store) Find(ctx context.Context, q db.Querier, who actor.Actor, project, name string) (Job, error) {
	name = strings.Trim(name, "/")
	all, err := db.All(ctx, q, scan, columns+` WHERE j.deleted_at = 0 AND ($1 = '' OR j.project = $1)`, project)
	if err != nil {
		return Job{}, fmt.Errorf("find job: %w", err)
	}
	may, err := s.access.Judge(ctx, q, who)
	if err != nil {
		return Job{}, err
	}
	var full, short, near []Job
	for _, j := range all {
		if !may.Allowed("read", j.Resource()) {
			continue
		}
		switch {
		case j.ID == name || j.UUID == name || j.FullName() == name:
			full = append(full, j)
		case j.Name == name:
			short = append(short, j)
		case strings.Contains(strings.ToLower(j.FullName()), strings.ToLower(name)):
			near = append(near, j)
		}
	}
	hits := full
	if len(hits) == 0 {
		hits = short
	}
	switch {
	case len(hits) == 1:
		j := hits[0]
		j.Def, err = s.definition(ctx, q, j.ID, j.Version)
		return j, err
	case len(hits) > 1:
		return Job{}, fault.Field("job", "Several jobs are named "+name+": "+names(hits, project == "")+". Give the full name, and the project where it matters.")
	case len(near) > 0:
		return Job{}, fault.Newf(fault.NotFound, "There is no job %q. Did you mean %s?", name, names(near[:min(3, len(near))], false))
	}
	return Job{}, fault.Newf(fault.NotFound, "There is no job %q that you may see. See the list of jobs.", name)
}

func names(js []Job, project bool) string {
	out := []string{}
	for _, j := range js {
		n := j.FullName()
		if project {
			n += " (project " + j.Project + ")"
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// List gives the jobs of a project who may read, by group and name; q narrows
// by a part of the full name or description. Definitions are included.
func (s *Store) List(ctx context.Context, q db.Querier, who actor.Actor, project, part string) ([]Job, error) {
	all, err := db.All(ctx, q, func(r db.Scanner) (stored, error) {
		var j Job
		var at int64
		var body string
		err := r.Scan(&j.ID, &j.Project, &j.UUID, &j.Group, &j.Name, &j.Description, &j.Version, &j.Digest, &at, &j.UpdatedBy, &body)
		j.UpdatedAt = db.At(at)
		return stored{j, body}, err
	}, strings.Replace(columns, "v.created_by", "v.created_by, v.body", 1)+` WHERE j.deleted_at = 0 AND ($1 = '' OR j.project = $1)`, project)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	may, err := s.access.Judge(ctx, q, who)
	if err != nil {
		return nil, err
	}
	out := []Job{}
	part = strings.ToLower(part)
	for _, st := range all {
		j := st.Job
		if part != "" && !strings.Contains(strings.ToLower(j.FullName()+"\n"+j.Description), part) {
			continue
		}
		if !may.Allowed("read", j.Resource()) {
			continue
		}
		if j.Def, err = s.parsed(st.body); err != nil {
			return nil, fmt.Errorf("job %s: %w", j.FullName(), err)
		}
		out = append(out, j)
	}
	slices.SortFunc(out, func(a, b Job) int {
		return cmp.Or(strings.Compare(a.Project, b.Project), strings.Compare(a.Group, b.Group), strings.Compare(a.Name, b.Name))
	})
	return out, nil
}

type stored struct {
	Job
	body string
}

func (s *Store) definition(ctx context.Context, q db.Querier, jobID string, version int64) (*Definition, error) {
	var body string
	if err := q.QueryRow(ctx, `SELECT body FROM job_version WHERE job_id = $1 AND version = $2`, jobID, version).Scan(&body); err != nil {
		return nil, fmt.Errorf("read job version: %w", err)
	}
	return s.parsed(body)
}

// maxParsed bounds the definitions kept parsed.
const maxParsed = 20_000

// parsed is Stored, remembering: a stored text never changes, and what is read
// from it is not changed by anybody.
func (s *Store) parsed(body string) (*Definition, error) {
	key := sha256.Sum256([]byte(body))
	if d, ok := s.defs.Load(key); ok {
		return d.(*Definition), nil
	}
	d, err := Stored(body)
	if err != nil {
		return nil, err
	}
	if s.kept.Add(1) > maxParsed {
		s.defs.Clear()
		s.kept.Store(1)
	}
	s.defs.Store(key, d)
	return d, nil
}

// Lock makes whoever else locks the job wait until tx ends: for rules that
// look at all runs of one job.
func (s *Store) Lock(ctx context.Context, tx *db.Tx, jobID string) error {
	if _, err := tx.Exec(ctx, `UPDATE job SET created_at = created_at WHERE id = $1`, jobID); err != nil {
		return fmt.Errorf("lock job: %w", err)
	}
	return nil
}

// At gives a job as it was at a version, deleted or not: what a run was about.
func (s *Store) At(ctx context.Context, q db.Querier, jobID string, version int64) (Job, error) {
	j, err := s.row(ctx, q, ` WHERE j.id = $1`, jobID)
	if db.IsNoRows(err) {
		return j, fault.New(fault.NotFound, "There is no such job.")
	}
	if err != nil {
		return j, fmt.Errorf("read job: %w", err)
	}
	if j.Def, err = s.definition(ctx, q, jobID, version); err != nil {
		return j, err
	}
	j.Version, j.Group, j.Name, j.Digest = version, j.Def.Group, j.Def.Name, Digest(j.Def.YAML())
	return j, nil
}

// Versions lists a job's history, newest first.
func (s *Store) Versions(ctx context.Context, q db.Querier, jobID string) ([]Version, error) {
	out, err := db.All(ctx, q, func(r db.Scanner) (v Version, err error) {
		var at int64
		err = r.Scan(&v.Version, &at, &v.By, &v.Digest)
		v.At = db.At(at)
		return v, err
	}, `SELECT version, created_at, created_by, digest FROM job_version WHERE job_id = $1 ORDER BY version DESC`, jobID)
	if err != nil {
		return nil, fmt.Errorf("read job versions: %w", err)
	}
	return out, nil
}
