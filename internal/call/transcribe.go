package call

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"unicode/utf8"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
)

// Transcribed is the ledger event of a recording that was put into words by a machine.
type Transcribed struct {
	Recording string `json:"recording" class:"public"`
	SHA256    string `json:"sha256" class:"public"` // of the text
}

func (Transcribed) EventKind() string { return "call.Transcribed" }

const (
	mostTranscript = 1 << 20
	mostSound      = 200 << 20
)

// Transcriber is a service that turns speech into text, with the interface that
// OpenAI's has at /v1/audio/transcriptions and many speak.
type Transcriber struct {
	URL   string // whole
	Key   string // sent as a bearer token; "" sends none
	Model string
	// Client checks where it connects to.
	Client interface {
		Do(req *http.Request) (*http.Response, error)
	}
}

// transcribe has a recording put into words and keeps those beside it.
func (s *Store) transcribe(ctx context.Context, recordingID string) error {
	r, err := db.One(ctx, s.DB.Read(), scanRecording, `SELECT `+recordingCols+` FROM recording WHERE id = $1`, recordingID)
	if err != nil || r.State != "kept" || r.Transcript != "" || s.Settings.Transcriber == nil {
		return err
	}
	if r.Bytes > mostSound {
		s.Log.Warn("a recording is too long for a transcript", "recording", r.ID, "bytes", r.Bytes)
		return nil
	}
	f, err := s.file(ctx, s.DB.Read(), r.ID)
	if err != nil {
		return err
	}
	text, err := s.Settings.Transcriber.words(ctx, r.ID+".ogg", f)
	if err != nil || text == "" {
		return err
	}
	sum := sha256.Sum256([]byte(text))
	who := actor.System("call")
	return s.Access.Do(ctx, who, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE recording SET transcript = $2 WHERE id = $1 AND state = 'kept'`, r.ID, text); err != nil {
			return err
		}
		about, err := s.Rooms.About(ctx, tx, r.RoomID)
		if err != nil {
			return err
		}
		return s.Ledger.Append(ctx, tx, who, aboutRecording(about, r.ID), Transcribed{r.ID, hex.EncodeToString(sum[:])})
	})
}

func (t *Transcriber) words(ctx context.Context, name string, sound io.Reader) (string, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = io.Copy(part, sound)
	}
	for _, field := range [][2]string{{"model", t.Model}, {"response_format", "json"}} {
		if err == nil {
			err = form.WriteField(field[0], field[1])
		}
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, &body)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	if t.Key != "" {
		req.Header.Set("Authorization", "Bearer "+t.Key)
	}
	resp, err := t.Client.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask for a transcript: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, mostTranscript+1))
	if err != nil {
		return "", fmt.Errorf("read a transcript: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("ask for a transcript: the service answers %s", resp.Status)
	}
	if len(b) > mostTranscript {
		return "", fault.New(fault.TooLarge, "The transcript is longer than 1 MiB.")
	}
	var answer struct {
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(b, &answer); err != nil || answer.Text == nil || !utf8.ValidString(*answer.Text) {
		return "", fmt.Errorf("read a transcript: the answer has no text")
	}
	return *answer.Text, nil
}
