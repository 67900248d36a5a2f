-- +goose Up
-- sealed holds the content under a key of its own; wrapped holds that key under the master key named master.
CREATE TABLE stored_key (
  path TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  size BIGINT NOT NULL,
  fingerprint TEXT NOT NULL,
  master TEXT NOT NULL,
  wrapped BLOB NOT NULL,
  sealed BLOB NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_by TEXT NOT NULL,
  modified_at BIGINT NOT NULL
);

-- One row: the master key that new keys go under.
CREATE TABLE master_key (
  one BIGINT PRIMARY KEY,
  id TEXT NOT NULL
);

-- Data keys of values that other packages keep sealed in rows of their own.
CREATE TABLE vault_key (
  id TEXT PRIMARY KEY,
  master TEXT NOT NULL,
  wrapped BLOB NOT NULL,
  created_at BIGINT NOT NULL
);
