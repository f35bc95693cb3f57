-- Single sign-on: connections with their certificates and domains, who is who at the provider, attempts, settings.

CREATE TABLE sso_connections (
    id                 TEXT PRIMARY KEY NOT NULL,
    workspace_id       TEXT NOT NULL REFERENCES workspaces (id),
    name               TEXT NOT NULL,
    name_key           TEXT NOT NULL,
    description        TEXT,
    protocol           TEXT NOT NULL,
    provider           TEXT NOT NULL,
    status             TEXT NOT NULL,
    config             TEXT NOT NULL,
    client_secret      TEXT,
    jit_provisioning   BOOLEAN NOT NULL,
    default_role       TEXT NOT NULL,
    owner_kind         TEXT NOT NULL,
    version            BIGINT NOT NULL,
    last_used_at       BIGINT,
    tested_at          BIGINT,
    created_by         TEXT,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    deleted_at         BIGINT
);
CREATE UNIQUE INDEX sso_connections_name ON sso_connections (workspace_id, name_key) WHERE deleted_at IS NULL;

CREATE TABLE sso_certificates (
    connection_id TEXT NOT NULL REFERENCES sso_connections (id),
    position      BIGINT NOT NULL,
    owner_kind    TEXT NOT NULL,
    version       BIGINT NOT NULL,
    pem           TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    not_before    BIGINT NOT NULL,
    not_after     BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT,
    PRIMARY KEY (connection_id, position)
);

CREATE TABLE sso_domains (
    id            TEXT PRIMARY KEY NOT NULL,
    workspace_id  TEXT NOT NULL REFERENCES workspaces (id),
    connection_id TEXT NOT NULL REFERENCES sso_connections (id),
    domain        TEXT NOT NULL,
    status        TEXT NOT NULL,
    method        TEXT NOT NULL,
    token         TEXT NOT NULL,
    is_primary    BOOLEAN NOT NULL,
    created_at    BIGINT NOT NULL,
    verified_at   BIGINT,
    checked_at    BIGINT
);
CREATE UNIQUE INDEX sso_domains_connection ON sso_domains (connection_id, domain);
CREATE UNIQUE INDEX sso_domains_verified ON sso_domains (domain) WHERE status = 'verified';

CREATE TABLE sso_identities (
    id            TEXT PRIMARY KEY NOT NULL,
    connection_id TEXT NOT NULL REFERENCES sso_connections (id),
    workspace_id  TEXT NOT NULL REFERENCES workspaces (id),
    user_id       TEXT NOT NULL REFERENCES users (id),
    name_id       TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX sso_identities_name_id ON sso_identities (connection_id, name_id);
CREATE INDEX sso_identities_user ON sso_identities (user_id);

CREATE TABLE sso_settings (
    workspace_id  TEXT PRIMARY KEY NOT NULL REFERENCES workspaces (id),
    enabled       BOOLEAN NOT NULL,
    enabled_at    BIGINT,
    connection_id TEXT REFERENCES sso_connections (id),
    updated_at    BIGINT NOT NULL
);

CREATE TABLE sso_exclusions (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    email        TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, email)
);

CREATE TABLE sso_requests (
    id            TEXT PRIMARY KEY NOT NULL,
    connection_id TEXT NOT NULL REFERENCES sso_connections (id),
    browser       TEXT NOT NULL,
    return_to     TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);
CREATE INDEX sso_requests_expires ON sso_requests (expires_at);

CREATE TABLE sso_replays (
    connection_id TEXT NOT NULL,
    assertion_id  TEXT NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (connection_id, assertion_id)
);
CREATE INDEX sso_replays_expires ON sso_replays (expires_at);

CREATE TABLE sso_attempts (
    id            TEXT PRIMARY KEY NOT NULL,
    workspace_id  TEXT NOT NULL REFERENCES workspaces (id),
    connection_id TEXT NOT NULL REFERENCES sso_connections (id),
    at            BIGINT NOT NULL,
    flow          TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    reason        TEXT,
    subject       TEXT,
    checks        TEXT NOT NULL,
    message       TEXT,
    decision_id   TEXT,
    ip            TEXT,
    request_id    TEXT NOT NULL,
    expires_at    BIGINT NOT NULL
);
CREATE INDEX sso_attempts_connection ON sso_attempts (connection_id, at);
CREATE INDEX sso_attempts_expires ON sso_attempts (expires_at);

CREATE TABLE saml_keys (
    id           TEXT PRIMARY KEY NOT NULL,
    owner_kind   TEXT NOT NULL,
    version      BIGINT NOT NULL,
    purpose      TEXT NOT NULL,
    scope        TEXT NOT NULL,
    certificate  TEXT NOT NULL,
    private_key  TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX saml_keys_purpose ON saml_keys (purpose, scope, version);
