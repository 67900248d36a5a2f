-- +goose Up
CREATE TABLE alert_source (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  service TEXT NOT NULL, -- of alerts for which nothing else says one
  secret TEXT NOT NULL,  -- SHA-256 of the secret in the URL; '' once removed
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_delivery_at BIGINT NOT NULL,
  last_error TEXT NOT NULL,
  last_error_at BIGINT NOT NULL,
  removed_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX alert_source_secret ON alert_source (secret) WHERE secret <> '';
CREATE UNIQUE INDEX alert_source_name ON alert_source (name) WHERE removed_at = 0;

CREATE TABLE alert_rule (
  id TEXT PRIMARY KEY,
  position BIGINT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  matches TEXT NOT NULL,
  service TEXT NOT NULL,
  environment TEXT NOT NULL,
  severity TEXT NOT NULL,
  action TEXT NOT NULL
);

CREATE TABLE alert (
  id TEXT PRIMARY KEY,
  source TEXT NOT NULL REFERENCES alert_source (id),
  fingerprint TEXT NOT NULL,
  group_key TEXT NOT NULL,
  state TEXT NOT NULL, -- open, acknowledged, resolved
  title TEXT NOT NULL,
  summary TEXT NOT NULL,
  service TEXT NOT NULL,
  environment TEXT NOT NULL,
  severity BIGINT NOT NULL,
  labels TEXT NOT NULL,
  annotations TEXT NOT NULL,
  generator_url TEXT NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  first_at BIGINT NOT NULL, -- when it was first delivered
  last_at BIGINT NOT NULL,
  resolved_at BIGINT NOT NULL, -- when the resolution was delivered
  count BIGINT NOT NULL,
  incident TEXT NOT NULL,
  message TEXT NOT NULL, -- its card; '' when it is only counted on the board
  rule TEXT NOT NULL,
  acknowledged_by TEXT NOT NULL,
  acknowledged_at BIGINT NOT NULL
);
-- One live alert per fingerprint of a source, however many deliveries race.
CREATE UNIQUE INDEX alert_live ON alert (source, fingerprint) WHERE state <> 'resolved';
CREATE INDEX alert_fingerprint ON alert (source, fingerprint, id);
CREATE INDEX alert_incident ON alert (incident, id) WHERE incident <> '';
CREATE INDEX alert_open ON alert (id) WHERE state <> 'resolved';

-- What an incident's room shows of its alerts: so many have cards, the rest is counted on one.
CREATE TABLE alert_board (
  incident TEXT PRIMARY KEY,
  cards BIGINT NOT NULL,
  message TEXT NOT NULL
);
