-- Single sign-on in depth: own keys with their overlap, provider metadata and its refresh.

-- next, current or previous; of each at most one. A retired key is gone.
ALTER TABLE saml_keys ADD COLUMN state TEXT NOT NULL DEFAULT 'current';
CREATE UNIQUE INDEX saml_keys_state ON saml_keys (purpose, scope, state);

-- Workspaces with a key of their own that retired the key shared by all.
CREATE TABLE saml_shared_key_left (
    workspace_id TEXT PRIMARY KEY NOT NULL REFERENCES workspaces (id),
    left_at      BIGINT NOT NULL
);

ALTER TABLE sso_requests ADD COLUMN force_authn BOOLEAN NOT NULL DEFAULT FALSE;

-- How the refresh of a connection's metadata goes; the address is in its configuration.
CREATE TABLE sso_metadata (
    connection_id TEXT PRIMARY KEY NOT NULL REFERENCES sso_connections (id),
    fetched_at    BIGINT,
    next_fetch_at BIGINT NOT NULL,
    note          TEXT,
    error         TEXT,
    failing_since BIGINT,
    told_at       BIGINT
);
CREATE INDEX sso_metadata_due ON sso_metadata (next_fetch_at);

-- Which warnings of an ending certificate were sent.
CREATE TABLE sso_expiry_warnings (
    connection_id TEXT NOT NULL REFERENCES sso_connections (id),
    fingerprint   TEXT NOT NULL,
    days          BIGINT NOT NULL,
    sent_at       BIGINT NOT NULL,
    PRIMARY KEY (connection_id, fingerprint, days)
);
