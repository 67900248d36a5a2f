-- +goose Up
-- What a rotation was from an instant on, so that "who was on call then" has one
-- answer however it was changed since. The newest row is the rotation as it is.
CREATE TABLE rotation_version (
  id TEXT PRIMARY KEY,
  rotation TEXT NOT NULL, -- kept when the rotation is removed
  from_at BIGINT NOT NULL,
  name TEXT NOT NULL,
  members TEXT NOT NULL, -- JSON list of user ids; empty: it was removed
  shift_hours BIGINT NOT NULL,
  starts_at BIGINT NOT NULL,
  time_zone TEXT NOT NULL
);
CREATE INDEX rotation_version_rotation ON rotation_version (rotation, from_at);
INSERT INTO rotation_version (id, rotation, from_at, name, members, shift_hours, starts_at, time_zone)
  SELECT id, id, 0, name, members, shift_hours, starts_at, time_zone FROM rotation;

-- One person's wish that another takes a stretch of their duty, perhaps for one of theirs.
CREATE TABLE rotation_swap (
  id TEXT PRIMARY KEY,
  rotation TEXT NOT NULL REFERENCES rotation (id),
  asker TEXT NOT NULL,
  other TEXT NOT NULL,
  from_at BIGINT NOT NULL,
  until_at BIGINT NOT NULL,
  back_from BIGINT NOT NULL, -- what the asker takes for it; 0: nothing
  back_until BIGINT NOT NULL,
  note TEXT NOT NULL,
  state TEXT NOT NULL, -- pending, accepted, declined, withdrawn
  created_at BIGINT NOT NULL,
  answered_at BIGINT NOT NULL
);
CREATE INDEX rotation_swap_rotation ON rotation_swap (rotation, id);

-- The address under which a person's calendar reads their duties.
CREATE TABLE duty_calendar (
  person TEXT PRIMARY KEY,
  secret TEXT NOT NULL UNIQUE, -- SHA-256 of the secret in the address
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL
);
