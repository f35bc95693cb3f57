-- People: invitations, sign-up, password reset, known devices.

-- Links sent by mail that count once: password reset, confirmation of a sign-up, "this was not me".
CREATE TABLE mail_links (
    id             TEXT PRIMARY KEY NOT NULL,
    kind           TEXT NOT NULL,
    owner_kind     TEXT NOT NULL,
    version        BIGINT NOT NULL,
    token_digest   TEXT,
    email          TEXT NOT NULL,
    user_id        TEXT REFERENCES users (id),
    display_name   TEXT,
    workspace_name TEXT,
    password_hash  TEXT,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    last_used_at   BIGINT,
    ended_at       BIGINT
);
CREATE UNIQUE INDEX mail_links_token ON mail_links (token_digest);
CREATE INDEX mail_links_email ON mail_links (email, kind);
CREATE INDEX mail_links_expiry ON mail_links (expires_at);

CREATE TABLE invitations (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    owner_kind   TEXT NOT NULL,
    version      BIGINT NOT NULL,
    email        TEXT NOT NULL,
    role         TEXT NOT NULL,
    token_digest TEXT NOT NULL,
    invited_by   TEXT REFERENCES users (id),
    created_at   BIGINT NOT NULL,
    sent_at      BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    accepted_at  BIGINT,
    accepted_by  TEXT REFERENCES users (id),
    revoked_at   BIGINT
);
CREATE UNIQUE INDEX invitations_token ON invitations (token_digest);
CREATE INDEX invitations_workspace ON invitations (workspace_id, email);

-- What a person signed in with before: a browser's cookie (its digest), or a network with a kind of browser.
CREATE TABLE known_devices (
    user_id       TEXT NOT NULL REFERENCES users (id),
    kind          TEXT NOT NULL,
    mark          TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    PRIMARY KEY (user_id, kind, mark)
);

-- Failed tries at an address, whoever it belongs to, until the next success.
CREATE TABLE sign_in_failures (
    email    TEXT PRIMARY KEY NOT NULL,
    failures BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
);

-- A reported password counts no more until it is set anew.
ALTER TABLE passwords ADD COLUMN blocked_at BIGINT;
-- A mail that only its recipient may read: it holds a link that counts as proof of the mailbox.
ALTER TABLE mails ADD COLUMN is_personal BOOLEAN NOT NULL DEFAULT FALSE;
