-- What starts flows by itself: webhooks and schedules, each in an explicit name.

CREATE TABLE flow_triggers (
    id             TEXT PRIMARY KEY NOT NULL,
    workspace_id   TEXT NOT NULL REFERENCES workspaces (id),
    flow_id        TEXT NOT NULL REFERENCES flows (id),
    version        BIGINT NOT NULL,
    kind           TEXT NOT NULL,
    name           TEXT NOT NULL,
    enabled        BOOLEAN NOT NULL,
    -- why it was switched off by itself
    stopped        TEXT,
    owner_kind     TEXT NOT NULL,
    -- the person in whose name it runs
    person_id      TEXT,
    -- who answers for it when it runs in the company's name
    responsible_id TEXT,
    -- the digest of a webhook's token
    token          TEXT,
    schedule       TEXT,
    -- sealed: what a schedule starts the flow with
    input          TEXT,
    next_at        BIGINT,
    created_by     TEXT,
    created_at     BIGINT NOT NULL,
    last_used_at   BIGINT,
    last_execution TEXT,
    last_error     TEXT
);
CREATE INDEX flow_triggers_flow ON flow_triggers (flow_id, created_at);
CREATE UNIQUE INDEX flow_triggers_token ON flow_triggers (token);
CREATE INDEX flow_triggers_due ON flow_triggers (next_at);
