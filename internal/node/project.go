package node

import (
	"context"
	"fmt"
	"regexp"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
)

// Store keeps projects and their nodes.
type Store struct {
	access *access.Access
	ledger *ledger.Ledger
	bus    bus.Bus
	clock  clock.Clock

	changed []Changed
}

// New builds the store.
func New(a *access.Access, l *ledger.Ledger, b bus.Bus, c clock.Clock) *Store {
	return &Store{access: a, ledger: l, bus: b, clock: c}
}

// NewProject is what a project is made from.
type NewProject struct{ Name, Title, Description string }

var projectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ProjectCreated records a new project.
type ProjectCreated struct {
	Name  string `json:"name" class:"public"`
	Title string `json:"title" class:"internal"`
}

func (ProjectCreated) EventKind() string { return "project.Created" }

// ProjectChanged records a changed setting of a project.
type ProjectChanged struct {
	Name     string `json:"name" class:"public"`
	Title    string `json:"title" class:"internal"`
	AllowRaw bool   `json:"allow_raw" class:"public"`

	Environments map[string]string `json:"environments" class:"public"`
}

func (ProjectChanged) EventKind() string { return "project.Changed" }

func projectResource(name string) access.Resource {
	return access.Resource{Type: "project", Attrs: map[string]string{"name": name}, Name: name}
}

// CreateProject makes a project and gives it the default access policy.
func (s *Store) CreateProject(ctx context.Context, tx *db.Tx, who actor.Actor, in NewProject) (Project, error) {
	if err := s.access.Check(ctx, tx, who, "manage", projectResource(in.Name)); err != nil {
		return Project{}, err
	}
	if !projectName.MatchString(in.Name) {
		return Project{}, fault.Field("name", "A project's name has letters, digits, dots, dashes and underscores, at most 64, and starts with a letter or digit.")
	}
	if len(in.Title) > 200 || len(in.Description) > 4000 {
		return Project{}, fault.Field("title", "The title has at most 200 characters and the description 4000. Shorten it.")
	}
	if in.Title == "" {
		in.Title = in.Name
	}
	p := Project{ID: id.New(), Name: in.Name, Title: in.Title, Description: in.Description, Environments: Vocabulary{}, CreatedAt: s.clock.Now()}
	if _, err := s.Project(ctx, tx, in.Name); err == nil {
		return Project{}, fault.Newf(fault.Conflict, "There is already a project %s. Choose another name.", in.Name)
	} else if !fault.Is(err, fault.NotFound) {
		return Project{}, err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO project (id, name, title, description, allow_raw, created_at) VALUES ($1,$2,$3,$4,$5,$6)`,
		p.ID, p.Name, p.Title, p.Description, p.AllowRaw, db.Micro(p.CreatedAt)); err != nil {
		return Project{}, fmt.Errorf("create project: %w", err)
	}
	if err := s.access.SeedProject(ctx, tx, who, p.Name); err != nil {
		return Project{}, err
	}
	return p, s.ledger.Append(ctx, tx, who, ledger.About{Resource: "project:" + p.ID, Project: p.Name}, ProjectCreated{p.Name, p.Title})
}

// SetRaw says whether the project's jobs may put a caller's text where it is read
// as code. Allowing it opens the project's machines to whoever may run such a
// job, so it is a right of its own; taking it back is open to managers too.
func (s *Store) SetRaw(ctx context.Context, tx *db.Tx, who actor.Actor, project string, allow bool) error {
	if allow || !s.access.Allowed(ctx, tx, who, "manage", projectResource(project)) {
		if err := s.access.Check(ctx, tx, who, "allow_raw", projectResource(project)); err != nil {
			return err
		}
	}
	p, err := s.Project(ctx, tx, project)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE project SET allow_raw = $2 WHERE id = $1`, p.ID, allow); err != nil {
		return fmt.Errorf("change project: %w", err)
	}
	return s.ledger.Append(ctx, tx, who, ledger.About{Resource: "project:" + p.ID, Project: p.Name}, ProjectChanged{p.Name, p.Title, allow, p.Environments})
}

// SetEnvironments says what the project's own words for environments mean.
func (s *Store) SetEnvironments(ctx context.Context, tx *db.Tx, who actor.Actor, project string, words Vocabulary) error {
	if err := s.access.Check(ctx, tx, who, "manage", projectResource(project)); err != nil {
		return err
	}
	p, err := s.Project(ctx, tx, project)
	if err != nil {
		return err
	}
	if words, err = words.Check(); err != nil {
		return err
	}
	before, err := s.all(ctx, tx, p.Name)
	if err != nil {
		return err
	}
	was := map[string]*Node{}
	for _, n := range before {
		now := n
		if now.judge(words); now.kind != n.kind {
			was[n.Name] = &n
		}
	}
	for _, fn := range s.changed {
		if err := fn(ctx, tx, who, p.Name, was); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE project SET environments = $2 WHERE id = $1`, p.ID, db.JSON(words)); err != nil {
		return fmt.Errorf("change project: %w", err)
	}
	return s.ledger.Append(ctx, tx, who, ledger.About{Resource: "project:" + p.ID, Project: p.Name}, ProjectChanged{p.Name, p.Title, p.AllowRaw, words})
}

func readVocabulary(text string) (Vocabulary, error) {
	if text == "" {
		return Vocabulary{}, nil
	}
	return db.FromJSON[Vocabulary](text)
}

const projectColumns = `SELECT id, name, title, description, allow_raw, environments, created_at FROM project`

func scanProject(r db.Scanner) (p Project, err error) {
	var at int64
	var words string
	if err = r.Scan(&p.ID, &p.Name, &p.Title, &p.Description, &p.AllowRaw, &words, &at); err != nil {
		return p, err
	}
	p.CreatedAt = db.At(at)
	p.Environments, err = readVocabulary(words)
	return p, err
}

// Project gives one by name or id.
func (s *Store) Project(ctx context.Context, q db.Querier, name string) (Project, error) {
	p, err := db.One(ctx, q, scanProject, projectColumns+` WHERE name = $1 OR id = $1`, name)
	if db.IsNoRows(err) {
		return p, fault.Newf(fault.NotFound, "There is no project %q. See the list of projects.", name)
	}
	if err != nil {
		return p, fmt.Errorf("read project: %w", err)
	}
	return p, nil
}

// Visible is Project for somebody who may read it.
func (s *Store) Visible(ctx context.Context, q db.Querier, who actor.Actor, name string) (Project, error) {
	p, err := s.Project(ctx, q, name)
	if err != nil {
		return p, err
	}
	return p, s.access.Check(ctx, q, who, "read", projectResource(p.Name))
}

// Projects lists those who may read, by name.
func (s *Store) Projects(ctx context.Context, q db.Querier, who actor.Actor) ([]Project, error) {
	all, err := db.All(ctx, q, scanProject, projectColumns+` ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	out := []Project{}
	for _, p := range all {
		if s.access.Allowed(ctx, q, who, "read", projectResource(p.Name)) {
			out = append(out, p)
		}
	}
	return out, nil
}

// Abilities of who in the project, for screens.
func (s *Store) Abilities(ctx context.Context, q db.Querier, who actor.Actor, project string) map[string]bool {
	manage := s.access.Allowed(ctx, q, who, "manage", projectResource(project))
	return map[string]bool{
		"run_adhoc":    s.access.Allowed(ctx, q, who, "run", access.Resource{Project: project, Type: "adhoc"}),
		"manage":       manage,
		"import":       s.access.Allowed(ctx, q, who, "create", kindResource(project, "job")) || manage,
		"allow_raw":    s.access.Allowed(ctx, q, who, "allow_raw", projectResource(project)),
		"import_nodes": s.access.Allowed(ctx, q, who, "create", kindResource(project, "node")),
	}
}

func kindResource(project, kind string) access.Resource {
	return access.Resource{Project: project, Type: "resource", Attrs: map[string]string{"kind": kind}}
}
