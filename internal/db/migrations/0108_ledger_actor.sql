-- +goose Up
-- What somebody did of a kind lately: for their bounds, and for readers who filter by them.
CREATE INDEX ledger_event_actor ON ledger_event (actor, kind, at);
