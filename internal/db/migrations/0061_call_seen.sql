-- +goose Up
-- When it was last known that the call went on: after Muster was away for long
-- it ended then, and not when Muster came back.
ALTER TABLE call ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
-- Moved to the gallery by another, who is not let back by coming again.
ALTER TABLE call_person ADD COLUMN held BOOLEAN NOT NULL DEFAULT FALSE;
