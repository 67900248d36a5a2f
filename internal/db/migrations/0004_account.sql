-- +goose Up
CREATE TABLE account (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  display TEXT NOT NULL,
  email TEXT NOT NULL,
  title TEXT NOT NULL,
  team TEXT NOT NULL,
  kind TEXT NOT NULL,
  disabled BOOLEAN NOT NULL,
  -- argon2id in PHC form; '' = cannot sign in with a password.
  password TEXT NOT NULL,
  password_at BIGINT NOT NULL,
  -- Wrong passwords in a row, how often that locked the account, and until when it is locked.
  failures BIGINT NOT NULL,
  locks BIGINT NOT NULL,
  locked_until BIGINT NOT NULL,
  availability TEXT NOT NULL,
  status_text TEXT NOT NULL,
  availability_until BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_email ON account (email) WHERE email <> '';

CREATE TABLE account_role (
  account TEXT NOT NULL REFERENCES account (id),
  role TEXT NOT NULL,
  PRIMARY KEY (account, role)
);

-- secret is the SHA-256 of what the browser holds.
CREATE TABLE account_session (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account (id),
  secret TEXT NOT NULL UNIQUE,
  address TEXT NOT NULL,
  agent TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL
);
CREATE INDEX account_session_account ON account_session (account);

CREATE TABLE account_token (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account (id),
  name TEXT NOT NULL,
  secret TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX account_token_account ON account_token (account);

-- The one-time link of the first administrator.
CREATE TABLE setup_token (
  secret TEXT PRIMARY KEY,
  expires_at BIGINT NOT NULL
);

-- One row, once the office has a name of its own.
CREATE TABLE office_name (
  one BIGINT PRIMARY KEY,
  name TEXT NOT NULL
);
