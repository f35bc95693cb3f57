-- Tokens with which identity providers keep the directory of a workspace (SCIM); kept as digests.
CREATE TABLE scim_tokens (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    owner_kind   TEXT NOT NULL,
    version      BIGINT NOT NULL,
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    masked       TEXT NOT NULL,
    token        TEXT NOT NULL,
    created_by   TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX scim_tokens_token ON scim_tokens (token);
CREATE UNIQUE INDEX scim_tokens_name ON scim_tokens (workspace_id, name_key);
