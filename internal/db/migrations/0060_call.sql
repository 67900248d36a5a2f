-- +goose Up
-- A call is what was said in a room from when the first came until the last went.
-- Who is in one now, and with what, is the engine's to say.
CREATE TABLE call (
  id TEXT PRIMARY KEY,
  room TEXT NOT NULL REFERENCES room (id),
  started_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  noted BOOLEAN NOT NULL
);
CREATE INDEX call_open ON call (room) WHERE ended_at = 0;
CREATE INDEX call_room ON call (room, started_at);
CREATE TABLE call_person (
  call TEXT NOT NULL REFERENCES call (id),
  person TEXT NOT NULL,
  mode TEXT NOT NULL,
  joined_at BIGINT NOT NULL,
  left_at BIGINT NOT NULL,
  spoke_at BIGINT NOT NULL,
  shared_at BIGINT NOT NULL,
  PRIMARY KEY (call, person)
);
