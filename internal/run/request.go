package run

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/job"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/task"
)

const (
	taskExecute = "run.execute"
	taskExpire  = "run.expire"
)

type taskArgs struct {
	Run string `json:"run"`
}

// Request asks for a run. It is queued at once, or waits when the project's
// rules demand approval.
func (s *Store) Request(ctx context.Context, tx *db.Tx, who actor.Actor, in Request) (Run, error) {
	if len(in.Key) > 100 {
		return Run{}, fault.Field("key", "The key has more than 100 characters. Use a UUID.")
	}
	if in.Key != "" {
		r, err := db.One(ctx, tx, scan, columns+` WHERE requested_by = $1 AND client_key = $2`, who.ID, in.Key)
		if err == nil {
			same, err := s.answers(ctx, tx, &r, in)
			if err != nil {
				return r, err
			}
			if !same {
				return Run{}, fault.Newf(fault.Conflict, "The key was used for run #%d, which asked for something else: another job or command, other options, nodes, filter or room. Take a new key for each request.", r.Number)
			}
			return r, s.fill(ctx, tx, &r)
		} else if !db.IsNoRows(err) {
			return r, fmt.Errorf("read run: %w", err)
		}
	}
	p, err := s.look(ctx, tx, who, in)
	if err != nil {
		return Run{}, err
	}
	if p.denied != nil {
		return Run{}, p.denied
	}
	if err := job.AsError(p.problems); err != nil {
		return Run{}, err
	}
	if p.job != nil && !p.job.Def.Multiple {
		if err := s.Jobs.Lock(ctx, tx, p.job.ID); err != nil {
			return Run{}, err
		}
		if err := s.alone(ctx, tx, p.job.ID); err != nil {
			return Run{}, err
		}
	}
	about, err := s.about(ctx, tx, who, in.Room)
	if err != nil {
		return Run{}, err
	}
	r := Run{Command: p.spec.Command, NodeFilter: p.spec.Shown, Steps: p.steps, RequestBy: who.ID, hand: handOf(who), spec: p.spec, Abilities: map[string]bool{}, Nodes: []RunNode{}, Options: []RunOption{}}
	r.RunSummary = RunSummary{ID: id.New(), Project: p.project.Name, Kind: KindAdhoc, Title: p.title, Environment: p.environment, Production: p.production, RequestedBy: who.ID, Via: who.Via(),
		RoomID: about.Room, IncidentID: about.Incident, RequestedAt: s.clock.Now(), Progress: RunProgress{Total: len(p.nodes)}}
	if p.job != nil {
		r.Kind, r.Job, r.JobID, r.JobGroup, r.JobUUID = KindJob, &RunJob{p.job.ID, p.job.FullName(), p.job.Version}, p.job.ID, p.job.Group, p.job.UUID
	}
	sec, err := s.seal(ctx, tx, &r, p)
	if err != nil {
		return r, err
	}
	r.Digest = p.material(sec).digest()
	if err := tx.QueryRow(ctx, `INSERT INTO counter (name, value) VALUES ('run', 1) ON CONFLICT (name) DO UPDATE SET value = counter.value + 1 RETURNING value`).Scan(&r.Number); err != nil {
		return r, fmt.Errorf("number run: %w", err)
	}
	r.State = Queued
	if p.need != nil {
		r.State, r.Reason = Waiting, "waits for approval"
	}
	if err := s.insert(ctx, tx, who, &r, p); err != nil {
		return r, err
	}
	ev := Requested{Run: r.Number, Kind: r.Kind, Title: r.Title, Command: r.Command, Environment: r.Environment, Nodes: names(p), NodeCount: len(p.nodes), Digest: r.Digest, State: r.State}
	if r.Job != nil {
		ev.Job, ev.Version = r.Job.Name, r.Job.Version
	}
	if err := s.Ledger.Append(ctx, tx, who, r.about(), ev); err != nil {
		return r, err
	}
	if p.need != nil {
		attrs := map[string]string{"environment": r.Environment, "kind": r.Kind, "name": r.Title}
		if r.Job != nil {
			attrs["job"], attrs["group"] = r.Job.Name, r.JobGroup
		}
		a, err := s.Approvals.Ask(ctx, tx, who, approval.Ask{Project: r.Project, Subject: "run:" + r.ID, Digest: r.Digest, Summary: r.sentence(), Attrs: attrs, Requirement: *p.need, Room: r.RoomID, Incident: r.IncidentID})
		if err != nil {
			return r, err
		}
		r.ApprovalID = a.ID
		if _, err := tx.Exec(ctx, `UPDATE run SET approval = $2 WHERE id = $1`, r.ID, a.ID); err != nil {
			return r, fmt.Errorf("note approval: %w", err)
		}
		if err := s.tellApprovers(ctx, tx, &r, a); err != nil {
			return r, err
		}
		if err := s.Tasks.Enqueue(ctx, tx, taskExpire, taskArgs{r.ID}, task.Options{At: a.ExpiresAt, Key: r.ID}); err != nil {
			return r, err
		}
	} else if err := s.enqueue(ctx, tx, r.ID); err != nil {
		return r, err
	}
	if err := s.fill(ctx, tx, &r); err != nil {
		return r, err
	}
	if r.RoomID != "" {
		m, err := s.Messages.Post(ctx, tx, who, message.New{Room: r.RoomID, Card: s.card(r)})
		if err != nil {
			return r, err
		}
		r.MessageID = m.ID
		if _, err := tx.Exec(ctx, `UPDATE run SET message = $2 WHERE id = $1`, r.ID, m.ID); err != nil {
			return r, fmt.Errorf("note card: %w", err)
		}
	}
	s.shown(tx, r)
	s.decorate(ctx, tx, who, &r)
	return r, nil
}

// fingerprint is the whole of a request, secret values included, as it was sent:
// who repeats one sends the same. A job has several names, so which one it is
// resembles compares.
func (in Request) fingerprint() []byte {
	in.Filter, in.Key, in.version = strings.TrimSpace(in.Filter), "", 0
	if in.JobID != "" {
		in.JobID, in.Project = "", ""
	}
	if len(in.Nodes) == 0 {
		in.Nodes = nil
	}
	if len(in.Options) == 0 {
		in.Options = nil
	}
	b, _ := json.Marshal(in) // maps in the order of their keys
	sum := sha256.Sum256(b)
	return sum[:]
}

// askedPlace is where a request's fingerprint is sealed: bare, it would let
// anybody who reads the rows try passwords against it.
func askedPlace(runID string) string { return "request of " + place(runID) }

// answers says whether r is what in asks for.
func (s *Store) answers(ctx context.Context, q db.Querier, r *Run, in Request) (bool, error) {
	var sealed []byte
	if err := q.QueryRow(ctx, `SELECT asked FROM run WHERE id = $1`, r.ID).Scan(&sealed); err != nil {
		return false, fmt.Errorf("read what was asked for: %w", err)
	}
	if same := r.resembles(in); !same || len(sealed) == 0 {
		return same, nil
	}
	asked, err := s.Keys.Unseal(ctx, q, askedPlace(r.ID), sealed)
	return err == nil && bytes.Equal(asked, in.fingerprint()), err
}

// resembles compares all that stands in the run's row. Of runs of before requests
// were kept it is all there is: their options are not compared.
func (r *Run) resembles(in Request) bool {
	if r.spec.Filter != strings.TrimSpace(in.Filter) || !slices.Equal(r.spec.Nodes, in.Nodes) {
		return false
	}
	if in.JobID != "" {
		return (r.JobID == in.JobID || r.JobUUID == in.JobID) && (in.Project == "" || r.Project == in.Project)
	}
	return r.Kind == KindAdhoc && r.spec.Command == in.Command
}

// about finds the room a run is asked for in, and its incident.
func (s *Store) about(ctx context.Context, tx *db.Tx, who actor.Actor, roomRef string) (ledger.About, error) {
	if roomRef == "" {
		return ledger.About{}, nil
	}
	rm, err := s.Rooms.See(ctx, tx, who, roomRef)
	if err != nil {
		return ledger.About{}, err
	}
	return s.Rooms.About(ctx, tx, rm.ID)
}

// sentence says what is asked for: what an approver reads first.
func (r *Run) sentence() string {
	what := "Run " + r.Title
	if r.Kind == KindAdhoc {
		what = "Run the command " + r.Title
	}
	where := " on " + onNodes(r.Progress.Total)
	if r.Environment != "" {
		where += " of " + r.Environment
	}
	return what + where
}

func (s *Store) enqueue(ctx context.Context, tx *db.Tx, runID string) error {
	return s.Tasks.Enqueue(ctx, tx, taskExecute, taskArgs{runID}, task.Options{})
}

// alone refuses a second run of a job that allows one at a time.
func (s *Store) alone(ctx context.Context, q db.Querier, jobID string) error {
	var n int64
	err := q.QueryRow(ctx, `SELECT number FROM run WHERE job_id = $1 AND state IN ('queued', 'running', 'unknown') ORDER BY number LIMIT 1`, jobID).Scan(&n)
	if db.IsNoRows(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for other runs: %w", err)
	}
	return fault.Newf(fault.Conflict, "Run #%d of this job has not ended, and the job allows one at a time (multipleExecutions). Wait for it, stop it, or settle it.", n)
}

func place(runID string) string { return "run " + runID }

// seal keeps the secure values of a run, encrypted. They are given to the digest
// as HMACs under a key that is sealed with them.
func (s *Store) seal(ctx context.Context, tx *db.Tx, r *Run, p *plan) (sealedSecrets, error) {
	sec := sealedSecrets{Values: map[string]string{}}
	for _, name := range p.spec.Secure {
		sec.Values[name], _ = p.values.Get(name)
	}
	if len(sec.Values) == 0 {
		return sec, nil
	}
	sec.HMAC = make([]byte, 32)
	_, _ = rand.Read(sec.HMAC)
	plain, err := json.Marshal(sec)
	if err != nil {
		return sec, err
	}
	r.sealed, err = s.Keys.Seal(ctx, tx, place(r.ID), plain)
	return sec, err
}

func (s *Store) unseal(ctx context.Context, q db.Querier, r *Run) (sec sealedSecrets, err error) {
	sec.Values = map[string]string{}
	if len(r.sealed) == 0 {
		return sec, nil
	}
	plain, err := s.Keys.Unseal(ctx, q, place(r.ID), r.sealed)
	if err != nil {
		return sec, err
	}
	return sec, json.Unmarshal(plain, &sec)
}

func names(p *plan) []string {
	out := []string{}
	for _, n := range p.nodes[:min(len(p.nodes), 200)] {
		out = append(out, n.Name)
	}
	return out
}

func (s *Store) insert(ctx context.Context, tx *db.Tx, who actor.Actor, r *Run, p *plan) error {
	var version int64
	name := ""
	if p.job != nil {
		version, name = p.job.Version, p.job.Name
	}
	queued := int64(0)
	if r.State == Queued {
		queued = db.Micro(r.RequestedAt)
	}
	var key any
	var asked []byte
	if p.in.Key != "" {
		var err error
		if asked, err = s.Keys.Seal(ctx, tx, askedPlace(r.ID), p.in.fingerprint()); err != nil {
			return err
		}
		key = p.in.Key
	}
	if _, err := tx.Exec(ctx, `INSERT INTO run (id, number, project, kind, job_id, job_group, job_name, job_uuid, job_version, title, state, reason, environment, requested_by, requested_name, room, incident, message, client_key, spec, steps, secrets, digest, approval, requested_at, queued_at, total, hand, asked)
VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,'',$18,$19,$20,$21,$22,'',$23,$24,$25,$26,$27)`,
		r.ID, r.Number, r.Project, r.Kind, r.JobID, r.JobGroup, name, r.JobUUID, version, r.Title, r.State, r.Reason, r.Environment, who.ID, who.Name, r.RoomID, r.IncidentID, key,
		db.JSON(r.spec), db.JSON(r.Steps), r.sealed, r.Digest, db.Micro(r.RequestedAt), queued, len(p.nodes), db.JSON(r.hand), asked); err != nil {
		if db.IsUnique(err) && key != nil {
			return fault.New(fault.Conflict, "This request is already being handled. Send it again to get its run.")
		}
		return fmt.Errorf("store run: %w", err)
	}
	for from := 0; from < len(p.nodes); from += 100 {
		var b strings.Builder
		b.WriteString(`INSERT INTO run_node (run, place, name, identity, state) VALUES `)
		args := []any{r.ID}
		for i := from; i < min(from+100, len(p.nodes)); i++ {
			if i > from {
				b.WriteByte(',')
			}
			n := len(args)
			fmt.Fprintf(&b, "($1,$%d,$%d,$%d,'pending')", n+1, n+2, n+3)
			args = append(args, i, p.nodes[i].Name, db.JSON(p.identities[i]))
		}
		if _, err := tx.Exec(ctx, b.String(), args...); err != nil {
			return fmt.Errorf("store run's nodes: %w", err)
		}
	}
	return nil
}
