-- +goose Up
-- project '' = the application's policies.
CREATE TABLE policy (
  project TEXT NOT NULL,
  name TEXT NOT NULL,
  body TEXT NOT NULL,
  version BIGINT NOT NULL,
  updated_by TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (project, name)
);

-- One row. The mark changes with every policy, so that compiled policies can be kept.
CREATE TABLE policy_version (
  mark TEXT NOT NULL
);
INSERT INTO policy_version (mark) VALUES ('first');
