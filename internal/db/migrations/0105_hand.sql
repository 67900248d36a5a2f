-- +goose Up
-- By which API token another was made: it ends with that one.
ALTER TABLE account_token ADD COLUMN parent TEXT NOT NULL DEFAULT '';
CREATE INDEX account_token_parent ON account_token (parent) WHERE parent <> '';
-- By which API token a link for guests was made.
ALTER TABLE guest_link ADD COLUMN token TEXT NOT NULL DEFAULT '';
-- Display name of who made the API token a message was written with, when that is not its author.
ALTER TABLE message ADD COLUMN via TEXT NOT NULL DEFAULT '';
-- JSON: by which hand a run was asked for, for what it records later.
ALTER TABLE run ADD COLUMN hand TEXT NOT NULL DEFAULT '{}';
