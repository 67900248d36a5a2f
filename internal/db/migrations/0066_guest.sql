-- +goose Up
-- A link by which somebody without an account asks to come into one room.
-- secret is the SHA-256 of what stands in it.
CREATE TABLE guest_link (
  id TEXT PRIMARY KEY,
  room TEXT NOT NULL REFERENCES room (id),
  label TEXT NOT NULL,
  secret TEXT NOT NULL UNIQUE,
  most BIGINT NOT NULL,
  made_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL
);
CREATE INDEX guest_link_room ON guest_link (room);

-- A guest at the door, and then inside. Once let in, the visit's id is that of
-- an account of the kind guest. since is the room's number on admission: what
-- was said before is not theirs to read.
CREATE TABLE guest_visit (
  id TEXT PRIMARY KEY,
  link TEXT NOT NULL REFERENCES guest_link (id),
  room TEXT NOT NULL REFERENCES room (id),
  name TEXT NOT NULL,
  looks_like TEXT NOT NULL,
  secret TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  word TEXT NOT NULL,
  since BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  admitted_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL
);
CREATE INDEX guest_visit_room ON guest_visit (room, state);
CREATE INDEX guest_visit_link ON guest_visit (link, state);

-- The name of a guest who knocks; empty for those who have an account.
ALTER TABLE office_knock ADD COLUMN guest TEXT NOT NULL DEFAULT '';
ALTER TABLE office_knock ADD COLUMN looks_like TEXT NOT NULL DEFAULT '';
