-- +goose Up
CREATE TABLE project (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  allow_raw BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE node (
  project TEXT NOT NULL, -- project.name
  name TEXT NOT NULL,
  source TEXT NOT NULL,
  attrs TEXT NOT NULL, -- JSON, all attributes
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (project, name)
);
