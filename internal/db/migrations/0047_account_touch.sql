-- +goose Up
-- Who had a hand in whose account: with that hand they could have acted as them.
CREATE TABLE account_touch (
  account TEXT NOT NULL REFERENCES account (id),
  by_whom TEXT NOT NULL,
  what TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (account, by_whom, what)
);
CREATE INDEX account_touch_at ON account_touch (at);
-- Whose API token asked, when that is not the one who asked.
ALTER TABLE approval ADD COLUMN requested_via TEXT NOT NULL DEFAULT '';
