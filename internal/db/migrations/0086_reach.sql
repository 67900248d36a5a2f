-- +goose Up
-- A firm's own way to telephones: a URL that takes a signed message.
CREATE TABLE gateway (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  url TEXT NOT NULL,
  address TEXT NOT NULL, -- what a person's address there is called, such as "Mobile number"
  secret BLOB NOT NULL,  -- sealed
  enabled BOOLEAN NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- By which ways a person wants to be called, in order. Who has no row is called by mail.
CREATE TABLE reach_channel (
  person TEXT NOT NULL,
  channel TEXT NOT NULL, -- email, or gateway:ID
  position BIGINT NOT NULL,
  used BOOLEAN NOT NULL,
  address TEXT NOT NULL, -- at a gateway
  delay BIGINT NOT NULL, -- seconds after the page
  severity BIGINT NOT NULL, -- for this one and worse
  PRIMARY KEY (person, channel)
);

-- How a person's screens make themselves heard.
CREATE TABLE reach_screen (
  person TEXT PRIMARY KEY,
  alarm BIGINT NOT NULL, -- volume of a page's alarm in percent; 0 is off
  chime BIGINT NOT NULL, -- volume of the sound for a Get, a knock and a mention; 0 is off
  desktop BOOLEAN NOT NULL
);

ALTER TABLE notification_channel ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notification_channel ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE notification_channel ADD COLUMN due BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notification_channel ADD COLUMN claimed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notification_channel ADD COLUMN held BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE notification_channel ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
CREATE INDEX notification_channel_due ON notification_channel (person, channel, due) WHERE state = 'queued';

-- Each try to send something beyond the browser, and what came of it.
CREATE TABLE notification_attempt (
  id TEXT PRIMARY KEY,
  notification TEXT NOT NULL REFERENCES notification (id),
  person TEXT NOT NULL,
  channel TEXT NOT NULL,
  at BIGINT NOT NULL,
  sent BOOLEAN NOT NULL,
  error TEXT NOT NULL,
  answer TEXT NOT NULL -- what the gateway said
);
CREATE INDEX notification_attempt_notification ON notification_attempt (notification, id);
CREATE INDEX notification_attempt_channel ON notification_attempt (channel, id);
