-- +goose Up
CREATE TABLE message (
  id TEXT PRIMARY KEY,
  room TEXT NOT NULL REFERENCES room (id),
  seq BIGINT NOT NULL,
  change_seq BIGINT NOT NULL,
  author TEXT NOT NULL,
  author_name TEXT NOT NULL,
  author_display TEXT NOT NULL,
  author_kind TEXT NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  card_type TEXT NOT NULL,
  card_ref TEXT NOT NULL,
  card_data TEXT NOT NULL,
  thread TEXT NOT NULL,
  client_key TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  edited_at BIGINT NOT NULL,
  deleted BOOLEAN NOT NULL,
  pinned BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX message_seq ON message (room, seq);
CREATE INDEX message_change ON message (room, change_seq);
CREATE INDEX message_root ON message (room, seq) WHERE thread = '';
CREATE INDEX message_thread ON message (thread, seq) WHERE thread <> '';
CREATE INDEX message_card ON message (card_type, card_ref) WHERE card_ref <> '';
CREATE UNIQUE INDEX message_key ON message (room, author, client_key) WHERE client_key <> '';

-- Every state a message ever had. Rows are only added; each takes the room's next number.
CREATE TABLE message_version (
  room TEXT NOT NULL,
  seq BIGINT NOT NULL,
  message TEXT NOT NULL,
  change TEXT NOT NULL, -- posted, edited, deleted, card, reaction, pin
  by_id TEXT NOT NULL,
  by_name TEXT NOT NULL,
  at BIGINT NOT NULL,
  text TEXT NOT NULL,
  card_data TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (room, seq)
);
CREATE INDEX message_version_message ON message_version (message, seq);

CREATE TABLE message_reaction (
  message TEXT NOT NULL REFERENCES message (id),
  emoji TEXT NOT NULL,
  person TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (message, emoji, person)
);
