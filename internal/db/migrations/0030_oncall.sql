-- +goose Up
CREATE TABLE service (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  environments TEXT NOT NULL, -- JSON list
  rotation TEXT NOT NULL,     -- rotation.id or ''
  runbook_url TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE rotation (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  members TEXT NOT NULL, -- JSON list of user ids, in order of turns
  shift_hours BIGINT NOT NULL,
  starts_at BIGINT NOT NULL,
  time_zone TEXT NOT NULL,
  escalate_after BIGINT NOT NULL, -- seconds
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE rotation_override (
  id TEXT PRIMARY KEY,
  rotation TEXT NOT NULL REFERENCES rotation (id),
  person TEXT NOT NULL,
  from_at BIGINT NOT NULL,
  until_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX rotation_override_rotation ON rotation_override (rotation, id);
