-- Connectors: products of the catalogue with a company's values; types that companies make of OpenAPI documents.

CREATE TABLE connector_types (
    workspace_id  TEXT NOT NULL REFERENCES workspaces (id),
    id            TEXT NOT NULL,
    name          TEXT NOT NULL,
    name_key      TEXT NOT NULL,
    definition    TEXT NOT NULL,
    left_out      TEXT NOT NULL,
    left_out_more BIGINT NOT NULL,
    created_by    TEXT,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE connectors (
    id                  TEXT PRIMARY KEY NOT NULL,
    workspace_id        TEXT NOT NULL REFERENCES workspaces (id),
    version             BIGINT NOT NULL,
    type_id             TEXT NOT NULL,
    auth_id             TEXT NOT NULL,
    name                TEXT NOT NULL,
    name_key            TEXT NOT NULL,
    owner_kind          TEXT NOT NULL,
    owner_id            TEXT,
    responsible_id      TEXT,
    fields              TEXT NOT NULL,
    -- sealed: the secret fields as one JSON object
    secrets             TEXT,
    secret_names        TEXT NOT NULL,
    expiry              TEXT NOT NULL,
    context             TEXT NOT NULL,
    user_authentication BOOLEAN NOT NULL,
    non_interactive     TEXT NOT NULL,
    tested_at           BIGINT,
    test_outcome        TEXT,
    test_message        TEXT,
    created_by          TEXT,
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL,
    last_used_at        BIGINT
);
CREATE UNIQUE INDEX connectors_name ON connectors (workspace_id, name_key);
CREATE UNIQUE INDEX connectors_context ON connectors (context);
CREATE INDEX connectors_type ON connectors (workspace_id, type_id);

-- What calls need beside the fields and the product itself tells, for each whose credential asks: an account's id, a base address.
CREATE TABLE connector_values (
    connector_id TEXT NOT NULL,
    -- the person's id; empty: the connector's own
    owner        TEXT NOT NULL,
    -- of which credential it was told: nothing else takes it
    credential   TEXT NOT NULL,
    kept         TEXT NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (connector_id, owner)
);

-- Links with which somebody without an account authorizes a connector anew, once.
CREATE TABLE connector_links (
    id           TEXT PRIMARY KEY NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    connector_id TEXT NOT NULL,
    owner_kind   TEXT NOT NULL,
    version      BIGINT NOT NULL,
    token        TEXT NOT NULL,
    created_by   TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    revoked_at   BIGINT,
    used_at      BIGINT
);
CREATE UNIQUE INDEX connector_links_token ON connector_links (token);
CREATE INDEX connector_links_connector ON connector_links (connector_id, created_at);

-- End dates that were warned about, so that each warning is sent once.
CREATE TABLE connector_warnings (
    connector_id TEXT NOT NULL,
    field        TEXT NOT NULL,
    ends_at      BIGINT NOT NULL,
    days         BIGINT NOT NULL,
    PRIMARY KEY (connector_id, field, ends_at, days)
);
