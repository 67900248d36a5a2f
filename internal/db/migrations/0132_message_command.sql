-- +goose Up
-- A line that is a command names nobody: its verb tells whom it is about.
ALTER TABLE message ADD COLUMN command BOOLEAN NOT NULL DEFAULT FALSE;
