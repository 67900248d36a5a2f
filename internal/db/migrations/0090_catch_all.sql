-- +goose Up
-- The rotation that is paged where nobody else is on call; one row or none.
CREATE TABLE catch_all (
  one BIGINT PRIMARY KEY,
  rotation TEXT NOT NULL REFERENCES rotation (id)
);

-- How long an acknowledged SEV-1 or SEV-2 of the service may stay untouched
-- before it is paged again, in seconds; 0: for ever.
ALTER TABLE service ADD COLUMN ack_timeout BIGINT NOT NULL DEFAULT 1800;
