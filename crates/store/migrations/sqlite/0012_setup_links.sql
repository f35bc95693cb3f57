-- Links with which somebody without an account finishes the set-up of one connection.
CREATE TABLE sso_setup_links (
    id              TEXT PRIMARY KEY NOT NULL,
    workspace_id    TEXT NOT NULL REFERENCES workspaces (id),
    connection_id   TEXT NOT NULL REFERENCES sso_connections (id),
    owner_kind      TEXT NOT NULL,
    version         BIGINT NOT NULL,
    token           TEXT NOT NULL,
    created_by      TEXT,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    revoked_at      BIGINT,
    opened          BIGINT NOT NULL,
    first_opened_at BIGINT,
    last_used_at    BIGINT
);
CREATE UNIQUE INDEX sso_setup_links_token ON sso_setup_links (token);
CREATE INDEX sso_setup_links_connection ON sso_setup_links (connection_id, created_at);
CREATE INDEX sso_setup_links_workspace ON sso_setup_links (workspace_id, created_at);
