-- +goose Up
-- What a project's words for environments mean, JSON by word: {"blue": "prod"}.
ALTER TABLE project ADD COLUMN environments TEXT NOT NULL DEFAULT '';
