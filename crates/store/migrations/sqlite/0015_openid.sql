-- OpenID Connect: what only the answer to a request must meet, and sessions found by the provider's session.

ALTER TABLE sso_requests ADD COLUMN secrets TEXT;
ALTER TABLE sso_sessions ADD COLUMN index_digest TEXT;
CREATE INDEX sso_sessions_index ON sso_sessions (connection_id, index_digest);
