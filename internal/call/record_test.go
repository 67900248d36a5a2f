package call_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/actor"
	"muster/internal/call"
	"muster/internal/call/livekit"
	"muster/internal/call/livekit/peer"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/room"
)

// consent agrees, and joins the table.
func (w *world) consent(who actor.Actor, r room.Room) *peer.Peer {
	w.Helper()
	w.must(func(tx *db.Tx) error { return w.calls.Consent(ctx, tx, who, r.ID) })
	t, err := w.calls.Join(ctx, w.db.Read(), who, r.ID, call.Table, true)
	if err != nil || !t.Recorded {
		w.Fatal(t.Recorded, err)
	}
	p, err := w.connect(who, t.Token)
	if err != nil {
		w.Fatal(err)
	}
	w.until(who.Name+" is in the call", func() bool { return w.in(r, who).Mode == call.Table && w.in(r, who).Quality != "lost" })
	return p
}

func (w *world) isRecorded(r room.Room) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told[r.ID].Recording
}

func (w *world) record(r room.Room, how string) {
	w.Helper()
	w.must(func(tx *db.Tx) error {
		_, err := w.rooms.Update(ctx, tx, w.admin, r.ID, room.Change{Recording: &how})
		return err
	})
}

func (w *world) recordings(who actor.Actor, r room.Room) []call.Recording {
	w.Helper()
	all, err := w.calls.Recordings(ctx, w.db.Read(), who, r.ID, "")
	if err != nil {
		w.Fatal(err)
	}
	return all
}

func (w *world) sound(r call.Recording) []byte {
	w.Helper()
	_, f, err := w.calls.Sound(ctx, w.db.Read(), w.admin, r.ID)
	if err != nil {
		w.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		w.Fatal(err)
	}
	return b
}

// opusinfo has a player's tool look at a file: it finds what is wrong with it,
// and says how long it plays.
func opusinfo(t *testing.T, ogg []byte) time.Duration {
	t.Helper()
	name := filepath.Join(t.TempDir(), "voice.ogg")
	if err := os.WriteFile(name, ogg, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("opusinfo", name).CombinedOutput()
	if err != nil || strings.Contains(string(out), "WARNING") || !strings.Contains(string(out), "Logical stream 1 ended") {
		t.Fatalf("%v\n%s", err, out)
	}
	_, after, _ := strings.Cut(string(out), "Playback length: ")
	after, _, _ = strings.Cut(after, "\n")
	d, err := time.ParseDuration(strings.Replace(strings.TrimSpace(after), ":", "", 1))
	if err != nil {
		t.Fatal(err, after)
	}
	return d
}

func TestACallIsRecorded(t *testing.T) {
	w := open(t, nil)
	war := w.room(room.New{Name: "war"})
	w.record(war, room.Recorded)
	w.enter(war, w.ann, w.bob)
	if f := fault.FieldsOf(call.ErrConsent); len(f) != 1 || f[0].Field != "consent" { // by which a client knows to ask
		t.Errorf("ErrConsent names %v", f)
	}
	for _, consent := range []bool{false, true} { // true is what the caller says; nothing was noted
		if _, err := w.calls.Join(ctx, w.db.Read(), w.ann, war.ID, call.Table, consent); err != call.ErrConsent { //nolint:errorlint // this very one
			t.Error(err)
		}
	}
	eve := w.join(w.eve, war, call.Gallery)
	ann := w.consent(w.ann, war)
	w.until("it is recorded", func() bool { return w.isRecorded(war) })
	if n := len(w.calls.Calls()[0].People); n != 2 || len(ann.People()) != 2 {
		t.Error("the recorder shows", n, ann.People())
	}
	began := time.Now()
	voice := w.speak(ann)
	w.hears(eve, w.ann)
	pause(t, 1200*time.Millisecond)
	if err := voice.Mute(true); err != nil {
		t.Fatal(err)
	}
	pause(t, 1500*time.Millisecond)
	if err := voice.Mute(false); err != nil {
		t.Fatal(err)
	}
	pause(t, 1000*time.Millisecond)
	took := time.Since(began)
	if err := ann.Close(); err != nil {
		t.Fatal(err)
	}
	if err := eve.Close(); err != nil {
		t.Fatal(err)
	}
	w.written("Started system:call", "Joined eve", "Consented ann", "Joined ann", "Spoke ann", "RecordingStarted system:call", "Left ann", "Left eve", "Ended system:call", "Recorded system:call")
	all := w.recordings(w.admin, war)
	if len(all) != 1 || all[0].State != "kept" || all[0].UserID != w.ann.ID || all[0].OffsetMS <= 0 || all[0].OffsetMS > 10000 {
		t.Fatalf("%+v", all)
	}
	ogg := w.sound(all[0])
	sum := sha256.Sum256(ogg)
	if all[0].SHA256 != hex.EncodeToString(sum[:]) || all[0].Bytes != int64(len(ogg)) {
		t.Error("the file is not the one of the record")
	}
	if body := w.event("call.Recorded"); body["sha256"] != all[0].SHA256 || body["person"] != w.ann.ID || body["call"] != all[0].CallID {
		t.Error(body)
	}
	// The file runs with the clock, the time she was muted included.
	plays := opusinfo(t, ogg)
	if d := plays - took; d > 700*time.Millisecond || d < -700*time.Millisecond || all[0].MS-plays.Milliseconds() > 100 { // a player skips the first 80 ms
		t.Errorf("it plays for %s, she was there for %s, and it says %d ms", plays, took, all[0].MS)
	}
	// Who hears it again: who took part and who the policy names.
	if _, err := w.calls.Recording(ctx, w.db.Read(), w.bob, all[0].ID); !fault.Is(err, fault.NotFound) || len(w.recordings(w.bob, war)) > 0 {
		t.Error("bob was not there", err)
	}
	for _, who := range []actor.Actor{w.ann, w.eve, w.admin, w.person("odd", "auditor")} {
		if _, err := w.calls.Recording(ctx, w.db.Read(), who, all[0].ID); err != nil || len(w.recordings(who, war)) != 1 {
			t.Error(who.Name, err)
		}
	}
	for _, not := range []string{"", "x", id.New(), "../" + all[0].ID, strings.Repeat("a", 36), all[0].ID + "\x00"} {
		if _, err := w.calls.Recording(ctx, w.db.Read(), w.admin, not); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", not, err)
		}
	}
	w.streams(all[0], ogg)

	w.clock.Advance(91 * 24 * time.Hour)
	if err := w.calls.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.calls.Sound(ctx, w.db.Read(), w.admin, all[0].ID); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if body := w.event("call.RecordingExpired"); body["sha256"] != all[0].SHA256 || body["days"] != float64(90) {
		t.Error(body)
	}
	if left := w.recordings(w.admin, war); len(left) != 1 || left[0].State != "deleted" {
		t.Error(left)
	}
}

// streams asks the door for the sound, as a browser's player does.
func (w *world) streams(r call.Recording, ogg []byte) {
	w.Helper()
	get := func(who actor.Actor, path, from string) *httptest.ResponseRecorder {
		req := httptest.NewRequestWithContext(ctx, "GET", path, nil)
		req.Header = w.sign(who).Clone()
		if from != "" {
			req.Header.Set("Range", from)
		}
		rec := httptest.NewRecorder()
		w.server.Config.Handler.ServeHTTP(rec, req)
		return rec
	}
	path := "/api/v1/recordings/" + r.ID + "/audio"
	if a := get(w.ann, path, ""); a.Code != 200 || !bytes.Equal(a.Body.Bytes(), ogg) || a.Header().Get("Content-Type") != "audio/ogg" || !strings.Contains(a.Header().Get("Content-Security-Policy"), "sandbox") {
		w.Error(a.Code, a.Header())
	}
	if a := get(w.ann, path, "bytes=100-199"); a.Code != 206 || !bytes.Equal(a.Body.Bytes(), ogg[100:200]) {
		w.Error(a.Code, a.Body.Len())
	}
	if a := get(w.ann, path, "bytes=99999999-"); a.Code != 416 {
		w.Error(a.Code)
	}
	if a := get(w.bob, path, "bytes=100-199"); a.Code != 404 {
		w.Error(a.Code)
	}
	if a := get(w.ann, "/api/v1/recordings/"+strings.Repeat("x", 2000)+"/audio", ""); a.Code != 404 {
		w.Error(a.Code)
	}
	played := func() (n int) {
		for _, e := range w.events() {
			if e == "Replayed ann" {
				n++
			}
		}
		return n
	}
	if n := played(); n != 1 {
		w.Error("played", n, "times by the record")
	}
	w.clock.Advance(11 * time.Minute)
	for range 3 { // from the middle alone it is heard, too
		get(w.ann, path, "bytes=1-")
	}
	if n := played(); n != 2 {
		w.Error("played", n, "times by the record after a part of it, later")
	}
}

// event is the newest of a kind.
func (w *world) event(kind string) (fields map[string]any) {
	w.Helper()
	text, err := db.One(ctx, w.db.Read(), db.Strings, `SELECT body FROM ledger_event WHERE kind = $1 ORDER BY n DESC LIMIT 1`, kind)
	var body struct{ Fields map[string]any }
	if err == nil {
		err = json.Unmarshal([]byte(text), &body)
	}
	if err != nil {
		w.Fatal(kind, err)
	}
	return body.Fields
}

// pause lets people talk for a while.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	<-time.After(d)
}

func TestRecordingIsTurnedOnMeanwhile(t *testing.T) {
	w := open(t, nil)
	ops := w.room(room.New{Name: "ops"})
	w.enter(ops, w.ann)
	ann := w.join(w.ann, ops, call.Table)
	w.speak(ann)
	w.until("ann speaks", func() bool { return w.in(ops, w.ann).Speaking })
	w.record(ops, room.Recorded)
	w.until("ann, who was not asked, only listens", func() bool {
		return w.in(ops, w.ann).Mode == call.Gallery && !w.in(ops, w.ann).Mic && w.isRecorded(ops)
	})
	var kept int
	if err := w.db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM recording`).Scan(&kept); err != nil || kept != 0 {
		t.Errorf("%d recordings of who was not asked %v", kept, err)
	}
	err := w.try(func(tx *db.Tx) error { return w.calls.Move(ctx, tx, w.admin, ops.ID, w.ann.ID, call.Table) })
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "they have not agreed") {
		t.Error(err)
	}
	again := w.consent(w.ann, ops)
	w.speak(again)
	w.until("ann speaks", func() bool { return w.in(ops, w.ann).Speaking })
	pause(t, 500*time.Millisecond)
	w.record(ops, room.NotRecorded)
	w.until("it is not recorded", func() bool {
		return !w.isRecorded(ops) && len(w.recordings(w.ann, ops)) == 1 && w.recordings(w.ann, ops)[0].State == "kept"
	})
	w.written("Started system:call", "Joined ann", "Spoke ann", "RecordingStarted system:call", "Consented ann", "Recorded system:call", "RecordingStopped system:call")
	if w.in(ops, w.ann).Mode != call.Table {
		t.Error("she does not sit at the table any more")
	}
}

// Who speaks at a recorded table is recorded, whatever their browser lets others hear.
func TestNobodyIsKeptFromTheRecord(t *testing.T) {
	w := open(t, nil)
	ops := w.room(room.New{Name: "ops"})
	w.record(ops, room.Recorded)
	w.enter(ops, w.ann, w.bob)
	ann, bob := w.consent(w.ann, ops), w.consent(w.bob, ops)
	w.until("it is recorded", func() bool { return w.isRecorded(ops) })
	err := w.try(func(tx *db.Tx) error { return w.calls.Whisper(ctx, tx, w.ann, ops.ID, w.bob.ID) })
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "recorded") {
		t.Error(err)
	}
	if err := ann.Only(w.eve.ID); err != nil { // before there is anything to hear
		t.Fatal(err)
	}
	w.speak(ann)
	w.speak(bob)
	if err := bob.Only(w.eve.ID); err != nil {
		t.Fatal(err)
	}
	for _, who := range []actor.Actor{w.ann, w.bob} {
		w.until(who.Name+" is recorded", func() bool {
			return slices.ContainsFunc(w.recordings(w.admin, ops), func(r call.Recording) bool { return r.UserID == who.ID })
		})
	}
	pause(t, 500*time.Millisecond)
	for _, p := range []*peer.Peer{ann, bob} {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	w.until("it is kept", func() bool {
		all := w.recordings(w.admin, ops)
		return len(all) == 2 && !slices.ContainsFunc(all, func(r call.Recording) bool { return r.State != "kept" || r.Bytes == 0 })
	})
}

// Who whispered when the recording began speaks to everybody, or not at all.
func TestAWhisperEndsWhereRecordingBegins(t *testing.T) {
	w := open(t, nil)
	ops := w.room(room.New{Name: "ops"})
	w.enter(ops, w.ann, w.bob)
	for _, who := range []actor.Actor{w.ann, w.bob} {
		w.must(func(tx *db.Tx) error { return w.calls.Consent(ctx, tx, who, ops.ID) }) // nothing yet: it is not recorded
	}
	ann, bob := w.join(w.ann, ops, call.Table), w.join(w.bob, ops, call.Table)
	w.speak(ann)
	w.hears(bob, w.ann)
	w.must(func(tx *db.Tx) error { return w.calls.Whisper(ctx, tx, w.ann, ops.ID, w.bob.ID) })
	w.record(ops, room.Recorded)
	w.until("ann is asked first, and whispers to nobody", func() bool {
		p := w.in(ops, w.ann)
		return p.Mode == call.Gallery && p.WhisperTo == ""
	})
}

// Neither a full disk nor a dead engine ends a call; people are told that it is
// not recorded, and it is again when it can be.
func TestRecordingFails(t *testing.T) {
	w := open(t, child)
	ops := w.room(room.New{Name: "ops"})
	w.record(ops, room.Recorded)
	w.enter(ops, w.ann, w.bob)
	ann := w.consent(w.ann, ops)
	bob := w.join(w.bob, ops, call.Gallery)
	w.until("it is recorded", func() bool { return w.isRecorded(ops) })
	w.blobs.full.Store(true)
	w.speak(ann)
	w.until("the recording stopped", func() bool { return !w.isRecorded(ops) })
	w.hears(bob, w.ann)
	w.blobs.full.Store(false)
	w.until("it is recorded again", func() bool { return w.isRecorded(ops) })
	token := ann.Token()
	kill(t, w.deps.Engine.(*livekit.Child).PID())
	<-ann.Done()
	w.until("the recording stopped", func() bool { return !w.isRecorded(ops) })
	var err error
	w.until("ann is back", func() bool { ann, err = w.connect(w.ann, token); return err == nil })
	w.speak(ann)
	w.until("it is recorded again", func() bool { return w.isRecorded(ops) && w.in(ops, w.ann).Speaking })
	pause(t, 300*time.Millisecond)
	stopped, started := 0, 0
	w.until("the record says so", func() bool {
		stopped, started = 0, 0
		for _, e := range w.events() {
			switch e {
			case "RecordingStopped system:call":
				stopped++
			case "RecordingStarted system:call":
				started++
			}
		}
		return stopped >= 2 && started >= 3
	})
	if n := strings.Join(w.notes(ops), "\n"); !strings.Contains(n, "This call is recorded.") || !strings.Contains(n, "The recording stopped.") {
		t.Error(n)
	}
	if len(w.calls.Calls()) != 1 {
		t.Error("the call ended")
	}
}

// What a machine that stopped left of a recording is completed at the next start.
func TestARecordingThatBrokeOff(t *testing.T) {
	w := open(t, nil)
	ops := w.room(room.New{Name: "ops", Private: true, Members: []string{w.ann.ID, w.bob.ID}})
	w.enter(ops, w.ann)
	_ = w.join(w.ann, ops, call.Table)
	w.written("Started system:call", "Joined ann")
	callID, recording := w.calls.Calls()[0].ID, id.New()
	parts := [][]byte{[]byte("OggS, the first"), []byte("and the second")}
	w.must(func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO recording (id, call, room, person, state, started_at, offset_ms, ms, bytes, sha256, transcript) VALUES ($1, $2, $3, $4, 'open', $5, 1500, 0, 0, '', '')`, recording, callID, ops.ID, w.ann.ID, db.Micro(w.clock.Now())); err != nil {
			return err
		}
		for n, b := range parts {
			key := "recordings/x/" + string(rune('0'+n))
			if err := w.blobs.Put(ctx, key, b); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO recording_chunk (recording, n, blob, bytes, ms) VALUES ($1, $2, $3, $4, $5)`, recording, n, key, len(b), (n+1)*10000); err != nil {
				return err
			}
		}
		return nil
	})
	w.stop()
	e, err := livekit.NewLocal(livekit.Settings{Local: true}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w.start(e)
	sum := sha256.Sum256(bytes.Join(parts, nil))
	one, err := w.calls.Recording(ctx, w.db.Read(), w.ann, recording)
	if err != nil || one.State != "kept" || one.MS != 20000 || one.SHA256 != hex.EncodeToString(sum[:]) {
		t.Error(one, err)
	}
	// A private room's are its members', whatever the role: of those who took part, or whom a policy names.
	other := w.person("admin2", "administrator")
	for _, who := range []actor.Actor{other, w.bob, w.eve} {
		if _, err := w.calls.Recording(ctx, w.db.Read(), who, recording); !fault.Is(err, fault.NotFound) {
			t.Error(who.Name, err)
		}
	}
	if _, err := w.calls.Recordings(ctx, w.db.Read(), other, ops.ID, ""); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
}

// The service is held to the interface that OpenAI documents for
// POST /v1/audio/transcriptions.
func TestATranscript(t *testing.T) {
	var sent []byte
	tries := 0
	service := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		tries++
		if r.Method != "POST" || r.URL.Path != "/v1/audio/transcriptions" || r.Header.Get("Authorization") != "Bearer secret" || r.FormValue("model") != "whisper-1" || r.FormValue("response_format") != "json" {
			http.Error(rw, `{"error":{"message":"bad request"}}`, 400)
			return
		}
		f, h, err := r.FormFile("file")
		if err != nil || !strings.HasSuffix(h.Filename, ".ogg") {
			http.Error(rw, `{"error":{"message":"no file"}}`, 400)
			return
		}
		if tries == 1 {
			http.Error(rw, `{"error":{"message":"overloaded"}}`, http.StatusServiceUnavailable)
			return
		}
		sent, _ = io.ReadAll(f)
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(`{"text":"Restart the payments gateway.","usage":{"type":"duration","seconds":1}}`))
	}))
	defer service.Close()
	w := open(t, nil)
	w.stop()
	w.deps.Settings = call.Settings{Record: "all", Transcriber: &call.Transcriber{URL: service.URL + "/v1/audio/transcriptions", Key: "secret", Model: "whisper-1", Client: service.Client()}}
	e, err := livekit.NewLocal(livekit.Settings{Local: true}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w.start(e)
	w.tasks.Start()
	t.Cleanup(w.tasks.Stop)
	ops := w.room(room.New{Name: "ops"})
	w.enter(ops, w.ann)
	ann := w.consent(w.ann, ops)
	w.until("it is recorded", func() bool { return w.isRecorded(ops) })
	w.speak(ann)
	pause(t, 600*time.Millisecond)
	if err := ann.Close(); err != nil {
		t.Fatal(err)
	}
	w.until("it is kept", func() bool { all := w.recordings(w.ann, ops); return len(all) == 1 && all[0].State == "kept" })
	w.until("there is a transcript", func() bool {
		w.clock.Advance(time.Second) // to the next try
		return w.recordings(w.ann, ops)[0].Transcript == "Restart the payments gateway."
	})
	if !bytes.Equal(sent, w.sound(w.recordings(w.ann, ops)[0])) {
		t.Error("it got another file")
	}
	w.event("call.Transcribed")
}

// tapped is an engine whose recorder's tape a test holds.
type tapped struct {
	call.Engine
	tapes chan call.Tape
}

func (e tapped) Record(ctx context.Context, _ string, t call.Tape) error {
	t.Hears()
	e.tapes <- t
	<-ctx.Done()
	return nil
}

// The recorder asks with a packet in its hand: what it asks is known, and no
// database is waited for.
func TestATapeAsksNoDatabase(t *testing.T) {
	tapes := make(chan call.Tape, 8)
	w := open(t, func(w *world) call.Engine {
		e, err := livekit.NewLocal(livekit.Settings{Local: true}, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return tapped{e, tapes}
	})
	ops := w.room(room.New{Name: "ops"})
	w.record(ops, room.Recorded)
	w.enter(ops, w.ann)
	w.consent(w.ann, ops)
	w.join(w.eve, ops, call.Gallery)
	tape := <-tapes
	var voice call.Track
	w.until("who agreed is taken", func() (is bool) {
		var err error
		if voice, err = tape.Track(w.ann.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
		return voice != nil
	})
	if err := voice.Close(); err != nil {
		t.Error(err)
	}
	w.must(func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `ALTER TABLE call_consent RENAME TO call_consent_gone`)
		return err
	})
	voice, err := tape.Track(w.ann.ID, time.Now())
	if err != nil || voice == nil {
		t.Fatal("the database was asked:", voice, err)
	}
	if err := voice.Close(); err != nil {
		t.Error(err)
	}
	for _, who := range []string{w.eve.ID, w.bob.ID, id.New()} {
		if voice, err := tape.Track(who, time.Now()); voice != nil || err != nil {
			t.Error("who has not agreed is taken:", voice, err)
		}
	}
}
