-- Flows: definitions that people edit, and their versions as they were deployed.

CREATE TABLE flows (
    id              TEXT PRIMARY KEY NOT NULL,
    workspace_id    TEXT NOT NULL REFERENCES workspaces (id),
    version         BIGINT NOT NULL,
    name            TEXT NOT NULL,
    name_key        TEXT NOT NULL,
    description     TEXT NOT NULL,
    -- sealed: the definition that is edited; a pasted request may hold credentials
    draft           TEXT NOT NULL,
    draft_digest    TEXT NOT NULL,
    -- what an import could not find here, by name
    stubs           TEXT NOT NULL,
    deployed_id     TEXT,
    deployed_number BIGINT,
    deployed_digest TEXT,
    deployed_at     BIGINT,
    deployed_by     TEXT,
    created_by      TEXT,
    created_at      BIGINT NOT NULL,
    updated_by      TEXT,
    updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX flows_name ON flows (workspace_id, name_key);

-- A definition as it was deployed (with a number) or tried out (without): executions keep the one they began with.
CREATE TABLE flow_versions (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    flow_id      TEXT NOT NULL REFERENCES flows (id),
    number       BIGINT,
    -- sealed
    definition   TEXT NOT NULL,
    digest       TEXT NOT NULL,
    created_by   TEXT,
    created_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX flow_versions_number ON flow_versions (flow_id, number);
CREATE INDEX flow_versions_digest ON flow_versions (flow_id, digest);

-- Deployments and their ends, as their callers ask how they go.
CREATE TABLE flow_deployments (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    flow_id      TEXT NOT NULL,
    action       TEXT NOT NULL,
    status       TEXT NOT NULL,
    message      TEXT,
    number       BIGINT,
    created_by   TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    ended_at     BIGINT
);
CREATE INDEX flow_deployments_flow ON flow_deployments (flow_id, created_at);

-- Exported flows that wait for their import.
CREATE TABLE flow_files (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    -- sealed
    content      TEXT NOT NULL,
    bytes        BIGINT NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX flow_files_workspace ON flow_files (workspace_id, expires_at);
