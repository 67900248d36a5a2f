-- +goose Up
-- Just the messages that can be unread (internal/room): the count reads nothing else.
CREATE INDEX message_unread ON message (room, seq, author) WHERE NOT deleted AND author <> 'system:call';
