-- +goose Up
-- none or required: calls of the room are recorded for the record.
ALTER TABLE room ADD COLUMN recording TEXT NOT NULL DEFAULT 'none';
-- Who was told that a room's calls are recorded and went on, and when last.
CREATE TABLE call_consent (
  room TEXT NOT NULL REFERENCES room (id),
  person TEXT NOT NULL,
  given_at BIGINT NOT NULL,
  PRIMARY KEY (room, person)
);
-- One stretch of one microphone, as an Ogg file in chunks.
CREATE TABLE recording (
  id TEXT PRIMARY KEY,
  call TEXT NOT NULL REFERENCES call (id),
  room TEXT NOT NULL REFERENCES room (id),
  person TEXT NOT NULL,
  state TEXT NOT NULL, -- open, kept, deleted
  started_at BIGINT NOT NULL,
  offset_ms BIGINT NOT NULL, -- from the start of the call
  ms BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  transcript TEXT NOT NULL
);
CREATE INDEX recording_room ON recording (room, started_at);
CREATE INDEX recording_call ON recording (call, started_at);
CREATE INDEX recording_state ON recording (state, started_at);
CREATE TABLE recording_chunk (
  recording TEXT NOT NULL REFERENCES recording (id),
  n BIGINT NOT NULL,
  blob TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  ms BIGINT NOT NULL, -- of the whole file up to its end
  PRIMARY KEY (recording, n)
);
