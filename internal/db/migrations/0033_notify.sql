-- +goose Up
CREATE TABLE notification (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  subject TEXT NOT NULL, -- of the mail
  body TEXT NOT NULL,
  link TEXT NOT NULL,
  incident TEXT NOT NULL,
  uniq TEXT NOT NULL,    -- the same key again is the same notification
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  acted_at BIGINT NOT NULL
);
CREATE INDEX notification_person ON notification (person, id);
CREATE INDEX notification_unseen ON notification (person) WHERE seen_at = 0;
CREATE UNIQUE INDEX notification_uniq ON notification (person, uniq) WHERE uniq <> '';

CREATE TABLE notification_channel (
  notification TEXT NOT NULL REFERENCES notification (id),
  person TEXT NOT NULL,
  channel TEXT NOT NULL, -- app, email
  state TEXT NOT NULL,   -- queued, sent, failed, off, skipped
  at BIGINT NOT NULL,
  error TEXT NOT NULL,
  PRIMARY KEY (notification, channel)
);
CREATE INDEX notification_channel_sent ON notification_channel (person, channel, at) WHERE state = 'sent';
