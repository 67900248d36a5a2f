package call

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
	"muster/internal/room"
)

// RecordingStarted is the ledger event of a call that is recorded from now on.
type RecordingStarted struct {
	Call string `json:"call" class:"public"`
}

func (RecordingStarted) EventKind() string { return "call.RecordingStarted" }

// RecordingStopped is the ledger event of a call that goes on without being recorded.
type RecordingStopped struct {
	Call   string `json:"call" class:"public"`
	Reason string `json:"reason" class:"internal"`
}

func (RecordingStopped) EventKind() string { return "call.RecordingStopped" }

// Recorded is the ledger event of a stretch of a voice that is kept.
type Recorded struct {
	Recording string `json:"recording" class:"public"`
	Call      string `json:"call" class:"public"`
	Person    string `json:"person" class:"public"`
	SHA256    string `json:"sha256" class:"public"` // of the whole file
	Bytes     int64  `json:"bytes" class:"public"`
	Seconds   int64  `json:"seconds" class:"public"`
	Offset    int64  `json:"offset" class:"public"` // milliseconds from the start of the call
}

func (Recorded) EventKind() string { return "call.Recorded" }

// Consented is the ledger event of somebody who was told that calls of the room
// are recorded, and goes on.
type Consented struct{}

func (Consented) EventKind() string { return "call.Consented" }

// Settings of recordings.
type Settings struct {
	// Record says what is recorded beside the rooms that say so themselves: "",
	// "incidents" (war rooms) or "all".
	Record string
	// KeepDays is how long recordings are kept; 0 is for ever.
	KeepDays int
	// Transcriber makes text of them; nil for none.
	Transcriber *Transcriber
}

const (
	// A chunk is on disk when it is this large or this long: so much is lost at
	// most when the machine stops.
	chunkSize = 128 << 10
	chunkTime = 5 * time.Second
	// chunksWaiting may wait for a slow disk before the recording gives up.
	chunksWaiting = 16
	// againAfter is when a recording that broke off is begun again.
	againAfter = 2 * time.Second
	// consentLasts is for how long somebody who agreed is not entered again.
	consentLasts = 12 * time.Hour
)

// ErrConsent tells that a call is recorded, to who has not agreed to it.
var ErrConsent = fault.At("consent", fault.Conflict, "Calls in this room are recorded. Agree to that to speak (consent: true), or listen from the gallery, of which nothing is recorded.")

var errSlow = errors.New("the disk does not keep up with the recording")

// MustRecord says whether calls of a room are recorded.
func (s *Store) MustRecord(r room.Room) bool {
	return r.Recording == room.Recorded || s.Settings.Record == "all" || s.Settings.Record == "incidents" && r.Kind == "incident"
}

// Consent notes that who was told that the room's calls are recorded, and goes on.
func (s *Store) Consent(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string) error {
	r, err := s.Rooms.See(ctx, tx, who, roomID)
	if err != nil || !s.MustRecord(r) {
		return err
	}
	if err := s.Rooms.Check(ctx, tx, who, "enter", r); err != nil {
		return err
	}
	now := s.Clock.Now()
	var given int64
	if err := tx.QueryRow(ctx, `SELECT given_at FROM call_consent WHERE room = $1 AND person = $2`, r.ID, who.ID).Scan(&given); err != nil && !db.IsNoRows(err) {
		return fmt.Errorf("read a consent: %w", err)
	}
	if now.Sub(db.At(given)) < consentLasts {
		return nil
	}
	if _, err := tx.Exec(ctx, `INSERT INTO call_consent (room, person, given_at) VALUES ($1, $2, $3) ON CONFLICT (room, person) DO UPDATE SET given_at = excluded.given_at`, r.ID, who.ID, db.Micro(now)); err != nil {
		return fmt.Errorf("note a consent: %w", err)
	}
	about, err := s.Rooms.About(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	return s.Ledger.Append(ctx, tx, who, about, Consented{})
}

// consented says whether somebody agreed, for the call that goes on or the next.
// Everybody is asked about who comes, before they are heard: so the call knows.
func (s *Store) consented(ctx context.Context, q db.Querier, person string, r room.Room) (bool, error) {
	since := s.Clock.Now()
	s.mu.Lock()
	l := s.live[r.ID]
	if l != nil {
		since = l.started
	}
	s.mu.Unlock()
	var n int
	err := q.QueryRow(ctx, `SELECT COUNT(*) FROM call_consent WHERE room = $1 AND person = $2 AND given_at >= $3`, r.ID, person, db.Micro(since.Add(-consentLasts))).Scan(&n)
	if err != nil || n == 0 {
		return false, err
	}
	if l != nil {
		s.mu.Lock()
		l.agreed[person] = true
		s.mu.Unlock()
	}
	return true, nil
}

// takes says whether what somebody says in a call may be kept.
func (s *Store) takes(roomID, callID, person string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.live[roomID]
	return l != nil && l.id == callID && l.agreed[person]
}

// recording is the recorder of one call.
type recording struct {
	stop context.CancelFunc
	done chan struct{}
}

// attend begins and ends recorders so that every call is recorded that has to
// be. The loop calls it; it asks the database for the rooms that pick names.
func (s *Store) attend(ctx context.Context, pick func(roomID string) bool) {
	type one struct {
		room    string
		call    string
		started time.Time
	}
	var all []one
	s.mu.Lock()
	for roomID, l := range s.live {
		if pick(roomID) && len(l.people) > 0 {
			all = append(all, one{roomID, l.id, l.started})
		}
	}
	for callID, r := range s.recorders { // of calls that are over
		over := true
		for _, l := range s.live {
			over = over && l.id != callID
		}
		if over {
			r.stop()
			delete(s.recorders, callID)
		}
	}
	s.mu.Unlock()
	for _, c := range all {
		r, err := s.Rooms.Get(ctx, s.DB.Read(), c.room)
		if err != nil {
			s.Log.Warn("ask whether a call is recorded", "room", c.room, "error", err)
			continue
		}
		s.mu.Lock()
		running := s.recorders[c.call]
		switch must := s.MustRecord(r); {
		case must && running == nil:
			run, stop := context.WithCancel(context.WithoutCancel(ctx))
			running = &recording{stop: stop, done: make(chan struct{})}
			s.recorders[c.call] = running
			s.recording.Add(1)
			go s.record(run, running, c.room, c.call, c.started)
		case !must && running != nil:
			running.stop()
			delete(s.recorders, c.call)
		}
		s.mu.Unlock()
	}
}

// record keeps a call recorded until ctx ends. Whatever fails, people talk on
// and are told.
func (s *Store) record(ctx context.Context, r *recording, roomID, callID string, started time.Time) {
	defer s.recording.Done()
	defer close(r.done)
	told := ""
	for {
		t := &tape{s: s, room: roomID, call: callID, started: started}
		err := s.Engine.Record(ctx, roomID, t)
		t.wait()
		if t.hears {
			told = ""
		}
		s.showRecording(roomID, callID, false)
		reason := ""
		if err != nil && ctx.Err() == nil {
			s.Log.Error("a call is not recorded for now", "room", roomID, "call", callID, "error", err)
			reason = "It could not be written or heard; it is tried again."
			if errors.Is(err, errSlow) {
				reason = "The disk does not keep up; it is tried again."
			}
		}
		if reason != told && reason != "" || t.hears && reason == "" {
			told = reason
			s.clerk.add([]change{{kind: "unrecorded", room: roomID, call: callID, at: s.Clock.Now(), text: reason}}, s.Clock.Now(), false)
		}
		if ctx.Err() != nil {
			return
		}
		again := s.Clock.NewTimer(againAfter)
		select {
		case <-ctx.Done():
			again.Stop()
			return
		case <-again.C():
		}
	}
}

func (s *Store) showRecording(roomID, callID string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.live[roomID]; l != nil && l.id == callID {
		l.recording = on
		s.show(roomID, l)
	}
}

// tape is one go of recording a call.
type tape struct {
	s          *Store
	room, call string
	started    time.Time
	hears      bool
	writing    sync.WaitGroup
}

func (t *tape) Hears() {
	t.hears = true
	t.s.showRecording(t.room, t.call, true)
	t.s.clerk.add([]change{{kind: "recorded", room: t.room, call: t.call, at: t.s.Clock.Now()}}, t.s.Clock.Now(), false)
}

// wait until everything that was taken is on the disk.
func (t *tape) wait() { t.writing.Wait() }

// chunk of a file, and how long the file is with it.
type chunk struct {
	b      []byte
	length time.Duration
}

type track struct {
	tape   *tape
	id     string
	person string
	began  time.Time
	buf    []byte
	length time.Duration
	cut    time.Duration // how much of it was handed on
	chunks chan chunk
	failed chan struct{} // closed with err
	err    error
}

func (t *tape) Track(person string, at time.Time) (Track, error) {
	if !id.Valid(person) {
		return nil, fmt.Errorf("a voice of nobody: %q", person)
	}
	// Who has not agreed is on their way to the gallery; until they are there,
	// nothing of them is kept.
	if !t.s.takes(t.room, t.call, person) {
		return nil, nil
	}
	tr := &track{tape: t, id: id.New(), person: person, began: t.s.Clock.Now(), chunks: make(chan chunk, chunksWaiting), failed: make(chan struct{})}
	t.writing.Go(tr.keep)
	return tr, nil
}

func (t *track) Write(ogg []byte, length time.Duration) error {
	select {
	case <-t.failed:
		return t.err
	default:
	}
	t.buf, t.length = append(t.buf, ogg...), length
	if len(t.buf) < chunkSize && length-t.cut < chunkTime {
		return nil
	}
	return t.hand()
}

func (t *track) hand() error {
	select {
	case <-t.failed:
		return t.err
	case t.chunks <- chunk{t.buf, t.length}:
		t.buf, t.cut = nil, t.length
		return nil
	default:
		return errSlow
	}
}

func (t *track) Close() error {
	var err error
	if len(t.buf) > 0 {
		err = t.hand()
	}
	close(t.chunks)
	return err
}

// keep writes chunks down as they come, and seals the file at its end.
func (t *track) keep() {
	s, sum := t.tape.s, sha256.New()
	var bytes int64
	var n int64
	var length time.Duration
	err := s.openRecording(t)
	for c := range t.chunks {
		if err == nil {
			if err = s.keepChunk(t.id, t.tape.call, n, c); err == nil {
				_, _ = sum.Write(c.b)
				n, bytes, length = n+1, bytes+int64(len(c.b)), c.length
			}
		}
		if err != nil && t.err == nil {
			t.err = err
			close(t.failed)
		}
	}
	if n == 0 {
		s.forget(t.id)
	} else {
		err = s.seal(kept{id: t.id, call: t.tape.call, room: t.tape.room, person: t.person, offset: t.began.Sub(t.tape.started), length: length, bytes: bytes, sum: sum})
	}
	if err != nil {
		s.Log.Error("keep a recording", "recording", t.id, "error", err)
	}
}

func brief() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 10*time.Second)
}

func (s *Store) openRecording(t *track) error {
	ctx, stop := brief()
	defer stop()
	return s.DB.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO recording (id, call, room, person, state, started_at, offset_ms, ms, bytes, sha256, transcript) VALUES ($1, $2, $3, $4, 'open', $5, $6, 0, 0, '', '')`,
			t.id, t.tape.call, t.tape.room, t.person, db.Micro(t.began), max(0, t.began.Sub(t.tape.started).Milliseconds()))
		return err
	})
}

// forget takes back a recording of which nothing was kept.
func (s *Store) forget(recordingID string) {
	ctx, stop := brief()
	defer stop()
	if err := s.DB.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM recording WHERE id = $1 AND state = 'open'`, recordingID)
		return err
	}); err != nil {
		s.Log.Error("take back an empty recording", "recording", recordingID, "error", err)
	}
}

func (s *Store) keepChunk(recordingID, callID string, n int64, c chunk) error {
	ctx, stop := brief()
	defer stop()
	key := fmt.Sprintf("recordings/%s/%s/%06d.ogg", callID, recordingID, n)
	if err := s.Blobs.Put(ctx, key, c.b); err != nil {
		return fmt.Errorf("keep a chunk: %w", err)
	}
	return s.DB.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO recording_chunk (recording, n, blob, bytes, ms) VALUES ($1, $2, $3, $4, $5)`, recordingID, n, key, len(c.b), c.length.Milliseconds())
		return err
	})
}

// kept is a file that is complete.
type kept struct {
	id, call, room, person string
	offset, length         time.Duration
	bytes                  int64
	sum                    hash.Hash
}

// seal puts a file that is complete on the record.
func (s *Store) seal(k kept) error {
	ctx, stop := brief()
	defer stop()
	who := actor.System("call")
	digest := hex.EncodeToString(k.sum.Sum(nil))
	return s.Access.Do(ctx, who, func(tx *db.Tx) error {
		about, err := s.Rooms.About(ctx, tx, k.room)
		if err != nil {
			return err
		}
		res, err := tx.Exec(ctx, `UPDATE recording SET state = 'kept', ms = $2, bytes = $3, sha256 = $4 WHERE id = $1 AND state = 'open'`, k.id, k.length.Milliseconds(), k.bytes, digest)
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return nil
		}
		if err := s.enqueueAfter(ctx, tx, k); err != nil {
			return err
		}
		about.OnBehalf = k.person
		return s.Ledger.Append(ctx, tx, who, about, Recorded{k.id, k.call, k.person, digest, k.bytes, int64(k.length.Round(time.Second) / time.Second), max(0, k.offset.Milliseconds())})
	})
}

// sealOpen completes the files of recordings that broke off when Muster ended.
func (s *Store) sealOpen(ctx context.Context) error {
	all, err := db.All(ctx, s.DB.Read(), func(sc db.Scanner) (k kept, err error) {
		var ms int64
		err = sc.Scan(&k.id, &k.call, &k.room, &k.person, &ms)
		k.offset = time.Duration(ms) * time.Millisecond
		return k, err
	}, `SELECT id, call, room, person, offset_ms FROM recording WHERE state = 'open' ORDER BY id`)
	if err != nil {
		return fmt.Errorf("find recordings that broke off: %w", err)
	}
	for _, k := range all {
		k.sum = sha256.New()
		f, err := s.file(ctx, s.DB.Read(), k.id)
		if err == nil {
			k.bytes, err = io.Copy(k.sum, f)
			k.length = f.length
		}
		if err == nil {
			err = s.seal(k)
		}
		if err != nil {
			s.Log.Error("complete a recording that broke off", "recording", k.id, "error", err)
		}
	}
	return nil
}

func aboutRecording(a ledger.About, recordingID string) ledger.About {
	a.Resource = "recording:" + recordingID
	return a
}
