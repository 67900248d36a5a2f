-- +goose Up
CREATE TABLE ticket_series (
  name TEXT PRIMARY KEY,
  last BIGINT NOT NULL
);

CREATE TABLE incident (
  id TEXT PRIMARY KEY,
  ticket TEXT NOT NULL UNIQUE,
  ticket_url TEXT NOT NULL,
  title TEXT NOT NULL,
  room TEXT NOT NULL REFERENCES room (id),
  severity BIGINT NOT NULL,
  stage TEXT NOT NULL,
  mode TEXT NOT NULL,
  restricted BOOLEAN NOT NULL,
  service TEXT NOT NULL, -- service.name, or what an alert called it
  environment TEXT NOT NULL,
  summary TEXT NOT NULL,
  declared_by TEXT NOT NULL,
  collects TEXT NOT NULL, -- what alerts gather here while it is open; '' once it no longer does
  merged_into TEXT NOT NULL,
  impact_started BIGINT NOT NULL,
  first_signal BIGINT NOT NULL,
  detected BIGINT NOT NULL,
  declared BIGINT NOT NULL,
  acknowledged BIGINT NOT NULL,
  first_responder BIGINT NOT NULL,
  mitigated BIGINT NOT NULL,
  resolved BIGINT NOT NULL,
  closed BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX incident_room ON incident (room);
CREATE UNIQUE INDEX incident_collects ON incident (collects) WHERE collects <> '';
CREATE INDEX incident_open ON incident (id) WHERE stage <> 'closed';
CREATE INDEX incident_service ON incident (service, id) WHERE stage <> 'closed';

CREATE TABLE incident_role (
  incident TEXT NOT NULL REFERENCES incident (id),
  role TEXT NOT NULL,
  person TEXT NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (incident, role)
);

-- One climb of a rotation's ladder: from the page of whoever is on call until
-- somebody acknowledges, the incident ends, or the ladder was climbed twice.
CREATE TABLE incident_escalation (
  id TEXT PRIMARY KEY,
  incident TEXT NOT NULL REFERENCES incident (id),
  service TEXT NOT NULL,
  rotation TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  level BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  state TEXT NOT NULL -- running, stopped, exhausted
);
CREATE INDEX incident_escalation_incident ON incident_escalation (incident, id);

CREATE TABLE incident_page (
  id TEXT PRIMARY KEY,
  incident TEXT NOT NULL REFERENCES incident (id),
  escalation TEXT NOT NULL, -- '' for a page sent by hand
  person TEXT NOT NULL,
  level BIGINT NOT NULL,
  state TEXT NOT NULL, -- paged, seen, acknowledged, declined, escalated
  notification TEXT NOT NULL,
  paged_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  acknowledged_at BIGINT NOT NULL,
  joined_at BIGINT NOT NULL
);
CREATE INDEX incident_page_incident ON incident_page (incident, id);
CREATE INDEX incident_page_notification ON incident_page (notification);

CREATE TABLE incident_note (
  id TEXT PRIMARY KEY,
  incident TEXT NOT NULL REFERENCES incident (id),
  person TEXT NOT NULL,
  at BIGINT NOT NULL, -- when what it tells of happened
  text TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX incident_note_incident ON incident_note (incident, at);
