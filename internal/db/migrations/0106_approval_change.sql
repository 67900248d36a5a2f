-- +goose Up
-- Who lately changed what decides whether a run is let through. project '' is
-- everywhere; what is rules, policy, roles or nodes; detail is JSON: of nodes,
-- what each was before (null: it is new).
CREATE TABLE approval_change (
  id TEXT PRIMARY KEY,
  project TEXT NOT NULL,
  what TEXT NOT NULL,
  detail TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX approval_change_at ON approval_change (at);
