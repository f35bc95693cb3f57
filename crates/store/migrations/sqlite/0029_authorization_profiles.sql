-- How requests to outside services are authorized: profiles, what authorization servers granted, calls that left.

CREATE TABLE auth_profiles (
    id                    TEXT PRIMARY KEY NOT NULL,
    workspace_id          TEXT NOT NULL REFERENCES workspaces (id),
    version               BIGINT NOT NULL,
    authorization_type    TEXT NOT NULL,
    name                  TEXT NOT NULL,
    name_key              TEXT NOT NULL,
    description           TEXT NOT NULL,
    callback_context      TEXT NOT NULL,
    client_id             TEXT NOT NULL,
    client_secret         TEXT NOT NULL,
    client_authentication TEXT NOT NULL,
    authorization_url     TEXT,
    tenancy_url           BOOLEAN NOT NULL,
    token_request_url     TEXT NOT NULL,
    refresh_token_url     TEXT,
    revocation_url        TEXT,
    issuer                TEXT,
    scope                 TEXT NOT NULL,
    fields                TEXT NOT NULL,
    auth_error_status     BIGINT NOT NULL,
    auth_error_text       TEXT NOT NULL,
    allowed_hosts         TEXT NOT NULL,
    responsible_id        TEXT,
    created_by            TEXT,
    created_at            BIGINT NOT NULL,
    updated_at            BIGINT NOT NULL
);
CREATE UNIQUE INDEX auth_profiles_name ON auth_profiles (workspace_id, name_key);
CREATE UNIQUE INDEX auth_profiles_context ON auth_profiles (callback_context);
CREATE INDEX auth_profiles_responsible ON auth_profiles (workspace_id, responsible_id) WHERE responsible_id IS NOT NULL;

-- What a holder (a profile, a connector) was granted, for the workspace (owner_id is empty) or for one person.
CREATE TABLE oauth_grants (
    id                 TEXT PRIMARY KEY NOT NULL,
    workspace_id       TEXT NOT NULL REFERENCES workspaces (id),
    holder_kind        TEXT NOT NULL,
    holder_id          TEXT NOT NULL,
    owner_kind         TEXT NOT NULL,
    owner_id           TEXT NOT NULL,
    version            BIGINT NOT NULL,
    state              TEXT NOT NULL,
    tokens             TEXT NOT NULL,
    asked              TEXT NOT NULL,
    has_access         BOOLEAN NOT NULL,
    has_refresh        BOOLEAN NOT NULL,
    expires_at         BIGINT,
    refresh_expires_at BIGINT,
    scope              TEXT,
    reason             TEXT,
    failures           BIGINT NOT NULL,
    retry_at           BIGINT,
    told_at            BIGINT,
    lease_by           TEXT,
    lease_until        BIGINT,
    authorized_by      TEXT,
    authorized_at      BIGINT,
    refreshed_at       BIGINT,
    last_used_at       BIGINT,
    created_at         BIGINT NOT NULL
);
CREATE UNIQUE INDEX oauth_grants_owner ON oauth_grants (holder_kind, holder_id, owner_kind, owner_id);
CREATE INDEX oauth_grants_person ON oauth_grants (workspace_id, owner_id);

-- Authorizations that are under way; a row is named by the digest of its state and is taken by the first answer.
CREATE TABLE oauth_requests (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    holder_kind  TEXT NOT NULL,
    holder_id    TEXT NOT NULL,
    owner_kind   TEXT NOT NULL,
    owner_id     TEXT NOT NULL,
    context      TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    session_id   TEXT NOT NULL,
    server       TEXT NOT NULL,
    secrets      TEXT NOT NULL,
    return_to    TEXT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX oauth_requests_expiry ON oauth_requests (expires_at);

-- What is known of an authorization server beyond the addresses that were entered (RFC 8414, RFC 9207).
CREATE TABLE oauth_servers (
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    authorization_url TEXT NOT NULL,
    issuer            TEXT,
    names_itself      BOOLEAN NOT NULL,
    revocation_url    TEXT,
    learned_at        BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, authorization_url)
);

-- Tokens of ended grants that are still to be revoked at their server.
CREATE TABLE oauth_revocations (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    holder_kind  TEXT NOT NULL,
    holder_id    TEXT NOT NULL,
    secrets      TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);

-- Calls that left with somebody's credentials: who acted, as whom, and no bodies.
CREATE TABLE outbound_calls (
    id                 TEXT PRIMARY KEY NOT NULL,
    workspace_id       TEXT NOT NULL REFERENCES workspaces (id),
    at                 BIGINT NOT NULL,
    acting_user        TEXT,
    effective_kind     TEXT NOT NULL,
    effective_user     TEXT,
    holder_kind        TEXT NOT NULL,
    holder_id          TEXT NOT NULL,
    holder_name        TEXT NOT NULL,
    credential         TEXT NOT NULL,
    credential_version BIGINT NOT NULL,
    cause              TEXT NOT NULL,
    action             TEXT,
    method             TEXT NOT NULL,
    host               TEXT NOT NULL,
    status             BIGINT,
    error              TEXT,
    retried            BOOLEAN NOT NULL,
    bytes              BIGINT NOT NULL,
    duration_ms        BIGINT NOT NULL,
    request_id         TEXT
);
CREATE INDEX outbound_calls_workspace ON outbound_calls (workspace_id, at);
CREATE INDEX outbound_calls_holder ON outbound_calls (holder_kind, holder_id, at);
CREATE INDEX outbound_calls_at ON outbound_calls (at);
