-- Sign-in traces that can be shared, and the daily look at domains.

ALTER TABLE sso_domains ADD COLUMN federated BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE sso_domains ADD COLUMN failing_since BIGINT;
ALTER TABLE sso_domains ADD COLUMN last_error TEXT;
ALTER TABLE sso_domains ADD COLUMN next_check_at BIGINT;
CREATE INDEX sso_domains_next_check ON sso_domains (next_check_at) WHERE status = 'verified';

ALTER TABLE sso_attempts ADD COLUMN email TEXT;
ALTER TABLE sso_attempts ADD COLUMN browser TEXT;
ALTER TABLE sso_attempts ADD COLUMN facts TEXT;
CREATE INDEX sso_attempts_workspace ON sso_attempts (workspace_id, at);
CREATE INDEX sso_attempts_decision ON sso_attempts (decision_id);

CREATE TABLE sso_trace_shares (
    id              TEXT PRIMARY KEY NOT NULL,
    workspace_id    TEXT NOT NULL REFERENCES workspaces (id),
    attempt_id      TEXT NOT NULL REFERENCES sso_attempts (id) ON DELETE CASCADE,
    owner_kind      TEXT NOT NULL,
    version         BIGINT NOT NULL,
    token           TEXT NOT NULL,
    created_by      TEXT,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    revoked_at      BIGINT,
    opened          BIGINT NOT NULL,
    first_opened_at BIGINT,
    last_used_at    BIGINT
);
CREATE UNIQUE INDEX sso_trace_shares_token ON sso_trace_shares (token);
CREATE INDEX sso_trace_shares_attempt ON sso_trace_shares (attempt_id);
