-- +goose Up
-- Whoever saves a plan says which version they looked at, so that nobody's work is lost unseen.
ALTER TABLE floor ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE floor ADD COLUMN changed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE floor ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;
-- How many places for war rooms the plan has: an incident's room opens where there are some.
ALTER TABLE floor ADD COLUMN slots BIGINT NOT NULL DEFAULT 0;
