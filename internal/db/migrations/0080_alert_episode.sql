-- +goose Up
-- An alert is an episode: how it ended, the starts that were heard in it, and
-- what belongs to an earlier one.
ALTER TABLE alert ADD COLUMN ended_by TEXT NOT NULL DEFAULT ''; -- source, person, incident, silence; '' while it fires
ALTER TABLE alert ADD COLUMN resolved_by TEXT NOT NULL DEFAULT ''; -- the person
ALTER TABLE alert ADD COLUMN latest_start BIGINT NOT NULL DEFAULT 0; -- the latest start heard in this episode
ALTER TABLE alert ADD COLUMN before_at BIGINT NOT NULL DEFAULT 0; -- starts and ends up to here are of earlier episodes
ALTER TABLE alert ADD COLUMN flaps BIGINT NOT NULL DEFAULT 0; -- how often it fired again
ALTER TABLE alert ADD COLUMN flap_message TEXT NOT NULL DEFAULT ''; -- the line that counts
UPDATE alert SET latest_start = starts_at;
UPDATE alert SET ended_by = 'source' WHERE state = 'resolved';

ALTER TABLE alert_source ADD COLUMN stale_after BIGINT NOT NULL DEFAULT 86400; -- seconds
ALTER TABLE alert_source ADD COLUMN left_out BIGINT NOT NULL DEFAULT 0; -- alerts that could not be taken, in all
ALTER TABLE alert_source ADD COLUMN notice TEXT NOT NULL DEFAULT ''; -- the newest remark about a delivery that was taken
ALTER TABLE alert_source ADD COLUMN notice_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX alert_stale ON alert (source, last_at) WHERE state <> 'resolved';

ALTER TABLE alert_board ADD COLUMN truncated BIGINT NOT NULL DEFAULT 0; -- alerts the sender left out, as last said in the room
ALTER TABLE alert_board ADD COLUMN over_at BIGINT NOT NULL DEFAULT 0; -- when the room was told that nothing fires any more
ALTER TABLE alert_board ADD COLUMN over_count BIGINT NOT NULL DEFAULT 0; -- of how many alerts

-- Alerts gather by service and environment, for a time after the newest.
ALTER TABLE service ADD COLUMN gather_after BIGINT NOT NULL DEFAULT 7200; -- seconds
ALTER TABLE incident ADD COLUMN gathered BIGINT NOT NULL DEFAULT 0;
UPDATE incident SET gathered = declared WHERE collects <> '';
UPDATE incident SET gathered = (SELECT MAX(first_at) FROM alert WHERE alert.incident = incident.id) WHERE collects <> '' AND EXISTS (SELECT 1 FROM alert WHERE alert.incident = incident.id);
-- Services were told apart by capitals: of those that are one now, the newest
-- incident goes on gathering.
DROP INDEX incident_collects;
UPDATE incident SET collects = LOWER(collects) || '/' || LOWER(environment) WHERE collects LIKE 'service:%';
UPDATE incident SET collects = '' WHERE collects <> '' AND EXISTS (SELECT 1 FROM incident newer WHERE newer.collects = incident.collects AND newer.id > incident.id);
CREATE UNIQUE INDEX incident_collects ON incident (collects) WHERE collects <> '';

-- What an incident that is over left firing is over too.
UPDATE alert SET state = 'resolved', ended_by = 'incident',
  resolved_at = (SELECT CASE WHEN i.resolved <> 0 THEN i.resolved ELSE i.closed END FROM incident i WHERE i.id = alert.incident),
  ends_at = (SELECT CASE WHEN i.resolved <> 0 THEN i.resolved ELSE i.closed END FROM incident i WHERE i.id = alert.incident)
WHERE state <> 'resolved' AND incident IN (SELECT id FROM incident WHERE stage IN ('resolved', 'closed'));
