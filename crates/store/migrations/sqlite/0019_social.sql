-- Accounts at Google and Microsoft with which people sign in; sign-ins with them that are under way.

CREATE TABLE social_identities (
    issuer       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    provider     TEXT NOT NULL,
    user_id      TEXT NOT NULL REFERENCES users (id),
    email        TEXT,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX social_identities_user ON social_identities (user_id, provider);

CREATE TABLE social_requests (
    id         TEXT PRIMARY KEY NOT NULL,
    provider   TEXT NOT NULL,
    browser    TEXT NOT NULL,
    -- sealed: what only the answer must meet
    secrets    TEXT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX social_requests_expires ON social_requests (expires_at);

-- What the second step comes after, and what the sign-in page of a workspace's domains offers first.
ALTER TABLE factor_challenges ADD COLUMN first_step TEXT NOT NULL DEFAULT 'password';
ALTER TABLE workspaces ADD COLUMN default_sign_in TEXT NOT NULL DEFAULT 'password';
