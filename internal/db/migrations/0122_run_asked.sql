-- +goose Up
-- The fingerprint of the request, sealed: the same key again has to ask for the
-- same. Not there for runs without a key and those of before it was kept.
ALTER TABLE run ADD COLUMN asked BLOB;
