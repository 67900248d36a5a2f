-- +goose Up
-- How often everybody was paged at once after the last step of the ladder.
ALTER TABLE incident_escalation ADD COLUMN rounds BIGINT NOT NULL DEFAULT 0;
-- A page of such a round; the next round renews it instead of adding another.
ALTER TABLE incident_page ADD COLUMN everybody BOOLEAN NOT NULL DEFAULT FALSE;
-- When somebody was last reminded that nobody touches the incident.
ALTER TABLE incident ADD COLUMN reminded BIGINT NOT NULL DEFAULT 0;
