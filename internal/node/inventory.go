package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// Imported records a node list that was taken in.
type Imported struct {
	Source    string   `json:"source" class:"public"`
	Created   []string `json:"created" class:"internal"`
	Updated   []string `json:"updated" class:"internal"`
	Removed   []string `json:"removed" class:"internal"`
	Unchanged int      `json:"unchanged" class:"public"`
	Dropped   int      `json:"dropped" class:"public"`
	// Environment before, of nodes whose environment changed or which are gone.
	Before map[string]string `json:"environment_before,omitempty" class:"internal"`
}

func (Imported) EventKind() string { return "node.Imported" }

// MayImport says whether who may import nodes at all, before the content is
// looked at.
func (s *Store) MayImport(ctx context.Context, q db.Querier, who actor.Actor, project string) error {
	return s.access.Check(ctx, q, who, "create", kindResource(project, "node"))
}

// Document is a parsed node list.
type Document struct {
	list  []parsed
	items []ImportItem
}

// Read parses a node list.
func Read(content []byte) (Document, error) {
	list, items, err := parse(content)
	return Document{list, items}, err
}

// Import is Take of a list that is not parsed yet: for small ones, since it is
// parsed while others wait for the transaction.
func (s *Store) Import(ctx context.Context, tx *db.Tx, who actor.Actor, project, source string, content []byte, dry bool) ([]ImportItem, error) {
	p, err := s.Project(ctx, tx, project)
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
	return s.Take(ctx, tx, who, p.Name, source, doc, dry)
}

// Take takes in a node list. The list replaces what the same source gave
// before: nodes it no longer has are removed, while a node that is wrong in the
// new list keeps its earlier definition. With dry only the report is made.
func (s *Store) Take(ctx context.Context, tx *db.Tx, who actor.Actor, project, source string, doc Document, dry bool) ([]ImportItem, error) {
	p, err := s.Project(ctx, tx, project)
	if err != nil {
		return nil, err
	}
	if err := s.MayImport(ctx, tx, who, p.Name); err != nil {
		return nil, err
	}
	if source = strings.TrimSpace(source); source == "" {
		source = "nodes"
	}
	if len(source) > 200 {
		return nil, fault.Field("name", "The source's name has more than 200 characters. Shorten it.")
	}
	list, items := doc.list, slices.Clone(doc.items)
	before, err := s.all(ctx, tx, p.Name)
	if err != nil {
		return nil, err
	}
	old := map[string]Node{}
	for _, n := range before {
		old[n.Name] = n
	}
	ev := Imported{Source: source, Created: []string{}, Updated: []string{}, Removed: []string{}, Dropped: len(items)}
	replaced, environments := map[string]*Node{}, map[string]string{}
	keep := map[string]bool{}
	for _, it := range items {
		keep[it.Name] = true
	}
	report := []ImportItem{}
	mayLocal := s.access.Allowed(ctx, tx, who, "manage", projectResource(p.Name))
	now := db.Micro(s.clock.Now())
	for _, n := range list {
		n.Source = source
		n.judge(p.Environments)
		if r := n.remark(); r != "" {
			n.remarks = append(slices.Clone(n.remarks), Remark{Kind: Note, Text: r})
		}
		keep[n.Name] = true
		it := ImportItem{Name: n.Name, Result: Created, Line: n.line, Message: Sentences(n.remarks), Remarks: n.remarks}
		if was, ok := old[n.Name]; ok {
			it.Result = Updated
			if was.same(n.Node) {
				it.Result = Unchanged
			} else if was.Source != source {
				it.Message = strings.TrimSpace(fmt.Sprintf("It came from %s before. %s", was.Source, it.Message))
			}
		}
		// Where the settings let a step there have Muster's own rights, the master
		// key's file is among them: more than the rights to an inventory give.
		if it.Result != Unchanged && n.Executor() == "local" && !mayLocal {
			it.Remarks = nil
			it.Result, it.Message = Dropped, "Steps on a node with `node-executor: local` run on Muster's own machine, with what it can reach there. Only somebody who may manage the project in the office's policy can add or change it."
		}
		report = append(report, it)
		switch it.Result {
		case Dropped:
			ev.Dropped++
			continue
		case Unchanged:
			ev.Unchanged++
			continue
		case Created:
			ev.Created = append(ev.Created, n.Name)
			replaced[n.Name] = nil
		case Updated:
			ev.Updated = append(ev.Updated, n.Name)
			was := old[n.Name]
			replaced[n.Name] = &was
			if was.Environment() != n.Environment() {
				environments[n.Name] = was.Environment()
			}
		}
		if dry {
			continue
		}
		if _, err := tx.Exec(ctx, `INSERT INTO node (project, name, source, attrs, updated_at) VALUES ($1,$2,$3,$4,$5)
ON CONFLICT (project, name) DO UPDATE SET source = excluded.source, attrs = excluded.attrs, updated_at = excluded.updated_at`,
			p.Name, n.Name, source, db.JSON(n.Attrs), now); err != nil {
			return nil, fmt.Errorf("store node: %w", err)
		}
	}
	report = append(report, items...)
	for _, n := range before {
		if n.Source != source || keep[n.Name] {
			continue
		}
		ev.Removed = append(ev.Removed, n.Name)
		replaced[n.Name], environments[n.Name] = &n, n.Environment()
		report = append(report, ImportItem{Name: n.Name, Result: Dropped, Message: "It is no longer in the list and was removed."})
		if dry {
			continue
		}
		if _, err := tx.Exec(ctx, `DELETE FROM node WHERE project = $1 AND name = $2`, p.Name, n.Name); err != nil {
			return nil, fmt.Errorf("remove node: %w", err)
		}
	}
	slices.SortStableFunc(report, func(a, b ImportItem) int { return place(a) - place(b) })
	if dry || len(ev.Created)+len(ev.Updated)+len(ev.Removed) == 0 {
		return report, nil
	}
	if len(environments) > 0 {
		ev.Before = environments
	}
	for _, fn := range s.changed {
		if err := fn(ctx, tx, who, p.Name, replaced); err != nil {
			return nil, err
		}
	}
	return report, s.ledger.Append(ctx, tx, who, ledger.About{Resource: "project:" + p.ID, Project: p.Name}, ev)
}

// Sentences is what remarks say in one text.
func Sentences(rs []Remark) string {
	out := make([]string, len(rs))
	for i, r := range rs {
		out[i] = r.String()
	}
	return strings.Join(out, " ")
}

// Changed is told what nodes were before a change, in its transaction; nil for
// those that are new.
type Changed func(ctx context.Context, tx *db.Tx, who actor.Actor, project string, was map[string]*Node) error

// OnChanged registers fn.
func (s *Store) OnChanged(fn Changed) { s.changed = append(s.changed, fn) }

// place orders a report by line, what has none last.
func place(i ImportItem) int {
	if i.Line == 0 {
		return 1 << 30
	}
	return i.Line
}

func (s *Store) vocabulary(ctx context.Context, q db.Querier, project string) (Vocabulary, error) {
	var words string
	if err := q.QueryRow(ctx, `SELECT environments FROM project WHERE name = $1`, project).Scan(&words); err != nil && !db.IsNoRows(err) {
		return nil, fmt.Errorf("read project: %w", err)
	}
	return readVocabulary(words)
}

func (s *Store) all(ctx context.Context, q db.Querier, project string) ([]Node, error) {
	vocabulary, err := s.vocabulary(ctx, q, project)
	if err != nil {
		return nil, err
	}
	out, err := db.All(ctx, q, func(r db.Scanner) (n Node, err error) {
		var attrs string
		var contact int64
		if err = r.Scan(&n.Name, &n.Source, &attrs, &n.changed, &contact, &n.ContactError); err != nil {
			return n, err
		}
		n.ContactAt = db.At(contact)
		n.Attrs, err = db.FromJSON[map[string]string](attrs)
		n.fill()
		n.judge(vocabulary)
		return n, err
	}, `SELECT name, source, attrs, updated_at, contact_at, contact_error FROM node WHERE project = $1`, project)
	if err != nil {
		return nil, fmt.Errorf("read nodes: %w", err)
	}
	// Not by SQL: collations differ, and digests depend on the order.
	slices.SortFunc(out, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Described is a node that is not in the inventory, of attributes: for who asks
// what would hold for it.
func (s *Store) Described(ctx context.Context, q db.Querier, project, name string, attrs map[string]string, tags []string) (Node, error) {
	words, err := s.vocabulary(ctx, q, project)
	if err != nil {
		return Node{}, err
	}
	n := Node{Name: name, Attrs: maps.Clone(attrs)}
	n.Attrs["tags"] = strings.Join(append(slices.Clone(tags), splitTags(attrs["tags"])...), ",")
	n.fill()
	n.judge(words)
	return n, nil
}

// Contacted notes of each of the nodes that a run just tried to reach it: with ""
// it could, with a text that says why not.
func (s *Store) Contacted(ctx context.Context, tx *db.Tx, project string, nodes map[string]string) error {
	now := db.Micro(s.clock.Now())
	names := slices.Sorted(maps.Keys(nodes)) // in one order, so that two runs do not wait for each other
	for _, n := range names {
		if _, err := tx.Exec(ctx, `UPDATE node SET contact_at = $3, contact_error = $4 WHERE project = $1 AND name = $2`, project, n, now, nodes[n]); err != nil {
			return fmt.Errorf("note contact: %w", err)
		}
	}
	return nil
}

// All gives every node of the project, by name.
func (s *Store) All(ctx context.Context, q db.Querier, project string) ([]Node, error) {
	return s.all(ctx, q, project)
}

// Resolve gives the nodes filter picks and exclude does not, by name. An empty
// filter picks none. With includeWins a node both pick stays in.
func (s *Store) Resolve(ctx context.Context, q db.Querier, project string, filter, exclude Filter, includeWins bool) ([]Node, error) {
	out := []Node{}
	if filter.Empty() {
		return out, nil
	}
	all, err := s.all(ctx, q, project)
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		if filter.Match(n) && (includeWins || !exclude.Match(n)) {
			out = append(out, n)
		}
	}
	return out, nil
}

// Resource describes n to access rules.
func Resource(project string, n Node) access.Resource {
	attrs := map[string]string{"nodename": n.Name, "name": n.Name}
	for k, v := range n.Attrs {
		attrs[k] = v
	}
	delete(attrs, "tags")
	// One that is not known to be harmless is production to every rule.
	words := n.Environments()
	attrs[AttrEnvironment] = words[0]
	return access.Resource{Project: project, Type: "node", Attrs: attrs, Also: map[string][]string{AttrEnvironment: words[1:]}, Tags: n.Tags, Name: n.Name}
}

// Readable lists the nodes who may read that filter picks; an empty filter
// lists all.
func (s *Store) Readable(ctx context.Context, q db.Querier, who actor.Actor, project, filter string) ([]Node, error) {
	p, err := s.Visible(ctx, q, who, project)
	if err != nil {
		return nil, err
	}
	f, err := ParseFilter(filter)
	if err != nil {
		return nil, err
	}
	all, err := s.all(ctx, q, p.Name)
	if err != nil {
		return nil, err
	}
	may, err := s.access.Judge(ctx, q, who)
	if err != nil {
		return nil, err
	}
	out := []Node{}
	for _, n := range all {
		if (f.Empty() || f.Match(n)) && may.Allowed("read", Resource(p.Name, n)) {
			out = append(out, n)
		}
	}
	return out, nil
}
