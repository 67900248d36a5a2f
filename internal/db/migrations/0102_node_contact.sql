-- +goose Up
-- When a run last tried to reach the node, and why it could not; empty: it could.
ALTER TABLE node ADD COLUMN contact_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN contact_error TEXT NOT NULL DEFAULT '';
CREATE INDEX run_node_name ON run_node (name);
