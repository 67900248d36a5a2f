package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/room"
	"muster/internal/task"
)

// Recording is a stretch of one voice that is kept.
type Recording struct {
	ID         string    `json:"id"`
	CallID     string    `json:"call_id"`
	RoomID     string    `json:"room_id"`
	UserID     string    `json:"user_id" doc:"Who speaks"`
	State      string    `json:"state" enum:"open,kept,deleted" doc:"open: still being written. deleted: its time was over"`
	StartedAt  time.Time `json:"started_at"`
	OffsetMS   int64     `json:"offset_ms" doc:"From the start of the call, to play several in step"`
	MS         int64     `json:"ms" doc:"Its length"`
	Bytes      int64     `json:"bytes"`
	SHA256     string    `json:"sha256" doc:"Of the file, as it stands in the ledger"`
	Transcript string    `json:"transcript"`
}

// Replayed is the ledger event of a recording that was given to somebody.
type Replayed struct {
	Recording string `json:"recording" class:"public"`
	Person    string `json:"person" class:"public"` // who speaks in it
}

func (Replayed) EventKind() string { return "call.Replayed" }

// Expired is the ledger event of a recording that was deleted when its time was over.
type Expired struct {
	Recording string `json:"recording" class:"public"`
	Call      string `json:"call" class:"public"`
	Person    string `json:"person" class:"public"`
	SHA256    string `json:"sha256" class:"public"`
	Days      int    `json:"days" class:"public"`
}

func (Expired) EventKind() string { return "call.RecordingExpired" }

const recordingCols = `id, call, room, person, state, started_at, offset_ms, ms, bytes, sha256, transcript`

func scanRecording(sc db.Scanner) (r Recording, err error) {
	var at int64
	err = sc.Scan(&r.ID, &r.CallID, &r.RoomID, &r.UserID, &r.State, &at, &r.OffsetMS, &r.MS, &r.Bytes, &r.SHA256, &r.Transcript)
	r.StartedAt = db.At(at)
	return r, err
}

var errNoRecording = fault.New(fault.NotFound, "There is no such recording, or you may not hear it.")

// mostListed recordings are listed at once, the newest.
const mostListed = 500

// resource is how access sees the recordings of a call for who.
func (s *Store) resource(ctx context.Context, q db.Querier, who actor.Actor, r room.Room, callID string) (access.Resource, error) {
	res, err := s.Rooms.Resource(ctx, q, who, r)
	if err != nil {
		return res, err
	}
	var n int
	if err := q.QueryRow(ctx, `SELECT COUNT(*) FROM call_person WHERE call = $1 AND person = $2`, callID, who.ID).Scan(&n); err != nil {
		return res, fmt.Errorf("ask who took part: %w", err)
	}
	res.Type, res.ID = "recording", callID
	res.Attrs["took_part"] = fmt.Sprint(n > 0)
	delete(res.Attrs, "door")
	return res, nil
}

// Recordings of a room, newest first, of those calls that who may hear again.
func (s *Store) Recordings(ctx context.Context, q db.Querier, who actor.Actor, roomID, callID string) ([]Recording, error) {
	r, err := s.Rooms.Find(ctx, q, roomID)
	if err != nil {
		return nil, err
	}
	all, err := db.All(ctx, q, scanRecording, `SELECT `+recordingCols+` FROM recording WHERE room = $1 AND ($2 = '' OR call = $2) ORDER BY started_at DESC, id LIMIT $3`, r.ID, callID, mostListed)
	if err != nil {
		return nil, fmt.Errorf("list recordings: %w", err)
	}
	may := map[string]bool{}
	out := []Recording{}
	for _, one := range all {
		ok, known := may[one.CallID]
		if !known {
			res, err := s.resource(ctx, q, who, r, one.CallID)
			if err != nil {
				return nil, err
			}
			ok = s.Access.Allowed(ctx, q, who, "read", res)
			may[one.CallID] = ok
		}
		if ok {
			out = append(out, one)
		}
	}
	if len(out) == 0 { // whether there is a room at all is its readers' to know
		if _, err := s.Rooms.See(ctx, q, who, r.ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Recording gives one to who may hear it.
func (s *Store) Recording(ctx context.Context, q db.Querier, who actor.Actor, recordingID string) (Recording, error) {
	if !id.Valid(recordingID) {
		return Recording{}, errNoRecording
	}
	one, err := db.One(ctx, q, scanRecording, `SELECT `+recordingCols+` FROM recording WHERE id = $1`, recordingID)
	if db.IsNoRows(err) {
		return one, errNoRecording
	}
	if err != nil {
		return one, fmt.Errorf("read a recording: %w", err)
	}
	r, err := s.Rooms.Get(ctx, q, one.RoomID)
	if err != nil {
		return one, err
	}
	res, err := s.resource(ctx, q, who, r, one.CallID)
	if err != nil {
		return one, err
	}
	if err := s.Access.Check(ctx, q, who, "read", res); err != nil {
		return Recording{}, access.Hide(err, errNoRecording)
	}
	return one, nil
}

// Sound gives the file of a recording to who may hear it.
func (s *Store) Sound(ctx context.Context, q db.Querier, who actor.Actor, recordingID string) (Recording, io.ReadSeeker, error) {
	one, err := s.Recording(ctx, q, who, recordingID)
	if err != nil {
		return one, nil, err
	}
	if one.State == "deleted" {
		return one, nil, fault.New(fault.NotFound, "This recording was deleted when its time was over. The ledger still has its digest.")
	}
	f, err := s.file(ctx, q, one.ID)
	return one, f, err
}

// onePlaying is for how long further parts of a recording are given to whom it
// was given to without that being another playing.
const onePlaying = 10 * time.Minute

type playing struct{ recording, person string }

// Plays says whether who was given parts of the recording just now, and that is
// on record.
func (s *Store) Plays(who actor.Actor, r Recording) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.playing[playing{r.ID, who.ID}]
	return ok && s.Clock.Now().Sub(at) < onePlaying
}

// Replay records that a recording was given to who.
func (s *Store) Replay(ctx context.Context, tx *db.Tx, who actor.Actor, r Recording) error {
	tx.AfterCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.playing[playing{r.ID, who.ID}] = s.Clock.Now()
	})
	about, err := s.Rooms.About(ctx, tx, r.RoomID)
	if err != nil {
		return err
	}
	return s.Ledger.Append(ctx, tx, who, aboutRecording(about, r.ID), Replayed{r.ID, r.UserID})
}

// file is the chunks of a recording as one.
type file struct {
	ctx    context.Context
	s      *Store
	keys   []string
	ends   []int64 // of each, in the file
	length time.Duration
	at     int64
	have   int // the chunk in b
	b      []byte
}

func (s *Store) file(ctx context.Context, q db.Querier, recordingID string) (*file, error) {
	f := &file{ctx: ctx, s: s, have: -1}
	var end int64
	_, err := db.All(ctx, q, func(sc db.Scanner) (none struct{}, err error) {
		var key string
		var bytes, ms int64
		err = sc.Scan(&key, &bytes, &ms)
		end += bytes
		f.keys, f.ends, f.length = append(f.keys, key), append(f.ends, end), time.Duration(ms)*time.Millisecond
		return none, err
	}, `SELECT blob, bytes, ms FROM recording_chunk WHERE recording = $1 ORDER BY n`, recordingID)
	if err != nil {
		return nil, fmt.Errorf("find a recording's file: %w", err)
	}
	return f, nil
}

func (f *file) size() int64 {
	if len(f.ends) == 0 {
		return 0
	}
	return f.ends[len(f.ends)-1]
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.size()
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	f.at = offset
	return offset, nil
}

func (f *file) Read(p []byte) (int, error) {
	i, begin := 0, int64(0)
	for i < len(f.ends) && f.at >= f.ends[i] {
		begin = f.ends[i]
		i++
	}
	if i == len(f.ends) {
		return 0, io.EOF
	}
	if f.have != i {
		b, err := f.s.Blobs.Get(f.ctx, f.keys[i])
		if err != nil {
			return 0, fmt.Errorf("read a recording: %w", err)
		}
		if int64(len(b)) != f.ends[i]-begin {
			return 0, fmt.Errorf("read a recording: %s has another length", f.keys[i])
		}
		f.have, f.b = i, b
	}
	n := copy(p, f.b[f.at-begin:])
	f.at += int64(n)
	return n, nil
}

const (
	expireKind     = "call.expire"
	transcribeKind = "call.transcribe"
	day            = 24 * time.Hour
)

func (s *Store) enqueueAfter(ctx context.Context, tx *db.Tx, k kept) error {
	if s.Settings.Transcriber != nil {
		if err := s.Tasks.Enqueue(ctx, tx, transcribeKind, k.id, task.Options{Key: k.id}); err != nil {
			return err
		}
	}
	if s.Settings.KeepDays > 0 {
		return s.Tasks.Enqueue(ctx, tx, expireKind, k.id, task.Options{Key: k.id, At: s.Clock.Now().Add(time.Duration(s.Settings.KeepDays) * day)})
	}
	return nil
}

// RegisterTasks sets the handlers of this package's tasks.
func (s *Store) RegisterTasks() {
	if s.Tasks == nil {
		return
	}
	s.Tasks.Handle(expireKind, func(ctx context.Context, _ task.Task) error { return s.Sweep(ctx) })
	s.Tasks.Handle(transcribeKind, func(ctx context.Context, t task.Task) error {
		var recordingID string
		if err := t.Into(&recordingID); err != nil {
			return err
		}
		return s.transcribe(ctx, recordingID)
	})
}

// Sweep deletes the recordings whose time is over by the setting as it is now.
func (s *Store) Sweep(ctx context.Context) error {
	if s.Settings.KeepDays <= 0 {
		return nil
	}
	due := s.Clock.Now().Add(-time.Duration(s.Settings.KeepDays) * day)
	all, err := db.All(ctx, s.DB.Read(), scanRecording, `SELECT `+recordingCols+` FROM recording WHERE state = 'kept' AND started_at + ms * 1000 <= $1 ORDER BY id`, db.Micro(due))
	if err != nil {
		return fmt.Errorf("find recordings whose time is over: %w", err)
	}
	for _, r := range all {
		f, err := s.file(ctx, s.DB.Read(), r.ID)
		if err != nil {
			return err
		}
		for _, key := range f.keys {
			if err := s.Blobs.Delete(ctx, key); err != nil && !fault.Is(err, fault.NotFound) {
				return fmt.Errorf("delete a recording: %w", err)
			}
		}
		who := actor.System("call")
		if err := s.Access.Do(ctx, who, func(tx *db.Tx) error {
			if _, err := tx.Exec(ctx, `DELETE FROM recording_chunk WHERE recording = $1`, r.ID); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE recording SET state = 'deleted', transcript = '' WHERE id = $1`, r.ID); err != nil {
				return err
			}
			about, err := s.Rooms.About(ctx, tx, r.RoomID)
			if err != nil {
				return err
			}
			return s.Ledger.Append(ctx, tx, who, aboutRecording(about, r.ID), Expired{r.ID, r.CallID, r.UserID, r.SHA256, s.Settings.KeepDays})
		}); err != nil {
			return err
		}
	}
	return nil
}

// Talking says whether somebody is in a call in the room right now.
func (s *Store) Talking(ctx context.Context, q db.Querier, roomID string) (bool, error) {
	var n int
	if err := q.QueryRow(ctx, `SELECT COUNT(*) FROM call c JOIN call_person p ON p.call = c.id WHERE c.room = $1 AND c.ended_at = 0 AND p.left_at = 0`, roomID).Scan(&n); err != nil {
		return false, fmt.Errorf("read who talks: %w", err)
	}
	return n > 0, nil
}
