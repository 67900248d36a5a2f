-- +goose Up
-- "May I come in?": asked at a door that is not open, then answered by somebody
-- inside, withdrawn, or expired.
CREATE TABLE office_knock (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL,
  room TEXT NOT NULL REFERENCES room (id),
  state TEXT NOT NULL,
  note TEXT NOT NULL,
  answer TEXT NOT NULL,
  answered_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  answered_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX office_knock_pending ON office_knock (person, room) WHERE state = 'pending';
CREATE INDEX office_knock_room ON office_knock (room) WHERE state = 'pending';
CREATE INDEX office_knock_recent ON office_knock (person, created_at);
