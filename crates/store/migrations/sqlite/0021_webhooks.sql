-- Programs of the company's that are told of events, and what they were told.

CREATE TABLE webhooks (
    id              TEXT PRIMARY KEY NOT NULL,
    workspace_id    TEXT NOT NULL REFERENCES workspaces (id),
    owner_kind      TEXT NOT NULL,
    version         BIGINT NOT NULL,
    url             TEXT NOT NULL,
    description     TEXT NOT NULL,
    events          TEXT NOT NULL,
    status          TEXT NOT NULL,
    disabled_reason TEXT,
    secret          TEXT NOT NULL,
    former_secret   TEXT,
    former_until    BIGINT,
    position        BIGINT NOT NULL,
    created_by      TEXT,
    created_at      BIGINT NOT NULL,
    last_used_at    BIGINT,
    failing_since   BIGINT
);
CREATE INDEX webhooks_workspace ON webhooks (workspace_id, created_at);

CREATE TABLE webhook_deliveries (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    webhook_id   TEXT NOT NULL REFERENCES webhooks (id),
    event_id     TEXT NOT NULL,
    event        TEXT NOT NULL,
    state        TEXT NOT NULL,
    attempts     BIGINT NOT NULL,
    next_at      BIGINT,
    last_status  BIGINT,
    last_error   TEXT,
    took_ms      BIGINT,
    created_at   BIGINT NOT NULL,
    ended_at     BIGINT
);
CREATE INDEX webhook_deliveries_webhook ON webhook_deliveries (webhook_id, created_at);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (state, next_at);
