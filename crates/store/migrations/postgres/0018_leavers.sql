-- The leaver switch: whose access to a workspace has ended, with what it takes to give it back, and the receipts.

CREATE TABLE suspended_members (
    workspace_id   TEXT NOT NULL REFERENCES workspaces (id),
    user_id        TEXT NOT NULL REFERENCES users (id),
    role           TEXT NOT NULL,
    created_via    TEXT NOT NULL,
    member_since   BIGINT NOT NULL,
    cause          TEXT NOT NULL,
    suspended_at   BIGINT NOT NULL,
    keep_until     BIGINT,
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX suspended_members_keep ON suspended_members (keep_until);

CREATE TABLE offboardings (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id      TEXT NOT NULL REFERENCES users (id),
    at           BIGINT NOT NULL,
    receipt      TEXT NOT NULL,
    reversed_at  BIGINT
);
CREATE INDEX offboardings_user ON offboardings (workspace_id, user_id, at);
