// Package ledger records what happened, who did it and whether it was allowed.
//
// Invariant: an event is written in the transaction of the change it tells of
// (no ledger write, no effect) and sealed in that same transaction: it gets
// the next number, its hash joins a Merkle tree, and a checkpoint over the
// whole tree is signed. There is no unsealed tail. Audit, timeline and screens
// are three readings of these rows; what events mean is left to their readers.
package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/mod/sumdb/tlog"

	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/id"
	"muster/internal/meter"
)

// Event is a struct whose fields carry a class: `class:"public"` and
// `class:"internal"` are part of the record, `class:"secret"` (personal or
// secret text) is stored apart with only a commitment in the record. A field
// without a class counts as secret.
type Event interface{ EventKind() string }

// Outcome of what the event tells.
type Outcome string

const (
	Done   Outcome = "done"
	Denied Outcome = "denied"
	Failed Outcome = "failed"
)

// About says what an event concerns.
type About struct {
	Resource string // "run:<id>", "room:<id>", …
	Room     string // room id
	Incident string // incident id
	Project  string
	OnBehalf string // user id when a bot or the system acts for a person
	Outcome  Outcome
}

// Record is a stored event as it is read.
type Record struct {
	Body
	Hash string `json:"hash" doc:"Leaf hash of the sealed body, hex"`
}

// Body is what is sealed of an event.
type Body struct {
	N         int64          `json:"n" doc:"Position in the ledger, from 0"`
	ID        string         `json:"id"`
	At        time.Time      `json:"at"`
	Kind      string         `json:"kind" doc:"What happened, e.g. run.Requested"`
	Version   int            `json:"v"`
	ActorID   string         `json:"actor_id"`
	ActorName string         `json:"actor_name"`
	ActorKind string         `json:"actor_kind"`
	OnBehalf  string         `json:"on_behalf,omitempty"`
	Resource  string         `json:"resource"`
	Room      string         `json:"room"`
	Incident  string         `json:"incident"`
	Project   string         `json:"project"`
	Door      string         `json:"door"`
	Request   string         `json:"request,omitempty"`
	Session   string         `json:"session,omitempty" doc:"Id of the sign-in by which it was done"`
	Token     string         `json:"token,omitempty" doc:"Id of the API token by which it was done"`
	Via       string         `json:"via,omitempty" doc:"Who made that API token, when that is not the actor: a user id, or system:console"`
	ViaName   string         `json:"via_name,omitempty" doc:"Their display name"`
	Address   string         `json:"address,omitempty" doc:"Where the request came from"`
	Outcome   string         `json:"outcome" enum:"done,denied,failed"`
	Fields    map[string]any `json:"fields" doc:"Public and internal details"`
	// Private maps a field stored apart to the SHA-256 of salt and value.
	Private map[string]string `json:"private,omitempty"`
}

// Ledger appends and reads.
type Ledger struct {
	clock clock.Clock
	bus   bus.Bus
	keys  Keys

	sealing *meter.Histogram
	heard   []func(Body)
	within  []Within
}

// New makes a ledger that signs with keys and tells screens through b.
func New(c clock.Clock, b bus.Bus, keys Keys) *Ledger { return &Ledger{clock: c, bus: b, keys: keys} }

// Measure shows how long sealing takes. Call it before the first event.
func (l *Ledger) Measure(m *meter.Meter) {
	l.sealing = m.Histogram("ledger_seal_seconds", "Numbering, hashing and signing the events of one transaction, waiting for the ledger's lock included.", meter.Fast)
}

// Hear lets fn hear of every event once it is durable. It must not block, and is
// told by the server that made the event only: for counting, not for acting.
func (l *Ledger) Hear(fn func(Body)) { l.heard = append(l.heard, fn) }

// Within is told of an event in its transaction, before it is numbered. Its error
// undoes the transaction.
type Within func(ctx context.Context, tx *db.Tx, who actor.Actor, r Body) error

// Watch lets fn hear of every event in the transaction of what it tells of: for
// what has to be written with it whoever made it happen. Call it before the first.
func (l *Ledger) Watch(fn Within) { l.within = append(l.within, fn) }

type private struct {
	event, field string
	value        string
}

type pendingKey struct{ *Ledger }

type pending struct {
	records []Body
	private []private
}

// Append records ev in tx. It is numbered and sealed as the last thing before
// the commit; if that fails, nothing of the transaction happens.
func (l *Ledger) Append(ctx context.Context, tx *db.Tx, who actor.Actor, about About, ev Event) error {
	if who.ID == "" {
		return fmt.Errorf("record %s: nobody acts", ev.EventKind())
	}
	if about.Outcome == "" {
		about.Outcome = Done
	}
	r := Body{
		ID: id.New(), At: l.clock.Now(), Kind: ev.EventKind(), Version: 1,
		ActorID: who.ID, ActorName: who.Name, ActorKind: string(who.Kind), OnBehalf: about.OnBehalf,
		Resource: about.Resource, Room: about.Room, Incident: about.Incident, Project: about.Project,
		Door: who.Door, Request: who.Request, Outcome: string(about.Outcome), Fields: map[string]any{},
	}
	hand := who.Hand(ctx)
	if r.Session = hand.Session; hand.Token {
		r.Session, r.Token = "", hand.Session
	}
	r.Via, r.ViaName, r.Address = hand.LentBy, hand.LentName, hand.Address
	p := tx.Value(pendingKey{l}, func() any { return &pending{} }).(*pending)
	if err := classify(ev, &r, p); err != nil {
		return fmt.Errorf("record %s: %w", r.Kind, err)
	}
	if len(p.records) == 0 {
		tx.BeforeCommit(func(ctx context.Context) error {
			now := *p
			*p = pending{} // what is recorded after this is sealed by a hook of its own
			return l.seal(ctx, tx, &now)
		})
	}
	p.records = append(p.records, r)
	for _, fn := range l.within {
		if err := fn(ctx, tx, who, r); err != nil {
			return fmt.Errorf("record %s: %w", r.Kind, err)
		}
	}
	return nil
}

// classify sorts the event's fields into the record or apart from it.
func classify(ev Event, r *Body, p *pending) error {
	v := reflect.Indirect(reflect.ValueOf(ev))
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || strings.Contains(opts, "omitempty") && v.Field(i).IsZero() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		switch f.Tag.Get("class") {
		case "public", "internal":
			r.Fields[name] = v.Field(i).Interface()
		default:
			if v.Field(i).IsZero() {
				continue
			}
			b, err := json.Marshal(v.Field(i).Interface())
			if err != nil {
				return err
			}
			salt := make([]byte, 16)
			_, _ = rand.Read(salt)
			salted := string(salt) + string(b)
			sum := sha256.Sum256([]byte(salted))
			if r.Private == nil {
				r.Private = map[string]string{}
			}
			r.Private[name] = hex.EncodeToString(sum[:])
			p.private = append(p.private, private{r.ID, name, salted})
		}
	}
	return nil
}

// advisory is the PostgreSQL lock under which records get their numbers. It is
// taken as the last lock of a transaction, so it cannot be part of a cycle.
const advisory = 0x6d757374 // "must"

func (l *Ledger) seal(ctx context.Context, tx *db.Tx, p *pending) error {
	began := time.Now()
	if tx.Dialect() == db.Postgres {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(advisory)); err != nil {
			return fmt.Errorf("lock the ledger: %w", err)
		}
	}
	var size int64
	if err := tx.QueryRow(ctx, `SELECT size FROM ledger_head WHERE one = 1`).Scan(&size); err != nil && !db.IsNoRows(err) {
		return fmt.Errorf("read the ledger's head: %w", err)
	}
	h := &hashes{ctx: ctx, q: tx, cache: map[int64]tlog.Hash{}}
	incidents := map[string]bool{}
	for i := range p.records {
		r := &p.records[i]
		r.N = size
		size++
		body, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("record %s: %w", r.Kind, err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO ledger_event (n, id, at, kind, actor, resource, room, incident, project, outcome, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			r.N, r.ID, db.Micro(r.At), r.Kind, r.ActorID, r.Resource, r.Room, r.Incident, r.Project, r.Outcome, string(body)); err != nil {
			return fmt.Errorf("record %s: %w", r.Kind, err)
		}
		stored, err := tlog.StoredHashes(r.N, body, h)
		if err != nil {
			return fmt.Errorf("seal %s: %w", r.Kind, err)
		}
		at := tlog.StoredHashIndex(0, r.N)
		for j, hash := range stored {
			h.cache[at+int64(j)] = hash
			if _, err := tx.Exec(ctx, `INSERT INTO ledger_hash (n, h) VALUES ($1, $2)`, at+int64(j), hash[:]); err != nil {
				return fmt.Errorf("seal %s: %w", r.Kind, err)
			}
		}
		if r.Incident != "" {
			incidents[r.Incident] = true
		}
	}
	for _, s := range p.private {
		sealed, err := l.keys.lock(s.event+"/"+s.field, []byte(s.value))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO ledger_private (event, field, sealed) VALUES ($1, $2, $3)`, s.event, s.field, sealed); err != nil {
			return fmt.Errorf("store private text: %w", err)
		}
	}
	root, err := tlog.TreeHash(size, h)
	if err != nil {
		return fmt.Errorf("hash the ledger: %w", err)
	}
	signed, err := l.keys.sign(Checkpoint{Size: size, Root: root, At: p.records[len(p.records)-1].At})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO ledger_head (one, size, note) VALUES (1, $1, $2) ON CONFLICT (one) DO UPDATE SET size = excluded.size, note = excluded.note`, size, signed); err != nil {
		return fmt.Errorf("store the checkpoint: %w", err)
	}
	l.sealing.Since(began)
	tx.AfterCommit(func() {
		for inc := range incidents {
			l.bus.Publish("incident:"+inc, map[string]string{"type": "timeline"})
		}
		for _, fn := range l.heard {
			for _, r := range p.records {
				fn(r)
			}
		}
	})
	return nil
}

// hashes reads the tree's stored hashes, remembering those of this transaction.
type hashes struct {
	ctx   context.Context
	q     db.Querier
	cache map[int64]tlog.Hash
}

func (h *hashes) ReadHashes(ix []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(ix))
	for i, n := range ix {
		if c, ok := h.cache[n]; ok {
			out[i] = c
			continue
		}
		var b []byte
		if err := h.q.QueryRow(h.ctx, `SELECT h FROM ledger_hash WHERE n = $1`, n).Scan(&b); err != nil {
			return nil, fmt.Errorf("stored hash %d: %w", n, err)
		}
		if len(b) != tlog.HashSize {
			return nil, fmt.Errorf("stored hash %d has %d bytes", n, len(b))
		}
		copy(out[i][:], b)
		h.cache[n] = out[i]
	}
	return out, nil
}

// Filter narrows a reading; empty fields do not.
type Filter struct {
	Incident, Room, Actor, Resource, Project string
	Kinds                                    []string
	AfterN                                   int64     // records with n > AfterN; -1 or 0-with-Newest=false from the start
	BeforeN                                  int64     // records with n < BeforeN; 0 no bound
	From, To                                 time.Time // records of From and later, and before To; zero no bound
	Newest                                   bool      // newest first
	Limit                                    int       // 0: 1000, at most 10000
}

// Events reads records. An empty answer is an empty slice.
func (l *Ledger) Events(ctx context.Context, q db.Querier, f Filter) ([]Record, error) {
	var where strings.Builder
	args := []any{f.AfterN}
	where.WriteString("n > $1")
	if f.AfterN == 0 {
		where.Reset()
		where.WriteString("n >= $1")
	}
	and := func(col string, v any) {
		args = append(args, v)
		fmt.Fprintf(&where, " AND %s $%d", col, len(args))
	}
	if f.BeforeN > 0 {
		and("n <", f.BeforeN)
	}
	if !f.From.IsZero() {
		and("at >=", db.Micro(f.From))
	}
	if !f.To.IsZero() {
		and("at <", db.Micro(f.To))
	}
	for _, c := range []struct{ col, v string }{{"incident =", f.Incident}, {"room =", f.Room}, {"actor =", f.Actor}, {"resource =", f.Resource}, {"project =", f.Project}} {
		if c.v != "" {
			and(c.col, c.v)
		}
	}
	if len(f.Kinds) > 0 {
		where.WriteString(" AND kind IN (")
		for i, k := range f.Kinds {
			args = append(args, k)
			if i > 0 {
				where.WriteString(", ")
			}
			fmt.Fprintf(&where, "$%d", len(args))
		}
		where.WriteString(")")
	}
	order := "ASC"
	if f.Newest {
		order = "DESC"
	}
	limit := f.Limit
	if limit <= 0 {
		limit = 1000
	}
	args = append(args, min(limit, 10000))
	rs, err := db.All(ctx, q, scanRecord, fmt.Sprintf("SELECT body FROM ledger_event WHERE %s ORDER BY n %s LIMIT $%d", where.String(), order, len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return rs, nil
}

func scanRecord(s db.Scanner) (r Record, err error) {
	var body string
	if err := s.Scan(&body); err != nil {
		return r, err
	}
	if err := json.Unmarshal([]byte(body), &r.Body); err != nil {
		return r, err
	}
	h := tlog.RecordHash([]byte(body))
	r.Hash = hex.EncodeToString(h[:])
	return r, nil
}

// Reveal opens the private fields of an event that were not destroyed.
func (l *Ledger) Reveal(ctx context.Context, q db.Querier, event string) (map[string]any, error) {
	type row struct {
		field  string
		sealed []byte
	}
	rows, err := db.All(ctx, q, func(s db.Scanner) (r row, err error) { return r, s.Scan(&r.field, &r.sealed) }, `SELECT field, sealed FROM ledger_private WHERE event = $1`, event)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, r := range rows {
		b, err := l.keys.unlock(event+"/"+r.field, r.sealed)
		if err != nil || len(b) < 16 {
			return nil, fmt.Errorf("private field %s of event %s cannot be opened with this key: %w", r.field, event, err)
		}
		var v any
		if err := json.Unmarshal(b[16:], &v); err != nil {
			return nil, err
		}
		out[r.field] = v
	}
	return out, nil
}

// Erase destroys the private text of an event. The record and its seal stay.
func (l *Ledger) Erase(ctx context.Context, tx *db.Tx, event string) error {
	_, err := tx.Exec(ctx, `DELETE FROM ledger_private WHERE event = $1`, event)
	return err
}

func (k Keys) lock(ad string, plain []byte) ([]byte, error) {
	a, err := chacha20poly1305.NewX(k.Private)
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w", err)
	}
	nonce := make([]byte, a.NonceSize())
	_, _ = rand.Read(nonce)
	return a.Seal(nonce, nonce, plain, []byte(ad)), nil
}

func (k Keys) unlock(ad string, sealed []byte) ([]byte, error) {
	a, err := chacha20poly1305.NewX(k.Private)
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w", err)
	}
	if len(sealed) < a.NonceSize() {
		return nil, fmt.Errorf("sealed text is cut short")
	}
	return a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], []byte(ad))
}
