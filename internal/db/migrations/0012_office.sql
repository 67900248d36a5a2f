-- +goose Up
CREATE TABLE floor (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  position BIGINT NOT NULL,
  layout TEXT NOT NULL
);

-- Where a person sits; one row a person, kept while they are offline.
CREATE TABLE location (
  person TEXT PRIMARY KEY,
  room TEXT NOT NULL REFERENCES room (id),
  seat BIGINT NOT NULL,
  since BIGINT NOT NULL
);
CREATE INDEX location_room ON location (room);

-- "Come here": asked, then accepted, declined or expired.
CREATE TABLE office_get (
  id TEXT PRIMARY KEY,
  asker TEXT NOT NULL,
  person TEXT NOT NULL,
  room TEXT NOT NULL REFERENCES room (id),
  state TEXT NOT NULL,
  note TEXT NOT NULL,
  answer TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  answered_at BIGINT NOT NULL
);
CREATE INDEX office_get_pending ON office_get (person) WHERE state = 'pending';
CREATE INDEX office_get_asker ON office_get (asker) WHERE state = 'pending';
