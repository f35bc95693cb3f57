-- Where the entries of a directory are, so that pages far from its beginning are found without counting up to them: how many
-- entries there are from one id to the next, and what came (1) and went (-1) since that was settled. The first block says how
-- often it was.
CREATE TABLE scim_blocks (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    kind         TEXT NOT NULL,
    first_id     TEXT NOT NULL,
    entries      BIGINT NOT NULL,
    settled      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, kind, first_id)
);
CREATE TABLE scim_moves (
    workspace_id TEXT NOT NULL,
    kind         TEXT NOT NULL,
    entry_id     TEXT NOT NULL,
    change       BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, kind, entry_id, change)
);
INSERT INTO scim_blocks (workspace_id, kind, first_id, entries, settled)
    SELECT workspace_id, 'user', '', COUNT(*), 0 FROM scim_users GROUP BY workspace_id;
INSERT INTO scim_blocks (workspace_id, kind, first_id, entries, settled)
    SELECT workspace_id, 'group', '', COUNT(*), 0 FROM scim_groups GROUP BY workspace_id;

-- Who has an address is asked before anything is known of them.
DROP INDEX scim_emails_value;
CREATE INDEX scim_emails_value ON scim_emails (value_key, entry_id);
-- In the order of ids, which lists have: else SQLite walks through all of them in that order.
DROP INDEX scim_users_external;
CREATE INDEX scim_users_external ON scim_users (workspace_id, external_id, id);
DROP INDEX scim_groups_external;
CREATE INDEX scim_groups_external ON scim_groups (workspace_id, external_id, id);

-- Names are compared and ordered by their bytes, as SQLite does: so their indexes serve "begins with" too.
ALTER TABLE scim_users ALTER COLUMN user_name_key TYPE TEXT COLLATE "C", ALTER COLUMN external_id TYPE TEXT COLLATE "C";
ALTER TABLE scim_groups ALTER COLUMN display_key TYPE TEXT COLLATE "C", ALTER COLUMN external_id TYPE TEXT COLLATE "C";
ALTER TABLE scim_emails ALTER COLUMN value_key TYPE TEXT COLLATE "C";
