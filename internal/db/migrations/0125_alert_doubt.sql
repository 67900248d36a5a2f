-- +goose Up
-- When a resolved alert was told to fire with a start that was known, so soon
-- after its end that it may be an old delivery; 0: not since it ended.
ALTER TABLE alert ADD COLUMN doubt_at BIGINT NOT NULL DEFAULT 0;
