-- Custom scripts: projects of customers' code, deployed and called.

CREATE TABLE scripts (
    id              TEXT PRIMARY KEY NOT NULL,
    workspace_id    TEXT NOT NULL REFERENCES workspaces (id),
    version         BIGINT NOT NULL,
    -- counted over the whole installation: the operating system's user of its replicas comes from it
    number          BIGINT NOT NULL,
    name            TEXT NOT NULL,
    name_key        TEXT NOT NULL,
    language        TEXT NOT NULL,
    -- sealed: all settings, environment variables among them
    settings        TEXT NOT NULL,
    status          TEXT NOT NULL,
    -- why the last deployment failed
    reason          TEXT,
    -- the uploaded file: its SHA-256 in hex names it in the directory of projects
    project_sha256  TEXT NOT NULL,
    project_name    TEXT NOT NULL,
    project_bytes   BIGINT NOT NULL,
    deployed_id     TEXT,
    created_by      TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_by      TEXT NOT NULL,
    -- of the last action
    updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX scripts_name ON scripts (workspace_id, name_key);
CREATE UNIQUE INDEX scripts_number ON scripts (number);
CREATE INDEX scripts_deployed ON scripts (deployed_id);

CREATE TABLE script_deployments (
    id             TEXT PRIMARY KEY NOT NULL,
    workspace_id   TEXT NOT NULL REFERENCES workspaces (id),
    script_id      TEXT NOT NULL REFERENCES scripts (id),
    number         BIGINT NOT NULL,
    name           TEXT NOT NULL,
    -- sealed: the settings as they were deployed
    settings       TEXT NOT NULL,
    project_sha256 TEXT NOT NULL,
    project_name   TEXT NOT NULL,
    project_bytes  BIGINT NOT NULL,
    -- Deploying, Success, Failed or Canceled
    status         TEXT NOT NULL,
    reason         TEXT,
    -- what it runs with, as it was found
    interpreter    TEXT,
    -- the functions that can be called, as JSON
    functions      TEXT NOT NULL,
    deployed_by    TEXT NOT NULL,
    started_at     BIGINT NOT NULL,
    ended_at       BIGINT,
    undeployed_by  TEXT,
    undeployed_at  BIGINT,
    -- the server that carries it out, and until when that counts
    lease_by       TEXT,
    lease_until    BIGINT
);
CREATE UNIQUE INDEX script_deployments_number ON script_deployments (script_id, number);
CREATE INDEX script_deployments_due ON script_deployments (status, lease_until);

CREATE TABLE script_keys (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    script_id    TEXT NOT NULL REFERENCES scripts (id),
    version      BIGINT NOT NULL,
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL,
    digest       TEXT NOT NULL,
    masked       TEXT NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX script_keys_name ON script_keys (script_id, name_key);
CREATE UNIQUE INDEX script_keys_digest ON script_keys (digest);

CREATE TABLE script_runs (
    id             TEXT PRIMARY KEY NOT NULL,
    workspace_id   TEXT NOT NULL REFERENCES workspaces (id),
    script_id      TEXT NOT NULL REFERENCES scripts (id),
    version        BIGINT NOT NULL,
    function       TEXT NOT NULL,
    -- API or Workflow
    source_type    TEXT NOT NULL,
    -- the key, or the execution of a flow
    source         TEXT NOT NULL,
    -- Success, or what kind of failure
    status         TEXT NOT NULL,
    error          TEXT,
    started_at     BIGINT NOT NULL,
    micros         BIGINT NOT NULL
);
CREATE INDEX script_runs_script ON script_runs (script_id, started_at);
CREATE INDEX script_runs_time ON script_runs (started_at);

CREATE TABLE script_logs (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    script_id    TEXT NOT NULL REFERENCES scripts (id),
    run_id       TEXT,
    level        TEXT NOT NULL,
    -- sealed: scripts write what they like
    message      TEXT NOT NULL,
    at           BIGINT NOT NULL
);
CREATE INDEX script_logs_script ON script_logs (script_id, at, id);
CREATE INDEX script_logs_time ON script_logs (at);

-- Credits that replicas used, summed up by the hour.
CREATE TABLE script_usage (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    script_id    TEXT NOT NULL,
    hour         BIGINT NOT NULL,
    profile      TEXT NOT NULL,
    millis       BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, script_id, hour, profile)
);

-- What scripts find in UPLOADS_DIR.
CREATE TABLE script_files (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL,
    sha256       TEXT NOT NULL,
    bytes        BIGINT NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX script_files_name ON script_files (workspace_id, name_key);
