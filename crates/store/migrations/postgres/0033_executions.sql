-- Executions of flows: how far each has come, what it waits for, and what it did.

CREATE TABLE executions (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    flow_id      TEXT NOT NULL REFERENCES flows (id),
    flow_name    TEXT NOT NULL,
    version_id   TEXT NOT NULL,
    number       BIGINT,
    started_via  TEXT NOT NULL,
    started_by   TEXT NOT NULL,
    -- the person in whose name it runs; none: the company itself
    person_id    TEXT,
    interactive  BOOLEAN NOT NULL,
    status       TEXT NOT NULL,
    percentage   BIGINT NOT NULL,
    message      TEXT,
    warnings     TEXT NOT NULL,
    waiting      TEXT NOT NULL,
    -- why it stands still although nothing of the flow makes it wait
    paused       TEXT,
    -- connectors on which an administrator let it go on as the connector's user, with the reasons
    fallback     TEXT NOT NULL,
    -- sealed: what it was started with, until it begins
    input        TEXT,
    -- sealed: how far it has come, until it ends
    state        TEXT,
    -- sealed: how far it had come before the step that failed
    checkpoint   TEXT,
    -- sealed: what it gave
    output       TEXT,
    due_at       BIGINT,
    -- grows when something happened that whoever drives it must look at
    poked        BIGINT NOT NULL,
    -- grows with each claim
    claims       BIGINT NOT NULL,
    lease_by     TEXT,
    lease_until  BIGINT,
    created_at   BIGINT NOT NULL,
    started_at   BIGINT,
    ended_at     BIGINT
);
CREATE INDEX executions_workspace ON executions (workspace_id, created_at);
CREATE INDEX executions_flow ON executions (flow_id, created_at);
CREATE INDEX executions_person ON executions (person_id, created_at);
CREATE INDEX executions_due ON executions (due_at);
CREATE INDEX executions_leases ON executions (lease_until);

CREATE TABLE execution_steps (
    execution_id       TEXT NOT NULL REFERENCES executions (id),
    step               TEXT NOT NULL,
    workspace_id       TEXT NOT NULL,
    place              BIGINT NOT NULL,
    node               TEXT NOT NULL,
    kind               TEXT NOT NULL,
    status             TEXT NOT NULL,
    attempt            BIGINT NOT NULL,
    acting_user        TEXT,
    effective_identity TEXT,
    effective_user     TEXT,
    -- sealed: output and error as they may be shown
    shown              TEXT,
    started_at         BIGINT NOT NULL,
    ended_at           BIGINT,
    PRIMARY KEY (execution_id, step)
);

-- What happened to an execution and was not taken in yet.
CREATE TABLE execution_events (
    id           TEXT PRIMARY KEY NOT NULL,
    execution_id TEXT NOT NULL REFERENCES executions (id),
    workspace_id TEXT NOT NULL,
    -- sealed
    event        TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX execution_events_execution ON execution_events (execution_id, id);

-- Steps that wait until somebody has authenticated at a connector.
CREATE TABLE execution_waits (
    execution_id TEXT NOT NULL REFERENCES executions (id),
    step         TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    flow_id      TEXT NOT NULL,
    person_id    TEXT,
    connector_id TEXT NOT NULL,
    since        BIGINT NOT NULL,
    PRIMARY KEY (execution_id, step)
);
CREATE INDEX execution_waits_person ON execution_waits (workspace_id, person_id, connector_id);

-- People who were told by mail that something waits for them; forgotten when nothing does any more.
CREATE TABLE execution_told (
    workspace_id TEXT NOT NULL,
    person_id    TEXT NOT NULL,
    told_at      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, person_id)
);

-- Held while executions are claimed, so that bounds count whoever claims.
CREATE TABLE execution_turns (
    id TEXT PRIMARY KEY NOT NULL
);
