-- Which groups of the directory give which role, and whose role is theirs to give.

CREATE TABLE scim_role_mappings (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    group_id     TEXT NOT NULL,
    role         TEXT NOT NULL,
    role_rank    BIGINT NOT NULL,
    position     BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, group_id)
);
CREATE INDEX scim_role_mappings_group ON scim_role_mappings (group_id);

ALTER TABLE memberships ADD COLUMN role_managed BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE suspended_members ADD COLUMN role_managed BOOLEAN NOT NULL DEFAULT FALSE;
