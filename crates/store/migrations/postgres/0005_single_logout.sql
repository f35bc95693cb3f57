-- Single logout: what each session is called at its provider, logout requests on their way.

CREATE TABLE sso_sessions (
    session_id    TEXT PRIMARY KEY NOT NULL,
    connection_id TEXT NOT NULL REFERENCES sso_connections (id),
    name_digest   TEXT NOT NULL,
    called        TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);
CREATE INDEX sso_sessions_name ON sso_sessions (connection_id, name_digest);
CREATE INDEX sso_sessions_expires ON sso_sessions (expires_at);

CREATE TABLE sso_logouts (
    id            TEXT PRIMARY KEY NOT NULL,
    connection_id TEXT NOT NULL REFERENCES sso_connections (id),
    called        TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);
CREATE INDEX sso_logouts_expires ON sso_logouts (expires_at);

CREATE TABLE sso_ended (
    connection_id TEXT NOT NULL REFERENCES sso_connections (id),
    index_digest  TEXT NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (connection_id, index_digest)
);
CREATE INDEX sso_ended_expires ON sso_ended (expires_at);
