package job_test

import (
	"os"
	"strings"
	"testing"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/job"
	"muster/internal/node"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

func TestVersions(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	imp := func(text string) []node.ImportItem {
		var items []node.ImportItem
		o.Do(o.Admin, func(tx *db.Tx) (err error) {
			items, err = o.Jobs.Import(o.Ctx, tx, o.Admin, "demo", []byte(text), false)
			return err
		})
		return items
	}
	find := func(name string) job.Job {
		j, err := o.Jobs.Find(o.Ctx, o.DB.Read(), o.Op, "demo", name)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	v1 := "- name: a\n  group: g/h\n  uuid: u1\n  sequence:\n    commands:\n      - exec: one\n"
	if it := imp(v1)[0]; it.Result != node.Created {
		t.Error(it)
	}
	if it := imp(v1)[0]; it.Result != node.Unchanged {
		t.Error(it)
	}
	// The uuid stays the job's when it is renamed.
	v2 := strings.NewReplacer("name: a", "name: b", "one", "two").Replace(v1)
	if it := imp(v2)[0]; it.Result != node.Updated || !strings.Contains(it.Message, "g/h/a") {
		t.Error(it)
	}
	j := find("g/h/b")
	if j.Version != 2 || j.Def.Steps[0].ExecText != "two" || find("b").ID != j.ID || find("u1").ID != j.ID {
		t.Errorf("%+v", j)
	}
	old, err := o.Jobs.At(o.Ctx, o.DB.Read(), j.ID, 1)
	if err != nil || old.Def.Steps[0].ExecText != "one" || old.FullName() != "g/h/a" {
		t.Errorf("%v %+v", err, old)
	}
	vs, err := o.Jobs.Versions(o.Ctx, o.DB.Read(), j.ID)
	if err != nil || len(vs) != 2 || vs[0].Version != 2 || vs[1].Digest != old.Digest {
		t.Errorf("%v %+v", err, vs)
	}
	// Another job's name with this job's uuid.
	imp("- name: c\n  sequence:\n    commands:\n      - exec: x\n")
	if it := imp("- name: c\n  uuid: u1\n  sequence:\n    commands:\n      - exec: x\n")[0]; it.Result != node.Dropped {
		t.Error(it)
	}
	for _, name := range []string{"nope", "g/h/a"} {
		if _, err := o.Jobs.Find(o.Ctx, o.DB.Read(), o.Op, "", name); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := o.Jobs.Find(o.Ctx, o.DB.Read(), o.Op, "", "h/"); !strings.Contains(fault.Message(err), "g/h/b") {
		t.Errorf("no proposal: %v", err)
	}
	del := func() error {
		return o.Access.Do(o.Ctx, o.Admin, func(tx *db.Tx) error { return o.Jobs.Delete(o.Ctx, tx, o.Admin, "", j.ID) })
	}
	if err := del(); err != nil {
		t.Fatal(err)
	}
	if err := del(); !fault.Is(err, fault.NotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if it := imp(v1)[0]; it.Result != node.Created {
		t.Error("a deleted job's uuid is not free:", it)
	}
	err = o.Access.Do(o.Ctx, o.Op, func(tx *db.Tx) error {
		_, err := o.Jobs.Import(o.Ctx, tx, o.Op, "demo", []byte(v1), false)
		return err
	})
	if !fault.Is(err, fault.Denied) {
		t.Errorf("an operator imports: %v", err)
	}
}

func TestRawForms(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	o.Do(o.Admin, func(tx *db.Tx) error {
		items, err := o.Jobs.Import(o.Ctx, tx, o.Admin, "demo", []byte("- name: a\n  options: [{name: x}]\n  sequence:\n    commands:\n      - exec: echo ${unquotedoption.x}\n"), false)
		if err == nil && !strings.Contains(items[0].Message, "cannot run yet") {
			t.Error(items[0].Message)
		}
		if err != nil {
			return err
		}
		if err := o.Nodes.SetRaw(o.Ctx, tx, o.Admin, "demo", true); err != nil {
			return err
		}
		items, err = o.Jobs.Import(o.Ctx, tx, o.Admin, "demo", []byte("- name: b\n  options: [{name: x}]\n  sequence:\n    commands:\n      - exec: echo ${unquotedoption.x}\n"), true)
		if err == nil && strings.Contains(items[0].Message, "cannot run yet") {
			t.Error(items[0].Message)
		}
		return err
	})
}

// Rules speak of jobs by name, so a new name is a matter of rights too: neither
// into nor out of what somebody may change.
func TestRenameNeedsBothNames(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Access.Put(o.Ctx, tx, o.Admin, "demo", "authors", "description: Operators write the jobs of dev\ncontext: {project: demo}\nfor:\n  resource:\n    - equals: {kind: job}\n      allow: [create]\n  job:\n    - match: {group: dev}\n      allow: [update]\nby: {group: operator}\n")
		return err
	})
	o.Import("- name: a\n  group: dev\n  uuid: u1\n  sequence:\n    commands:\n      - exec: one\n- name: b\n  group: prod\n  uuid: u2\n  sequence:\n    commands:\n      - exec: one\n")
	imp := func(group, uuid string) error {
		return o.Access.Do(o.Ctx, o.Op, func(tx *db.Tx) error {
			_, err := o.Jobs.Import(o.Ctx, tx, o.Op, "demo", []byte("- name: c\n  group: "+group+"\n  uuid: "+uuid+"\n  sequence:\n    commands:\n      - exec: two\n"), false)
			return err
		})
	}
	if err := imp("prod", "u1"); !fault.Is(err, fault.Denied) {
		t.Errorf("a job was moved to where its author may change nothing: %v", err)
	}
	if err := imp("dev", "u2"); !fault.Is(err, fault.Denied) {
		t.Errorf("somebody else's job was taken: %v", err)
	}
	if err := imp("dev", "u1"); err != nil {
		t.Errorf("an author renames a job of their own: %v", err)
	}
}

// A uuid is one job's in its project only, and no door takes another project's.
func TestOneUUIDInSeveralProjects(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	text, err := os.ReadFile("testdata/same-uuid.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const uuid = "aaaa0000-1111-2222-3333-444455556666"
	for _, p := range []string{"aaa", "rd", "vault"} {
		o.Do(o.Admin, func(tx *db.Tx) error {
			if _, err := o.Nodes.CreateProject(o.Ctx, tx, o.Admin, node.NewProject{Name: p}); err != nil {
				return err
			}
			_, err := o.Jobs.Import(o.Ctx, tx, o.Admin, p, text, false)
			return err
		})
	}
	closed := func(project, group string) {
		o.Do(o.Admin, func(tx *db.Tx) error {
			_, err := o.Access.Put(o.Ctx, tx, o.Admin, project, "default", "description: only these\nfor:\n  job:\n    - allow: '*'\n  resource:\n    - equals: {kind: job}\n      allow: '*'\nby: {group: "+group+"}\n")
			return err
		})
	}
	closed("vault", "administrator")
	get := func(who actor.Actor, project, ref string) (job.Job, error) {
		return o.Jobs.Get(o.Ctx, o.DB.Read(), who, project, ref)
	}
	_, err = get(o.Op, "", uuid)
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "project aaa") || !strings.Contains(err.Error(), "project rd") || strings.Contains(err.Error(), "vault") {
		t.Errorf("two that may be read: %v", err)
	}
	for _, err := range []error{
		func() error { _, err := o.Request(o.Op, run.Request{JobID: uuid}); return err }(),
		func() error { _, err := o.Runs.Preview(o.Ctx, o.DB.Read(), o.Op, run.Request{JobID: uuid}); return err }(),
		func() error {
			return o.Access.Do(o.Ctx, o.Admin, func(tx *db.Tx) error { return o.Jobs.Delete(o.Ctx, tx, o.Admin, "", uuid) })
		}(),
	} {
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("a door takes one of several: %v", err)
		}
	}
	if j, err := get(o.Op, "rd", uuid); err != nil || j.Project != "rd" {
		t.Errorf("%v in %s", err, j.Project)
	}
	if _, err := get(o.Op, "vault", uuid); !fault.Is(err, fault.NotFound) {
		t.Errorf("a project that may not be read: %v", err)
	}
	// With rights in one project only, there is nothing to choose from.
	closed("aaa", "administrator")
	if j, err := get(o.Op, "", uuid); err != nil || j.Project != "rd" {
		t.Errorf("%v in %s", err, j.Project)
	}
	o.Do(o.Admin, func(tx *db.Tx) error { return o.Jobs.Delete(o.Ctx, tx, o.Admin, "aaa", uuid) })
	if j, err := get(o.Op, "", uuid); err != nil || j.Project != "rd" {
		t.Errorf("after the other was deleted: %v in %s", err, j.Project)
	}
	// An id names one job, whatever uuids others brought along.
	first := o.Import("- name: first\n  sequence: {commands: [{exec: x}]}\n")
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Jobs.Import(o.Ctx, tx, o.Admin, "rd", []byte("- name: copy\n  uuid: "+first+"\n  sequence: {commands: [{exec: x}]}\n"), false)
		return err
	})
	if j, err := get(o.Op, "", first); err != nil || j.Project != "demo" {
		t.Errorf("%v in %s", err, j.Project)
	}
	if j, err := get(o.Op, "rd", first); err != nil || j.FullName() != "copy" {
		t.Errorf("%v %s", err, j.FullName())
	}
}
