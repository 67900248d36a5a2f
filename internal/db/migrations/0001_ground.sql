-- +goose Up
CREATE TABLE task (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  args TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'ready', -- ready, running, done, failed, cancelled
  run_at BIGINT NOT NULL,
  attempt BIGINT NOT NULL DEFAULT 0,
  max_attempts BIGINT NOT NULL,
  node TEXT NOT NULL DEFAULT '',
  lease_until BIGINT NOT NULL DEFAULT 0,
  uniq TEXT,
  error TEXT NOT NULL DEFAULT '',
  finished_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX task_due ON task (run_at, id) WHERE state = 'ready';
CREATE INDEX task_lease ON task (lease_until) WHERE state = 'running';
CREATE INDEX task_finished ON task (finished_at) WHERE finished_at > 0;
CREATE UNIQUE INDEX task_uniq ON task (kind, uniq) WHERE uniq IS NOT NULL AND state IN ('ready', 'running');

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE counter (
  name TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);
