-- +goose Up
CREATE TABLE run (
  id TEXT PRIMARY KEY,
  number BIGINT NOT NULL UNIQUE,
  project TEXT NOT NULL,
  kind TEXT NOT NULL,             -- job, adhoc
  job_id TEXT NOT NULL,
  job_group TEXT NOT NULL,
  job_name TEXT NOT NULL,
  job_uuid TEXT NOT NULL,
  job_version BIGINT NOT NULL,
  title TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  environment TEXT NOT NULL,
  requested_by TEXT NOT NULL,     -- user id
  requested_name TEXT NOT NULL,
  room TEXT NOT NULL,
  incident TEXT NOT NULL,
  message TEXT NOT NULL,
  client_key TEXT,
  spec TEXT NOT NULL,             -- JSON: what was asked for, secrets apart
  steps TEXT NOT NULL,            -- JSON: [{n, kind, label}]
  secrets BLOB,                   -- sealed; removed when the run ended
  digest TEXT NOT NULL,
  approval TEXT NOT NULL,
  attempt BIGINT NOT NULL DEFAULT 0,
  worker TEXT NOT NULL DEFAULT '',
  lease_until BIGINT NOT NULL DEFAULT 0,
  stop_by TEXT NOT NULL DEFAULT '',
  stop_reason TEXT NOT NULL DEFAULT '',
  requested_at BIGINT NOT NULL,
  queued_at BIGINT NOT NULL DEFAULT 0,
  started_at BIGINT NOT NULL DEFAULT 0,
  finished_at BIGINT NOT NULL DEFAULT 0,
  total BIGINT NOT NULL,
  done BIGINT NOT NULL DEFAULT 0,
  failed BIGINT NOT NULL DEFAULT 0,
  log_lines BIGINT NOT NULL DEFAULT 0,
  log_bytes BIGINT NOT NULL DEFAULT 0,
  log_sha256 TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX run_client_key ON run (requested_by, client_key) WHERE client_key IS NOT NULL;
CREATE INDEX run_active ON run (state, lease_until) WHERE state IN ('waiting', 'queued', 'running', 'unknown');
CREATE INDEX run_room ON run (room, number) WHERE room <> '';
CREATE INDEX run_incident ON run (incident, number) WHERE incident <> '';
CREATE INDEX run_job ON run (job_id, number) WHERE job_id <> '';

CREATE TABLE run_node (
  run TEXT NOT NULL,
  place BIGINT NOT NULL,
  name TEXT NOT NULL,
  identity TEXT NOT NULL, -- JSON: what the digest binds of it
  state TEXT NOT NULL,
  step BIGINT NOT NULL DEFAULT 0,
  exit_code BIGINT,
  error TEXT NOT NULL DEFAULT '',
  steps TEXT NOT NULL DEFAULT '[]', -- JSON
  PRIMARY KEY (run, place)
);

-- One stored piece of a log. chain is the SHA-256 over the one before and the bytes of this one.
CREATE TABLE run_chunk (
  run TEXT NOT NULL,
  n BIGINT NOT NULL,
  first BIGINT NOT NULL, -- number of its first line, from 1
  lines BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  blob TEXT NOT NULL,
  chain TEXT NOT NULL,
  PRIMARY KEY (run, n)
);
