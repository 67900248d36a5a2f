-- +goose Up
-- How people who cannot come into a room take part in it by other means, and
-- who was noted there by name.
CREATE TABLE room_bridge (
  room TEXT PRIMARY KEY REFERENCES room (id),
  kind TEXT NOT NULL,
  url TEXT NOT NULL,
  phone TEXT NOT NULL,
  code TEXT NOT NULL,
  people TEXT NOT NULL,
  set_by TEXT NOT NULL,
  set_at BIGINT NOT NULL
);
