-- +goose Up
-- A private room takes its name from nobody: a refused name would tell of it.
DROP INDEX room_name;
CREATE UNIQUE INDEX room_name ON room (LOWER(name)) WHERE NOT archived AND NOT private;
CREATE INDEX room_name_any ON room (LOWER(name)) WHERE NOT archived;
