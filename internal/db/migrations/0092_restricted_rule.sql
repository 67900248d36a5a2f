-- +goose Up
-- What the rule declares is open to the people of these groups (JSON list) only.
ALTER TABLE alert_rule ADD COLUMN restricted BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE alert_rule ADD COLUMN named_groups TEXT NOT NULL DEFAULT '[]';
