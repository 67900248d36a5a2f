-- +goose Up
-- Who made the token: with one for somebody else, its maker acts as them.
ALTER TABLE account_token ADD COLUMN made_by TEXT NOT NULL DEFAULT '';
