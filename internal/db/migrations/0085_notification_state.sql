-- +goose Up
-- How bad what one is told about is, 1 to 4 as an incident's severity; 0 where
-- it has none. A drill is marked wherever it is told.
ALTER TABLE notification ADD COLUMN severity BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notification ADD COLUMN drill BOOLEAN NOT NULL DEFAULT FALSE;
-- When what it asks for was over without this person: somebody else did it, or
-- it is no longer needed. 0 while it asks.
ALTER TABLE notification ADD COLUMN ended_at BIGINT NOT NULL DEFAULT 0;
UPDATE notification SET severity = COALESCE((SELECT i.severity FROM incident i WHERE i.id = notification.incident), 0) WHERE kind = 'page';
UPDATE notification SET ended_at = created_at WHERE acted_at = 0 AND NOT (kind = 'page' AND incident IN (SELECT id FROM incident WHERE stage NOT IN ('resolved', 'closed') AND acknowledged = 0));
CREATE INDEX notification_open ON notification (person) WHERE acted_at = 0 AND ended_at = 0;
CREATE INDEX notification_incident ON notification (incident) WHERE incident <> '' AND acted_at = 0 AND ended_at = 0;
