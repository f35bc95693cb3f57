-- Changes to connections that wait for their proof by recorded sign-ins.
CREATE TABLE sso_drafts (
    id               TEXT PRIMARY KEY NOT NULL,
    workspace_id     TEXT NOT NULL REFERENCES workspaces (id),
    connection_id    TEXT NOT NULL REFERENCES sso_connections (id),
    base_version     BIGINT NOT NULL,
    provider         TEXT NOT NULL,
    config           TEXT NOT NULL,
    client_secret    TEXT,
    certificates     TEXT NOT NULL,
    jit_provisioning BOOLEAN NOT NULL,
    default_role     TEXT NOT NULL,
    created_by       TEXT,
    created_at       BIGINT NOT NULL,
    replayed_at      BIGINT
);
CREATE INDEX sso_drafts_connection ON sso_drafts (connection_id, created_at);
