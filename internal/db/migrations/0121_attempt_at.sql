-- +goose Up
-- Tries are forgotten by their age (internal/notify).
CREATE INDEX notification_attempt_at ON notification_attempt (at);
