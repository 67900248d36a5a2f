package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
)

// Policy is a stored policy file.
type Policy struct {
	Project   string // "" = application
	Name      string
	Text      string
	Version   int    // 0 = built in and never changed
	BuiltIn   bool   // a default that applies until a policy of its name is stored
	UpdatedBy string // user id
	UpdatedAt time.Time
	Problems  []Mistake // computed when read
}

// PolicyItem says what became of one document of an import.
type PolicyItem struct {
	Name    string `json:"name"`
	Result  string `json:"result"` // created, updated, unchanged, dropped
	Message string `json:"message"`
	Line    int    `json:"line,omitempty"`
}

var nameRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// PolicyName is the name a file is stored under.
func PolicyName(file string) string {
	file = file[strings.LastIndexAny(file, `/\`)+1:]
	for _, ext := range []string{".aclpolicy", ".yaml", ".yml"} {
		file = strings.TrimSuffix(file, ext)
	}
	return file
}

func (a *Access) manage(ctx context.Context, tx *db.Tx, who actor.Actor, project, name string) error {
	return a.Check(ctx, tx, who, "manage", policyResource(project, name))
}

func policyResource(project, name string) Resource {
	attrs := map[string]string{"name": name}
	if project != "" {
		attrs["project"] = project
	}
	return Resource{Type: "policy", Attrs: attrs, Name: name}
}

// Put stores a policy whole and says what became of each of its documents. A
// file without a single right document is refused.
func (a *Access) Put(ctx context.Context, tx *db.Tx, who actor.Actor, project, name, text string) ([]PolicyItem, error) {
	if err := a.manage(ctx, tx, who, project, name); err != nil {
		return nil, err
	}
	items, err := a.plan(ctx, tx, project, name, text)
	if err != nil {
		return nil, err
	}
	if changed(items) {
		if err := a.put(ctx, tx, who, project, name, text); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// Preview is Put without storing.
func (a *Access) Preview(ctx context.Context, q db.Querier, who actor.Actor, project, name, text string) ([]PolicyItem, error) {
	if err := a.Check(ctx, q, who, "manage", policyResource(project, name)); err != nil {
		return nil, err
	}
	return a.plan(ctx, q, project, name, text)
}

func changed(items []PolicyItem) bool {
	for _, i := range items {
		if i.Result != "unchanged" {
			return true
		}
	}
	return false
}

// plan compares the documents with those stored, by id or description.
func (a *Access) plan(ctx context.Context, q db.Querier, project, name, text string) ([]PolicyItem, error) {
	if !nameRE.MatchString(name) {
		return nil, fault.Field("name", "A policy's name has letters, digits, dots, dashes and underscores, at most 100.")
	}
	if len(text) > MaxSize {
		return nil, fault.Newf(fault.TooLarge, "The policy is %d KiB; at most %d KiB are accepted. Split it into several policies.", len(text)>>10, MaxSize>>10)
	}
	docs, problems := Parse(project, name, []byte(text))
	if len(docs) == 0 {
		if len(problems) > 0 {
			return nil, fault.Field("content", fmt.Sprintf("No document of this policy is right. Line %d: %s", problems[0].Line, problems[0].Text))
		}
		return nil, fault.Field("content", "The policy has no document. Write description, context, for and by.")
	}
	old := map[string]string{}
	if p, err := a.Get(ctx, q, project, name); err == nil {
		prev, dropped := Parse(project, name, []byte(p.Text))
		for _, d := range prev {
			old[d.key()] = strings.TrimSpace(d.Text)
		}
		if len(prev) != len(docs) || len(dropped) > 0 && p.Text != text {
			old["\x00"] = "" // a document came, went or was repaired: never "unchanged" as a whole
		}
	} else if !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	items := []PolicyItem{}
	nobody, err := a.nobody(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, d := range docs {
		i := PolicyItem{Name: d.Description, Line: d.Line, Result: "created", Message: fmt.Sprintf("%d rules", len(d.rules))}
		if len(d.rules) == 1 {
			i.Message = "1 rule"
		}
		if was, ok := old[d.key()]; ok {
			i.Result = "updated"
			if _, moved := old["\x00"]; was == strings.TrimSpace(d.Text) && !moved {
				i.Result = "unchanged"
			}
		}
		for _, remark := range nobody(d.subj) {
			i.Message += ". " + remark
		}
		items = append(items, i)
	}
	for _, p := range problems {
		if p.Dropped {
			items = append(items, PolicyItem{Name: name, Line: p.Line, Result: "dropped", Message: p.Text})
		} else {
			for n := range items {
				if items[n].Line <= p.Line && (n+1 == len(docs) || items[n+1].Line > p.Line) {
					items[n].Message += ". " + p.Text
					break
				}
			}
		}
	}
	return items, nil
}

func (d Document) key() string {
	if d.ID != "" {
		return "id " + d.ID
	}
	return d.Description
}

func (a *Access) put(ctx context.Context, tx *db.Tx, who actor.Actor, project, name, text string) error {
	version := 1
	old, err := a.Get(ctx, tx, project, name)
	if err == nil {
		version = old.Version + 1
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	now := db.Micro(a.clock.Now())
	if _, err := tx.Exec(ctx, `INSERT INTO policy (project, name, body, version, updated_by, updated_at) VALUES ($1,$2,$3,$4,$5,$6)
		ON CONFLICT (project, name) DO UPDATE SET body=excluded.body, version=excluded.version, updated_by=excluded.updated_by, updated_at=excluded.updated_at`,
		project, name, text, version, who.ID, now); err != nil {
		return fmt.Errorf("store policy: %w", err)
	}
	if err := a.turn(ctx, tx, who, project); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(text))
	ev := PolicyChanged{Name: name, Version: version, Text: text, SHA256: hex.EncodeToString(sum[:]), Dropped: []string{}}
	_, problems := Parse(project, name, []byte(text))
	for _, p := range problems {
		if p.Dropped {
			ev.Dropped = append(ev.Dropped, p.String())
		}
	}
	return a.ledger.Append(ctx, tx, who, ledger.About{Resource: "policy:" + name, Project: project}, ev)
}

// turn makes every node read the policies again, and refuses a change after
// which its author could not undo it.
func (a *Access) turn(ctx context.Context, tx *db.Tx, who actor.Actor, project string) error {
	// A random mark, not a counter: the mark of a transaction that is rolled
	// back must never come again with other contents.
	if _, err := tx.Exec(ctx, `UPDATE policy_version SET mark = $1`, id.New()); err != nil {
		return fmt.Errorf("turn policy version: %w", err)
	}
	if project == "" && !a.Allowed(ctx, tx, who, "manage", Resource{Type: "policy"}) {
		return fault.New(fault.Conflict, "With this change you could no longer change policies yourself, so nobody might be left who can. Nothing was changed. Keep a rule that allows manage on policy to one of your groups.")
	}
	for _, fn := range a.turned {
		tx.AfterCommit(fn)
	}
	return nil
}

// Delete removes a policy. A built-in one of the same name applies again.
func (a *Access) Delete(ctx context.Context, tx *db.Tx, who actor.Actor, project, name string) error {
	if err := a.manage(ctx, tx, who, project, name); err != nil {
		return err
	}
	res, err := tx.Exec(ctx, `DELETE FROM policy WHERE project = $1 AND name = $2`, project, name)
	if err != nil {
		return fmt.Errorf("delete policy: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		if project == "" && builtIn[name] != "" {
			return fault.Newf(fault.Conflict, "The policy %s is built in and was never changed. Store a policy of this name to replace it.", name)
		}
		return notFound(name)
	}
	if err := a.turn(ctx, tx, who, project); err != nil {
		return err
	}
	return a.ledger.Append(ctx, tx, who, ledger.About{Resource: "policy:" + name, Project: project}, PolicyDeleted{name})
}

func notFound(name string) error {
	return fault.Newf(fault.NotFound, "There is no policy %q.", name)
}

// SeedProject stores the default policy of a new project. Whoever may create
// the project may seed it.
func (a *Access) SeedProject(ctx context.Context, tx *db.Tx, who actor.Actor, project string) error {
	if err := a.Check(ctx, tx, who, "manage", Resource{Type: "project", Name: project}); err != nil {
		return err
	}
	if !nameRE.MatchString(project) {
		return fault.Field("name", "A project's name has letters, digits, dots, dashes and underscores, at most 100.")
	}
	return a.put(ctx, tx, who, project, "default", DefaultProjectPolicy(project))
}

const columns = `SELECT project, name, body, version, updated_by, updated_at FROM policy`

func scan(s db.Scanner) (Policy, error) {
	var p Policy
	var at int64
	err := s.Scan(&p.Project, &p.Name, &p.Text, &p.Version, &p.UpdatedBy, &at)
	p.UpdatedAt = db.At(at)
	return p, err
}

// Get reads one policy, the built-in one where none of its name is stored. It
// does not check: doors that show policies do.
func (a *Access) Get(ctx context.Context, q db.Querier, project, name string) (Policy, error) {
	p, err := db.One(ctx, q, scan, columns+` WHERE project = $1 AND name = $2`, project, name)
	if db.IsNoRows(err) {
		if text := builtIn[name]; project == "" && text != "" {
			return Policy{Name: name, Text: text, BuiltIn: true, Problems: []Mistake{}}, nil
		}
		return p, notFound(name)
	}
	if err != nil {
		return p, fmt.Errorf("read policy: %w", err)
	}
	p.fill()
	return p, nil
}

func (p *Policy) fill() {
	if _, p.Problems = Parse(p.Project, p.Name, []byte(p.Text)); p.Problems == nil {
		p.Problems = []Mistake{}
	}
	p.BuiltIn = p.Project == "" && builtIn[p.Name] == p.Text
}

// List returns the policies of a project, or the application's.
func (a *Access) List(ctx context.Context, q db.Querier, who actor.Actor, project string) ([]Policy, error) {
	if err := a.Check(ctx, q, who, "read", policyResource(project, "")); err != nil {
		return nil, err
	}
	ps, err := db.All(ctx, q, scan, columns+` WHERE project = $1 ORDER BY name`, project)
	if err != nil {
		return nil, fmt.Errorf("list policies: %w", err)
	}
	have := map[string]bool{}
	for i := range ps {
		ps[i].fill()
		have[ps[i].Name] = true
	}
	if project == "" {
		for name, text := range builtIn {
			if !have[name] {
				ps = append(ps, Policy{Name: name, Text: text, BuiltIn: true, Problems: []Mistake{}})
			}
		}
		sort.Slice(ps, func(i, j int) bool { return ps[i].Name < ps[j].Name })
	}
	return ps, nil
}

// set returns the compiled policies as q sees them. Only the mark is read when
// nothing changed.
func (a *Access) set(ctx context.Context, q db.Querier) (*set, error) {
	var mark string
	if err := q.QueryRow(ctx, `SELECT mark FROM policy_version`).Scan(&mark); err != nil {
		return nil, fmt.Errorf("read policy version: %w", err)
	}
	if s := a.cached.Load(); s != nil && s.version == mark {
		return s, nil
	}
	ps, err := db.All(ctx, q, scan, columns+` ORDER BY project, name`)
	if err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	s := newSet(mark)
	have := map[string]bool{}
	for _, p := range ps {
		if p.Project == "" {
			have[p.Name] = true
		}
		docs, problems := Parse(p.Project, p.Name, []byte(p.Text))
		s.add(docs)
		s.problems = append(s.problems, problems...)
	}
	for _, d := range builtInDocs() {
		if !have[d.policy] {
			s.add(d.docs)
		}
	}
	// Outside a transaction the policies may have changed between the two
	// reads; keep only what is known to belong together.
	var again string
	if err := q.QueryRow(ctx, `SELECT mark FROM policy_version`).Scan(&again); err == nil && again == mark {
		a.cached.Store(s)
	}
	return s, nil
}
