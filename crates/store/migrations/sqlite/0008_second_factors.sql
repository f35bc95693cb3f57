-- Second steps of sign-in: TOTP and recovery codes, and whether a workspace demands one.

CREATE TABLE factors (
    id           TEXT PRIMARY KEY NOT NULL,
    user_id      TEXT NOT NULL REFERENCES users (id),
    owner_kind   TEXT NOT NULL,
    version      BIGINT NOT NULL,
    kind         TEXT NOT NULL,
    -- what may be there once: 'totp:<user>'
    uniqueness   TEXT NOT NULL,
    name         TEXT NOT NULL,
    secret       TEXT NOT NULL,
    -- the last step that was accepted
    counter      BIGINT NOT NULL,
    confirmed    BOOLEAN NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX factors_uniqueness ON factors (uniqueness);
CREATE INDEX factors_user ON factors (user_id);

CREATE TABLE recovery_codes (
    user_id    TEXT NOT NULL REFERENCES users (id),
    digest     TEXT NOT NULL,
    owner_kind TEXT NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT,
    PRIMARY KEY (user_id, digest)
);

-- A question that is open for a few minutes: the second step of a sign-in, or setting one up on the way in.
CREATE TABLE factor_challenges (
    id             TEXT PRIMARY KEY NOT NULL,
    purpose        TEXT NOT NULL,
    token_digest   TEXT NOT NULL,
    browser_digest TEXT NOT NULL,
    user_id        TEXT NOT NULL REFERENCES users (id),
    workspace_id   TEXT NOT NULL REFERENCES workspaces (id),
    attempts       BIGINT NOT NULL,
    -- sealed: what the question was
    state          TEXT,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    used_at        BIGINT
);
CREATE UNIQUE INDEX factor_challenges_token ON factor_challenges (token_digest);
CREATE INDEX factor_challenges_expires ON factor_challenges (expires_at);

CREATE TABLE security_settings (
    workspace_id        TEXT PRIMARY KEY NOT NULL REFERENCES workspaces (id),
    require_second_step BOOLEAN NOT NULL,
    updated_at          BIGINT NOT NULL
);

-- With which second step a session began; when its person last proved to be it.
ALTER TABLE sessions ADD COLUMN second_step TEXT;
ALTER TABLE sessions ADD COLUMN proven_at BIGINT;
