-- +goose Up
-- Which nodes and environments a key may be used for; empty: any.
ALTER TABLE stored_key ADD COLUMN nodes TEXT NOT NULL DEFAULT '';
ALTER TABLE stored_key ADD COLUMN environments TEXT NOT NULL DEFAULT '';

-- To which host keys a stored password has gone. What was in a node list before
-- there was this table counts as met: the row '*' says until when.
CREATE TABLE key_met (
  path TEXT NOT NULL,
  host TEXT NOT NULL, -- SHA-256 of the node's ssh-host-key
  node TEXT NOT NULL,
  met_at BIGINT NOT NULL,
  PRIMARY KEY (path, host)
);
INSERT INTO key_met (path, host, node, met_at) SELECT '*', '*', '*', COALESCE(MAX(updated_at), 0) FROM node;
