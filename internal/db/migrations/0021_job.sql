-- +goose Up
CREATE TABLE job (
  id TEXT PRIMARY KEY,
  project TEXT NOT NULL,
  uuid TEXT NOT NULL,
  grp TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  current_version BIGINT NOT NULL,
  deleted_at BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX job_uuid ON job (project, uuid) WHERE deleted_at = 0;
CREATE UNIQUE INDEX job_name ON job (project, grp, name) WHERE deleted_at = 0;

-- A version is never changed: a run says by digest which one it was.
CREATE TABLE job_version (
  job_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  body TEXT NOT NULL, -- canonical YAML
  digest TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (job_id, version)
);
