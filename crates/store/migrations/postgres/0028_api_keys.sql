-- Programs that call: apps with their scopes, their keys, what was counted of their use.

CREATE TABLE api_scopes (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    id           TEXT NOT NULL,
    name         TEXT NOT NULL,
    description  TEXT NOT NULL,
    created_by   TEXT,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE api_apps (
    id             TEXT PRIMARY KEY NOT NULL,
    workspace_id   TEXT NOT NULL REFERENCES workspaces (id),
    version        BIGINT NOT NULL,
    name           TEXT NOT NULL,
    name_key       TEXT NOT NULL,
    scopes         TEXT NOT NULL,
    watched        TEXT NOT NULL,
    status         TEXT NOT NULL,
    networks       TEXT NOT NULL,
    rate_requests  BIGINT,
    rate_seconds   BIGINT,
    quota_requests BIGINT,
    quota_period   TEXT,
    owner_kind     TEXT NOT NULL,
    responsible    TEXT,
    created_by     TEXT,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    deleted_at     BIGINT
);
CREATE UNIQUE INDEX api_apps_name ON api_apps (workspace_id, name_key) WHERE deleted_at IS NULL;
CREATE INDEX api_apps_deleted ON api_apps (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE api_keys (
    id             TEXT PRIMARY KEY NOT NULL,
    workspace_id   TEXT NOT NULL REFERENCES workspaces (id),
    app_id         TEXT NOT NULL REFERENCES api_apps (id),
    version        BIGINT NOT NULL,
    name           TEXT NOT NULL,
    name_key       TEXT NOT NULL,
    digest         TEXT NOT NULL,
    masked         TEXT NOT NULL,
    networks       TEXT NOT NULL,
    rate_requests  BIGINT,
    rate_seconds   BIGINT,
    quota_requests BIGINT,
    quota_period   TEXT,
    owner_kind     TEXT NOT NULL,
    owner_id       TEXT,
    expires_at     BIGINT,
    disabled_at    BIGINT,
    deleted_at     BIGINT,
    deleted_why    TEXT,
    replaced_by    TEXT,
    created_by     TEXT,
    created_at     BIGINT NOT NULL
);
CREATE UNIQUE INDEX api_keys_digest ON api_keys (digest);
CREATE UNIQUE INDEX api_keys_name ON api_keys (app_id, name_key) WHERE deleted_at IS NULL AND replaced_by IS NULL;
CREATE INDEX api_keys_app ON api_keys (app_id, created_at);
CREATE INDEX api_keys_owner ON api_keys (workspace_id, owner_id) WHERE owner_id IS NOT NULL;
CREATE INDEX api_keys_deleted ON api_keys (deleted_at) WHERE deleted_at IS NOT NULL;

-- How often, a day: a scope is empty when none was asked for, or one that the app had not.
CREATE TABLE api_key_usage (
    key_id       TEXT NOT NULL,
    scope        TEXT NOT NULL,
    day          BIGINT NOT NULL,
    workspace_id TEXT NOT NULL,
    app_id       TEXT NOT NULL,
    allowed      BIGINT NOT NULL,
    refused      BIGINT NOT NULL,
    last_at      BIGINT NOT NULL,
    last_ip      TEXT,
    PRIMARY KEY (key_id, scope, day)
);
CREATE INDEX api_key_usage_app ON api_key_usage (app_id, day);
CREATE INDEX api_key_usage_day ON api_key_usage (day);

-- What changed, in order: servers keep their memory of keys true by it.
CREATE TABLE api_feed (
    id       BIGINT PRIMARY KEY NOT NULL,
    sequence BIGINT NOT NULL
);

CREATE TABLE api_changes (
    sequence BIGINT PRIMARY KEY NOT NULL,
    kind     TEXT NOT NULL,
    object   TEXT NOT NULL,
    at       BIGINT NOT NULL
);
