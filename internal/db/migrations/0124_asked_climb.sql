-- +goose Up
-- A climb that somebody asked for by hand, of another service than the incident's
-- own: only those whom it calls end it.
ALTER TABLE incident_escalation ADD COLUMN asked BOOLEAN NOT NULL DEFAULT FALSE;
