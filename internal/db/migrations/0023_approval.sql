-- +goose Up
CREATE TABLE approval_document (
  project TEXT NOT NULL,
  name TEXT NOT NULL,
  body TEXT NOT NULL,
  version BIGINT NOT NULL,
  updated_by TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (project, name)
);

CREATE TABLE approval (
  id TEXT PRIMARY KEY,
  project TEXT NOT NULL,
  subject TEXT NOT NULL, -- "run:<id>"
  attrs TEXT NOT NULL,   -- JSON: what access rules may look at
  digest TEXT NOT NULL,
  summary TEXT NOT NULL,
  needs TEXT NOT NULL,   -- JSON: [{rule, need, groups}]
  requested_by TEXT NOT NULL,
  room TEXT NOT NULL,
  incident TEXT NOT NULL,
  state TEXT NOT NULL,   -- asked, approved, declined, expired, voided
  reason TEXT NOT NULL DEFAULT '',
  asked_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX approval_asked ON approval (asked_at) WHERE state = 'asked';

CREATE TABLE approval_vote (
  approval_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  groups TEXT NOT NULL, -- JSON: the groups of the voter at that moment
  decision TEXT NOT NULL, -- approve, decline
  note TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (approval_id, user_id)
);
