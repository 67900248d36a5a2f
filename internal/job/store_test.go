package job_test

import (
	"strings"
	"testing"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/job"
	"muster/internal/node"
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
		return o.Access.Do(o.Ctx, o.Admin, func(tx *db.Tx) error { return o.Jobs.Delete(o.Ctx, tx, o.Admin, j.ID) })
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
