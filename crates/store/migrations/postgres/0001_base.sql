-- Data keys, audit chain, decisions, jobs, kept answers, outbox.
-- Times are microseconds since 1970 in UTC; ids are text; secrets are sealed text that names its data key.

CREATE TABLE data_keys (
    id         TEXT PRIMARY KEY NOT NULL,
    wrapped    TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- What one process tells the next: the address that the server is reached at.
CREATE TABLE server_facts (
    name  TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

CREATE TABLE audit_heads (
    chain    TEXT PRIMARY KEY NOT NULL,
    sequence BIGINT NOT NULL,
    hash     TEXT NOT NULL
);

CREATE TABLE audit_events (
    id            TEXT PRIMARY KEY NOT NULL,
    chain         TEXT NOT NULL,
    sequence      BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    event         TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    actor_kind    TEXT NOT NULL,
    actor_id      TEXT,
    target_kind   TEXT,
    target_id     TEXT,
    ip            TEXT,
    request_id    TEXT NOT NULL,
    details       TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash          TEXT NOT NULL
);
CREATE UNIQUE INDEX audit_events_chain ON audit_events (chain, sequence);
CREATE INDEX audit_events_at ON audit_events (chain, at);

CREATE FUNCTION audit_events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'audit events are append-only'; END $$;
CREATE TRIGGER audit_events_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
FOR EACH STATEMENT EXECUTE FUNCTION audit_events_append_only();

CREATE TABLE decisions (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT,
    at           BIGINT NOT NULL,
    principal    TEXT NOT NULL,
    action       TEXT NOT NULL,
    object       TEXT,
    reasons      TEXT NOT NULL,
    request_id   TEXT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX decisions_expires ON decisions (expires_at);

CREATE TABLE jobs (
    id          TEXT PRIMARY KEY NOT NULL,
    kind        TEXT NOT NULL,
    payload     TEXT NOT NULL,
    state       TEXT NOT NULL,
    run_at      BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    unique_name TEXT,
    lease_owner TEXT,
    lease_until BIGINT,
    last_error  TEXT,
    created_at  BIGINT NOT NULL
);
CREATE INDEX jobs_due ON jobs (state, run_at);
CREATE UNIQUE INDEX jobs_unique ON jobs (unique_name) WHERE state = 'ready';

CREATE TABLE idempotency_keys (
    scope       TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer      TEXT,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

CREATE TABLE mails (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT,
    to_address   TEXT NOT NULL,
    subject      TEXT NOT NULL,
    body         TEXT NOT NULL,
    status       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    sent_at      BIGINT
);
CREATE INDEX mails_workspace ON mails (workspace_id, created_at);
