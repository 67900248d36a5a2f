-- +goose Up
-- body is what is sealed; the other columns repeat parts of it so that it can be queried, and verify compares them.
CREATE TABLE ledger_event (
  n BIGINT PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  resource TEXT NOT NULL,
  room TEXT NOT NULL,
  incident TEXT NOT NULL,
  project TEXT NOT NULL,
  outcome TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX ledger_event_incident ON ledger_event (incident, n) WHERE incident <> '';
CREATE INDEX ledger_event_room ON ledger_event (room, n) WHERE room <> '';
CREATE INDEX ledger_event_kind ON ledger_event (kind, n);
CREATE INDEX ledger_event_resource ON ledger_event (resource, n);

-- Personal or secret text, stored apart: destroying a row erases the text and leaves the chain whole.
CREATE TABLE ledger_private (
  event TEXT NOT NULL,
  field TEXT NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (event, field)
);

CREATE TABLE ledger_hash (
  n BIGINT PRIMARY KEY,
  h BLOB NOT NULL
);

-- One row: the signed checkpoint over everything recorded.
CREATE TABLE ledger_head (
  one BIGINT PRIMARY KEY,
  size BIGINT NOT NULL,
  note TEXT NOT NULL
);
