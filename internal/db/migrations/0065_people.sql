-- +goose Up
-- What a person can do, one a line.
ALTER TABLE account ADD COLUMN skills TEXT NOT NULL DEFAULT '';

-- Asked of somebody who did not want to be disturbed.
ALTER TABLE office_get ADD COLUMN quiet BOOLEAN NOT NULL DEFAULT FALSE;

-- The room a person goes home to.
CREATE TABLE office_home (
  person TEXT PRIMARY KEY,
  room TEXT NOT NULL REFERENCES room (id)
);

-- Whom a person wants at hand.
CREATE TABLE office_star (
  person TEXT NOT NULL,
  starred TEXT NOT NULL,
  PRIMARY KEY (person, starred)
);
