-- +goose Up
-- What has to be done, or answered, once an incident is over.
CREATE TABLE incident_followup (
  id TEXT PRIMARY KEY,
  incident TEXT NOT NULL REFERENCES incident (id),
  kind TEXT NOT NULL, -- action, question
  text TEXT NOT NULL,
  owner TEXT NOT NULL, -- a person, or ''
  due TEXT NOT NULL, -- YYYY-MM-DD, or ''
  state TEXT NOT NULL, -- open, done, dropped
  answer TEXT NOT NULL, -- what came of it
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  closed_at BIGINT NOT NULL
);
CREATE INDEX incident_followup_incident ON incident_followup (incident, id);
CREATE INDEX incident_followup_owner ON incident_followup (owner, id) WHERE state = 'open';
