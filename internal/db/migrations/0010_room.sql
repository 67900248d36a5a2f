-- +goose Up
CREATE TABLE room (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  topic TEXT NOT NULL,
  private BOOLEAN NOT NULL,
  door TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  floor TEXT NOT NULL,
  seq BIGINT NOT NULL,
  archived BOOLEAN NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX room_name ON room (LOWER(name)) WHERE NOT archived;
CREATE INDEX room_subject ON room (subject_kind, subject_id) WHERE subject_id <> '';

CREATE TABLE room_member (
  room TEXT NOT NULL REFERENCES room (id),
  person TEXT NOT NULL,
  joined_at BIGINT NOT NULL,
  PRIMARY KEY (room, person)
);
CREATE INDEX room_member_person ON room_member (person);

-- Where a person has read to; rows only for those who ever opened or joined the room.
CREATE TABLE room_read (
  room TEXT NOT NULL REFERENCES room (id),
  person TEXT NOT NULL,
  seq BIGINT NOT NULL,
  mentions BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (room, person)
);
CREATE INDEX room_read_person ON room_read (person);
