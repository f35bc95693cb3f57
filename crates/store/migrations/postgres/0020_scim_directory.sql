-- The directory of a workspace as its identity provider keeps it: people, groups, who is in which, and what was done.
CREATE TABLE scim_users (
    id            TEXT PRIMARY KEY NOT NULL,
    workspace_id  TEXT NOT NULL REFERENCES workspaces (id),
    user_id       TEXT REFERENCES users (id),
    user_name     TEXT NOT NULL,
    user_name_key TEXT NOT NULL,
    external_id   TEXT,
    display       TEXT NOT NULL,
    display_key   TEXT NOT NULL,
    active        BOOLEAN NOT NULL,
    is_adopted    BOOLEAN NOT NULL,
    attributes    TEXT NOT NULL,
    search        TEXT NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX scim_users_name ON scim_users (workspace_id, user_name_key);
CREATE UNIQUE INDEX scim_users_account ON scim_users (workspace_id, user_id);
CREATE INDEX scim_users_external ON scim_users (workspace_id, external_id);
CREATE INDEX scim_users_order ON scim_users (workspace_id, id);

CREATE TABLE scim_emails (
    entry_id     TEXT NOT NULL REFERENCES scim_users (id),
    value_key    TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    PRIMARY KEY (entry_id, value_key)
);
CREATE INDEX scim_emails_value ON scim_emails (workspace_id, value_key);

CREATE TABLE scim_groups (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    display      TEXT NOT NULL,
    display_key  TEXT NOT NULL,
    external_id  TEXT,
    attributes   TEXT NOT NULL,
    search       TEXT NOT NULL,
    version      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX scim_groups_name ON scim_groups (workspace_id, display_key);
CREATE INDEX scim_groups_external ON scim_groups (workspace_id, external_id);
CREATE INDEX scim_groups_order ON scim_groups (workspace_id, id);

CREATE TABLE scim_members (
    group_id  TEXT NOT NULL REFERENCES scim_groups (id),
    member_id TEXT NOT NULL,
    kind      TEXT NOT NULL,
    added_at  BIGINT NOT NULL,
    PRIMARY KEY (group_id, member_id)
);
CREATE INDEX scim_members_of ON scim_members (member_id);

CREATE TABLE scim_activities (
    id            TEXT PRIMARY KEY NOT NULL,
    workspace_id  TEXT NOT NULL REFERENCES workspaces (id),
    token_id      TEXT NOT NULL,
    at            BIGINT NOT NULL,
    operation     TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id   TEXT,
    status        TEXT NOT NULL,
    error         TEXT,
    details       TEXT NOT NULL
);
CREATE INDEX scim_activities_order ON scim_activities (workspace_id, at, id);
CREATE INDEX scim_activities_token ON scim_activities (token_id);
CREATE INDEX scim_activities_time ON scim_activities (at);

-- Until when the members of a workspace who came by other ways were taken into its directory.
CREATE TABLE scim_directories (
    workspace_id  TEXT PRIMARY KEY NOT NULL REFERENCES workspaces (id),
    adopted_until BIGINT NOT NULL
);
CREATE INDEX memberships_arrivals ON memberships (workspace_id, created_at) WHERE created_via <> 'scim';
